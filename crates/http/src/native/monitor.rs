//! What the windows of a project show.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use modelyard_core::Timestamp;
use modelyard_core::monitor::WindowRecord;
use modelyard_lifecycle::monitor::view::{self, Status};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Api;
use super::path::Path;
use super::query::Query;
use super::refusal::Refusal;
use super::route::{Route, get};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "/projects/{project}/monitor",
            "How what a project watches does: a verdict, columns, metrics; the project by its name or its model's",
            status,
        )
        .does("monitor status")
        .answers::<Status>(),
        get(
            "/projects/{project}/monitor/windows",
            "The windows that were judged, by their begin, then version",
            windows,
        )
        .does("monitor windows")
        .asks::<After>()
        .answers_list::<WindowRecord>(),
    ]
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct After {
    /// Those that end after this alone.
    #[param(value_type = Option<String>, format = DateTime)]
    after: Option<Timestamp>,
}

async fn status(State(api): State<Arc<Api>>, Path(name): Path<String>) -> Result<Json<Status>, Refusal> {
    let applied = view::find(&api.home, &name).await?;
    Ok(Json(view::status(&api.home, &applied).await?))
}

async fn windows(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    Query(wanted): Query<After>,
) -> Result<Json<Vec<WindowRecord>>, Refusal> {
    let applied = view::find(&api.home, &name).await?;
    Ok(Json(view::windows(&api.home, &applied, wanted.after).await?))
}
