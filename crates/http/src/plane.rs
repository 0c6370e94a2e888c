//! A data plane's connections: clients that dawdle are not waited for, and nothing of that costs a request a
//! timer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::{Served, connection, router};

/// How long, after the end was asked for, a client may take to send the rest of its request.
const GRACE: Duration = Duration::from_secs(10);

/// Answers requests on `listener` until `ended` resolves, then what was taken, then returns. Whoever
/// has not sent a whole request ten seconds later is not waited for.
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
    ending: watch::Receiver<bool>,
    patience: Duration,
) {
    let requests = Arc::new(Requests::default());
    let counted = requests.clone();
    let service = service_fn(move |request| {
        let under_way = UnderWay::begin(counted.clone());
        let answer = router.call(request);
        async move {
            let answer = answer.await;
            drop(under_way);
            answer
        }
    });
    let http = http1::Builder::new();
    connection::answer(&http, stream, service, ending, requests.no_more_within(patience)).await;
}

/// The requests of a connection: what was begun and ended, so that it is odd while one is under way.
#[derive(Default)]
struct Requests(AtomicU64);

impl Requests {
    /// Resolves once for `patience`, and at most twice as long, no request was begun or under way. Hyper's own
    /// `header_read_timeout` costs each request a timer and a read that finds nothing.
    async fn no_more_within(&self, patience: Duration) {
        let mut before = 0;
        loop {
            tokio::time::sleep(patience).await;
            let now = self.0.load(Relaxed);
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
        requests.0.fetch_add(1, Relaxed);
        Self(requests)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Relaxed);
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
