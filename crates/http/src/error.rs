//! From an error to an answer: one status for each code, a shape for each protocol.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use modelyard_serve::{ErrorCode, PredictError};
use serde_json::json;

/// Which protocol the client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shape {
    Native,
    Mlflow,
    V2,
}

pub(crate) fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::NotJson | ErrorCode::TooDeep | ErrorCode::TooLarge => StatusCode::BAD_REQUEST,
        ErrorCode::BadValue
        | ErrorCode::UnknownField
        | ErrorCode::MissingField
        | ErrorCode::Preprocessing => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorCode::ModelMissing => StatusCode::NOT_FOUND,
        ErrorCode::Overloaded | ErrorCode::NotReady => StatusCode::SERVICE_UNAVAILABLE,
        // Nobody reads what is said to somebody who went away.
        ErrorCode::Timeout | ErrorCode::GivenUp => StatusCode::GATEWAY_TIMEOUT,
        ErrorCode::Inference | ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(crate) fn answer(shape: Shape, error: &PredictError) -> Response {
    let code = error.code.as_str();
    let document = match shape {
        Shape::Native => {
            json!({"message": error.message, "code": code, "hint": error.hint, "field": error.field})
        }
        Shape::Mlflow => json!({"error_code": mlflow_code(error.code), "message": sentence(error)}),
        Shape::V2 => json!({"error": sentence(error)}),
    };
    (status(error.code), Json(document)).into_response()
}

/// Message and hint in one text, for protocols with a single field.
fn sentence(error: &PredictError) -> String {
    match &error.hint {
        Some(hint) => format!("{} ({}); {hint}", error.message, error.code.as_str()),
        None => format!("{} ({})", error.message, error.code.as_str()),
    }
}

fn mlflow_code(code: ErrorCode) -> &'static str {
    match status(code) {
        StatusCode::NOT_FOUND => "RESOURCE_DOES_NOT_EXIST",
        StatusCode::GATEWAY_TIMEOUT => "DEADLINE_EXCEEDED",
        StatusCode::SERVICE_UNAVAILABLE => "TEMPORARILY_UNAVAILABLE",
        StatusCode::INTERNAL_SERVER_ERROR => "INTERNAL_ERROR",
        _ => "BAD_REQUEST",
    }
}
