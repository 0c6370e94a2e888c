//! What served in an environment, and who put it there.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use modelyard_core::Timestamp;
use modelyard_lifecycle::deploy::history::{self, Wanted};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Api;
use super::environments::id;
use super::path::Path;
use super::query::Query;
use super::refusal::Refusal;
use super::route::{Route, get};

const MOST: usize = 1_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "/projects/{project}/environments/{environment}/history",
            "Every state of an environment, the newest first; with `at` what served at that instant",
            show,
        )
        .does("history")
        .asks::<When>(),
    ]
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct When {
    /// An instant: what served then.
    #[param(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// Without `at`: how many at most; 1,000 where nothing is said, and no more.
    limit: Option<usize>,
    /// Without `at`: only states that serve otherwise than the one before.
    #[serde(default)]
    serving: bool,
}

async fn show(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Query(when): Query<When>,
) -> Result<Response, Refusal> {
    let id = id(environment);
    Ok(match when.at {
        Some(at) => Json(history::at(&api.home, &id, at).await?).into_response(),
        None => {
            let limit = Some(when.limit.unwrap_or(MOST).min(MOST));
            let wanted = Wanted { limit, serving: when.serving };
            Json(history::of(&api.home, &id, wanted).await?).into_response()
        }
    })
}
