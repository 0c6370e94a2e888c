//! A data plane's connections: clients that dawdle are not waited for, those that go on asking lose no request to
//! the end, and nothing of that costs a request a timer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use axum::http::HeaderValue;
use axum::http::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::{Served, connection, router};

/// How long, after the end was asked for, a client may take to send the rest of its request.
const GRACE: Duration = Duration::from_secs(10);
/// How long, after the end was asked for, an idle connection stays open for its client to ask once more and be
/// told with the answer: closed at once, it takes with it what the client writes in that moment.
const FAREWELL: Duration = Duration::from_secs(2);

/// Answers requests on `listener` until `ended` resolves, then what was taken, then returns. An open connection
/// has two seconds for one more request, whose answer closes it; whoever has not sent a whole request ten seconds
/// later is not waited for.
pub async fn serve(
    listener: TcpListener,
    served: Arc<Served>,
    ended: impl Future<Output = ()> + Send + 'static,
) {
    serve_until(listener, served, Box::pin(ended)).await;
}

/// Not generic: what a connection runs through is compiled with this crate, not with its caller,
/// which the profile `demo` leaves as it is.
async fn serve_until(
    listener: TcpListener,
    served: Arc<Served>,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
) {
    let (tell, ending) = watch::channel(false);
    let (router, limits) = (router(served.clone()), served.limits);
    let answer = |stream| {
        let (service, ending) = (TowerToHyperService::new(router.clone()), ending.clone());
        answer(stream, service, ending, limits.patience)
    };
    let serving = connection::serve(listener, limits.connections, ending.clone(), overdue(&served), answer);
    let telling = async {
        ended.await;
        let _ = tell.send(true);
    };
    tokio::join!(serving, telling);
}

async fn answer(
    stream: TcpStream,
    router: TowerToHyperService<axum::Router>,
    mut ending: watch::Receiver<bool>,
    patience: Duration,
) {
    let requests = Arc::new(Requests::default());
    let counted = requests.clone();
    let service = service_fn(move |request| {
        let under_way = UnderWay::begin(counted.clone());
        let answer = router.call(request);
        async move {
            let mut answer = answer.await;
            if let Ok(answer) = &mut answer
                && under_way.is_last()
            {
                // Hyper closes the connection after it.
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            drop(under_way);
            answer
        }
    });
    let closing = async {
        connection::until_ending(&mut ending).await;
        requests.is_ending.store(true, Relaxed);
        tokio::time::sleep(FAREWELL).await;
    };
    let http = http1::Builder::new();
    connection::answer(&http, stream, service, closing, requests.no_more_within(patience)).await;
}

/// The requests of a connection.
#[derive(Default)]
struct Requests {
    /// What was begun and ended, so that it is odd while one is under way.
    turns: AtomicU64,
    /// Whether the next answer is to be the last.
    is_ending: AtomicBool,
}

impl Requests {
    /// Resolves once for `patience`, and at most twice as long, no request was begun or under way. Hyper's own
    /// `header_read_timeout` costs each request a timer and a read that finds nothing.
    async fn no_more_within(&self, patience: Duration) {
        let mut before = 0;
        loop {
            tokio::time::sleep(patience).await;
            let now = self.turns.load(Relaxed);
            if now == before && now.is_multiple_of(2) {
                return;
            }
            before = now;
        }
    }
}

struct UnderWay(Arc<Requests>);

impl UnderWay {
    fn begin(requests: Arc<Requests>) -> Self {
        requests.turns.fetch_add(1, Relaxed);
        Self(requests)
    }

    fn is_last(&self) -> bool {
        self.0.is_ending.load(Relaxed)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.turns.fetch_add(1, Relaxed);
    }
}

/// Resolves when the end was asked for long ago and the model answers nobody. To be awaited from the end on.
async fn overdue(served: &Served) {
    const PAUSE: Duration = Duration::from_millis(100);
    tokio::time::sleep(GRACE).await;
    while served.is_answering() {
        tokio::time::sleep(PAUSE).await;
    }
    // For the last answers to be written.
    tokio::time::sleep(PAUSE).await;
    tracing::warn!("clients that had not sent a whole request were not waited for");
}
