//! Predictions over HTTP: a file a protocol, a line here a route.

mod feedback;
mod invocations;
mod predict;
mod v2;
mod v2_tensor;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt, Collected, Limited};
use modelyard_serve::{ErrorCode, PredictError};

use crate::error::{self, Shape};
use crate::observed;
use crate::served::{Miss, Served};

/// Handlers with their paths, without a state yet.
pub(crate) fn routes() -> Router<Arc<Served>> {
    Router::new()
        .route("/predict/{name}", post(predict::predict))
        .route("/invocations", post(invocations::invocations))
        .route("/feedback", post(feedback::feedback))
        .route("/ping", get(ready))
        .route("/health", get(ready))
        .route("/metrics", get(metrics))
        .route("/v2", get(v2::server))
        .route("/v2/health/live", get(alive))
        .route("/v2/health/ready", get(ready))
        .route("/v2/models/{name}", get(v2::model))
        .route("/v2/models/{name}/ready", get(v2::ready))
        .route("/v2/models/{name}/infer", post(v2::infer))
        .route("/v2/models/{name}/versions/{version}", get(v2::model_version))
        .route("/v2/models/{name}/versions/{version}/ready", get(v2::ready_version))
        .route("/v2/models/{name}/versions/{version}/infer", post(v2::infer_version))
        .fallback(unknown_route)
        .method_not_allowed_fallback(wrong_method)
}

async fn alive() -> Response {
    axum::Json(serde_json::json!({"status": "alive"})).into_response()
}

/// Whether a version answers: it is proven before it is taken in.
async fn ready(State(served): State<Arc<Served>>, request: Request) -> Response {
    match served.fleet().incumbent() {
        Ok(_) => axum::Json(serde_json::json!({"status": "ready"})).into_response(),
        Err(error) => error::answer(shape_of(&request), &error),
    }
}

async fn metrics(State(served): State<Arc<Served>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], observed::text(&served)).into_response()
}

async fn unknown_route(State(served): State<Arc<Served>>, request: Request) -> Response {
    let message = format!("there is no route `{} {}`", request.method(), request.uri().path());
    let name = served.fleet().serving().0.unwrap_or_else(|| "NAME".to_owned());
    let hint = format!("POST /predict/{name} answers predictions");
    error::answer(shape_of(&request), &PredictError::new(ErrorCode::ModelMissing, message).hint(hint))
}

/// Axum adds the header `allow`.
async fn wrong_method(request: Request) -> Response {
    let message = format!("the route `{}` takes no {}", request.uri().path(), request.method());
    let error = PredictError::new(ErrorCode::BadValue, message)
        .hint("predictions are asked for with POST, everything else with GET");
    (StatusCode::METHOD_NOT_ALLOWED, error::answer(shape_of(&request), &error)).into_response()
}

fn shape_of(request: &Request) -> Shape {
    if request.uri().path().starts_with("/v2") { Shape::V2 } else { Shape::Native }
}

/// Runs `work` and shapes its error; counts it where no version did.
async fn observe(
    served: &Served,
    shape: Shape,
    work: impl Future<Output = Result<Response, Miss>>,
) -> Response {
    match work.await {
        Ok(response) => response,
        Err(Miss { error, was_routed }) => {
            if !was_routed {
                served.unrouted.refused(error.code);
            }
            // What clients get wrong is theirs to read: they must not fill the disk of whoever serves them.
            if !error.code.is_clients() {
                tracing::warn!(code = error.code.as_str(), "{}", error.message);
            }
            error::answer(shape, &error)
        }
    }
}

/// The whole body of `request`.
async fn body(served: &Served, request: Request) -> Result<Bytes, PredictError> {
    let (limit, patience) = (served.limits.body_bytes, served.limits.patience);
    let too_large = || {
        PredictError::new(ErrorCode::TooLarge, format!("the body is larger than {limit} bytes"))
            .hint("send several requests, or use `modelyard predict` for files")
    };
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let mut body = request.into_body();
    if declared.is_none_or(|length| length <= limit) {
        // Axum's own extractor would stop at its default of 2 MB.
        let mut whole = pin!(Limited::new(&mut body, limit).collect());
        // Mostly it came with the headers: no timer for those.
        let whole = match futures::poll!(whole.as_mut()) {
            Poll::Ready(whole) => whole,
            Poll::Pending => tokio::time::timeout(patience, whole).await.map_err(|_| {
                let message = format!("the body was not sent within {} s", patience.as_secs_f64());
                PredictError::new(ErrorCode::NotJson, message).hint("send less at once")
            })?,
        };
        // The only ways to fail here are the limit and a client that went away, which reads no answer.
        if let Ok(whole) = whole.map(Collected::to_bytes) {
            return Ok(whole);
        }
    }
    pass_over(body).await;
    Err(too_large())
}

/// Reads what a client still sends, within reason: most read no answer before they have sent everything,
/// and a connection that is closed on them loses it.
async fn pass_over(mut body: Body) {
    const MOST_BYTES: usize = 256 << 20;
    const PATIENCE: Duration = Duration::from_secs(5);
    let reading = async {
        let mut left = MOST_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, reading).await;
}
