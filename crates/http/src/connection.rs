//! Connections, within a limit of their number, until the end. What a connection is served by is its
//! server's own: [`crate::native`]'s API and data planes have other clients.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Serves each connection of `listener` with what `answer` makes of it, `most` at once while more wait, until
/// `ending` becomes true; then what was taken, until `overdue` at the latest.
pub(crate) async fn serve<A: Future<Output = ()> + Send + 'static>(
    listener: TcpListener,
    most: usize,
    mut ending: watch::Receiver<bool>,
    overdue: impl Future<Output = ()>,
    answer: impl Fn(TcpStream) -> A,
) {
    let places = Arc::new(Semaphore::new(most));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            (place, stream) = accepted => match stream {
                Ok((stream, _)) => {
                    // A small answer must not wait for the acknowledgement of the one before.
                    let _ = stream.set_nodelay(true);
                    let answering = answer(stream);
                    connections.spawn(async move {
                        answering.await;
                        drop(place);
                    });
                }
                // Too many open files, for one: it passes.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
            () = until_ending(&mut ending) => break,
        }
    }
    drop(listener);
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = overdue => {}
    }
}

/// Answers the requests of a connection until it is closed, `is_over` resolves, or `closing` does and the
/// request under way is answered. A client that writes its next request just when an idle connection is closed
/// loses it.
pub(crate) async fn answer<S>(
    http: &http1::Builder,
    stream: TcpStream,
    service: S,
    closing: impl Future<Output = ()>,
    is_over: impl Future<Output = ()>,
) where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible>,
{
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let mut is_over = pin!(is_over);
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = is_over.as_mut() => return,
        () = closing => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = connection => {}
        () = is_over => {}
    }
}

/// Resolves when the end is asked for.
pub(crate) async fn until_ending(ending: &mut watch::Receiver<bool>) {
    // Where nobody can ask for it any more, it has come.
    let _ = ending.wait_for(|ending| *ending).await;
}
