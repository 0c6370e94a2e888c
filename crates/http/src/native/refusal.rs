//! From a fault to an answer: `{message, code, hint, field}`, and the status of its kind.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use modelyard_core::{Fault, Kind};
use serde_json::json;

/// A fault on its way out.
#[derive(Debug)]
pub(super) struct Refusal(pub(super) Fault);

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = status(self.0.kind());
        if status.is_server_error() {
            tracing::error!("{}", self.0.report());
        }
        let hint = self.0.hint_text();
        answer(status, self.0.kind().as_str(), self.0.message(), hint, None, self.0.details())
    }
}

/// An answer that no fault is behind: the request itself is wrong, in `field` where one is.
pub(super) fn refused(
    status: StatusCode,
    code: &str,
    message: &str,
    hint: Option<&str>,
    field: Option<&str>,
) -> Response {
    answer(status, code, message, hint, field, &[])
}

fn answer(
    status: StatusCode,
    code: &str,
    message: &str,
    hint: Option<&str>,
    field: Option<&str>,
    details: &[(String, String)],
) -> Response {
    let mut document = json!({"message": message, "code": code, "hint": hint, "field": field});
    if !details.is_empty() {
        document["details"] = details.iter().map(|(label, text)| (label.clone(), json!(text))).collect();
    }
    (status, Json(document)).into_response()
}

pub(super) async fn other_method() -> Response {
    let message = "this route does not take this method";
    refused(StatusCode::METHOD_NOT_ALLOWED, "usage", message, Some("GET /api/v1 lists all routes"), None)
}

fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Usage => StatusCode::BAD_REQUEST,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict | Kind::Release => StatusCode::CONFLICT,
        Kind::Config | Kind::Data | Kind::Check | Kind::Gate | Kind::Different => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Kind::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Environment | Kind::Step | Kind::Model | Kind::Package | Kind::Store | Kind::Internal => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}
