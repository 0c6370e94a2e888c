//! Bodies: read once, within limits.

use axum::body::Bytes;
use modelyard_serve::{ErrorCode, PredictError};
use serde::de::DeserializeOwned;

/// `body` as JSON.
///
/// # Errors
/// If it is no JSON (NaN and Infinity are none) or nests deeper than 128 levels.
pub(crate) fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, PredictError> {
    serde_json::from_slice(body).map_err(|error| {
        // serde_json stops at 128 levels and gives this case no category of its own.
        let text = error.to_string();
        if text.starts_with("recursion limit exceeded") {
            return PredictError::new(ErrorCode::TooDeep, "the body nests deeper than 128 levels");
        }
        let message = match error.classify() {
            serde_json::error::Category::Data => {
                format!("the body has another shape than this route takes: {text}")
            }
            _ => format!("the body is no JSON: {text}"),
        };
        PredictError::new(ErrorCode::NotJson, message)
    })
}
