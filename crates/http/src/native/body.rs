//! Bodies: JSON, read once, within limits of size, depth and time.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::Response;
use http_body_util::{BodyExt, Limited};
use serde::de::DeserializeOwned;

use super::refusal::refused;

/// Largest body.
const BYTES: usize = 1 << 20;

/// How long a client may take to send it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The body of a request; an empty one is `{}`.
pub(super) struct Body<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let is_json = kind.is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or(kind).trim();
            kind.eq_ignore_ascii_case("application/json")
        });
        let body = read(request).await?;
        if body.is_empty() {
            return parse(b"{}").map(Self).map_err(|refusal| *refusal);
        }
        // Also what a page can't send across origins without being asked first.
        if !is_json {
            let hint = "send the header `content-type: application/json`";
            return Err(refused(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "usage",
                "the body is not said to be JSON",
                Some(hint),
                None,
            ));
        }
        parse(&body).map(Self).map_err(|refusal| *refusal)
    }
}

/// The bytes of a body, as they were signed.
pub(super) async fn read(request: Request) -> Result<Vec<u8>, Response> {
    let reading = Limited::new(request.into_body(), BYTES).collect();
    match tokio::time::timeout(PATIENCE, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("the body is larger than {BYTES} bytes");
            Err(refused(StatusCode::PAYLOAD_TOO_LARGE, "usage", &message, None, None))
        }
        Ok(Err(_)) => {
            Err(refused(StatusCode::BAD_REQUEST, "usage", "the body could not be read", None, None))
        }
        Err(_) => {
            let message = format!("the body was not sent within {} s", PATIENCE.as_secs());
            Err(refused(StatusCode::REQUEST_TIMEOUT, "timeout", &message, None, None))
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Box<Response>> {
    // serde_json refuses what nests deeper than 128 levels.
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        Box::new(match error.classify() {
            serde_json::error::Category::Data => {
                let field = text.split('`').nth(1).filter(|_| text.contains("field")).map(str::to_owned);
                let message = format!("the body has another shape than this route takes: {text}");
                refused(StatusCode::UNPROCESSABLE_ENTITY, "bad_value", &message, None, field.as_deref())
            }
            _ => {
                let message = format!("the body is no JSON: {text}");
                refused(StatusCode::BAD_REQUEST, "not_json", &message, None, None)
            }
        })
    })
}
