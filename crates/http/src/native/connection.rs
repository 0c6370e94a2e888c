//! Connections, within limits: of number, of headers, of the time a client may take for them.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// At once; more wait.
const CONNECTIONS: usize = 512;
/// Of one request.
const HEADERS: usize = 64;
const HEADER_BYTES: usize = 64 << 10;
/// For the headers of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// For answers under way, once the end was asked for.
const GRACE: Duration = Duration::from_secs(10);

/// Answers on `listener` until `ending` becomes true, then what was taken.
pub(super) async fn serve(listener: TcpListener, router: Router, ending: watch::Receiver<bool>) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_headers(HEADERS)
        .max_buf_size(HEADER_BYTES)
        .half_close(false);
    let mut told = ending.clone();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            (place, stream) = accepted => match stream {
                Ok((stream, _)) => {
                    let answering = answer(http.clone(), stream, router.clone(), ending.clone());
                    connections.spawn(async move {
                        answering.await;
                        drop(place);
                    });
                }
                // Too many open files, for one: it passes.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
            () = until_ending(&mut told) => break,
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
}

async fn answer(http: http1::Builder, stream: TcpStream, router: Router, mut ending: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = until_ending(&mut ending) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Resolves when the end is asked for.
pub(super) async fn until_ending(ending: &mut watch::Receiver<bool>) {
    // Where nobody can ask for it any more, it has come.
    let _ = ending.wait_for(|ending| *ending).await;
}
