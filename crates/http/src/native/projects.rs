//! Projects, as far as they applied something.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use modelyard_core::deploy::Applied;
use modelyard_lifecycle::deploy::apply;

use super::Api;
use super::path::Path;
use super::refusal::Refusal;
use super::route::{Route, get};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/projects", "Names of the projects that applied something", list).answers_list::<String>(),
        get("/projects/{project}", "What a project applied last: what the server acts on", show)
            .does("apply")
            .answers::<Applied>(),
    ]
}

async fn list(State(api): State<Arc<Api>>) -> Result<Json<Vec<String>>, Refusal> {
    Ok(Json(api.home.environments.projects().await?))
}

async fn show(State(api): State<Arc<Api>>, Path(project): Path<String>) -> Result<Json<Applied>, Refusal> {
    Ok(Json(apply::applied(&api.home, &project).await?))
}
