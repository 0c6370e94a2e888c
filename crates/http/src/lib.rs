//! The only crate that knows HTTP and wire JSON.
//!
//! `inference/` answers predictions in three protocols: ours, MLflow's `/invocations`, and the Open
//! Inference Protocol v2. A handler translates; the rules about requests are `modelyard_serve`'s.
//! To add a protocol: a file in `inference/`, a line in [`router`], its error shape in `error.rs`.

pub mod client;
mod error;
mod inference;
mod json;
pub mod native;
mod observed;
mod served;

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use modelyard_core::fault::Attempt;
use modelyard_core::{Kind, Result};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use served::{Limits, Served};

/// Every route of a data plane.
pub fn router(served: Arc<Served>) -> Router {
    inference::routes().with_state(served)
}

/// How long, after the end was asked for, a client may take to send the rest of its request.
const GRACE: Duration = Duration::from_secs(10);

/// Answers requests on `listener` until `ended` resolves, then what was taken, then returns. Whoever
/// has not sent a whole request ten seconds later is not waited for.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    served: Arc<Served>,
    ended: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    serve_until(listener, served, Box::pin(ended)).await
}

/// Not generic: what a connection runs through is compiled with this crate, not with its caller,
/// which the profile `demo` leaves as it is.
async fn serve_until(
    listener: TcpListener,
    served: Arc<Served>,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
) -> Result<()> {
    // A small answer must not wait for the acknowledgement of the one before.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let (tell, told) = oneshot::channel();
    let ended = async move {
        ended.await;
        let _ = tell.send(());
    };
    let serving = axum::serve(listener, router(served.clone())).with_graceful_shutdown(ended);
    tokio::select! {
        result = serving.into_future() => result.attempt(Kind::Internal, || "serving ended".to_owned()),
        () = overdue(&served, told) => {
            tracing::warn!("clients that had not sent a whole request were not waited for");
            Ok(())
        }
    }
}

/// Resolves when the end was asked for long ago and the model answers nobody.
async fn overdue(served: &Served, told: oneshot::Receiver<()>) {
    const PAUSE: Duration = Duration::from_millis(100);
    if told.await.is_err() {
        return std::future::pending().await;
    }
    tokio::time::sleep(GRACE).await;
    while served.is_answering() {
        tokio::time::sleep(PAUSE).await;
    }
    // For the last answers to be written.
    tokio::time::sleep(PAUSE).await;
}
