//! The only crate that knows HTTP and wire JSON.
//!
//! `inference/` answers predictions in three protocols: ours, MLflow's `/invocations`, and the Open
//! Inference Protocol v2. A handler translates; the rules about requests are `modelyard_serve`'s.
//! To add a protocol: a file in `inference/`, a line in [`router`], its error shape in `error.rs`.

mod error;
mod inference;
mod json;
mod observed;
mod served;

use std::future::Future;
use std::sync::Arc;

use axum::Router;
use axum::serve::ListenerExt;
use modelyard_core::fault::Attempt;
use modelyard_core::{Kind, Result};
use tokio::net::TcpListener;

pub use served::{Limits, Served};

/// Every route of a data plane.
pub fn router(served: Arc<Served>) -> Router {
    inference::routes().with_state(served)
}

/// Answers requests on `listener` until `ended` resolves, then what was taken, then returns.
///
/// # Errors
/// If the listener fails.
pub async fn serve(
    listener: TcpListener,
    served: Arc<Served>,
    ended: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    // A small answer must not wait for the acknowledgement of the one before.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router(served))
        .with_graceful_shutdown(ended)
        .await
        .attempt(Kind::Internal, || "serving ended".to_owned())
}
