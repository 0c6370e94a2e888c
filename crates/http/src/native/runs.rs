//! Runs: what was executed, and what came of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use modelyard_core::run::{Run, RunFilter, RunKind};
use modelyard_lifecycle::report;
use modelyard_track::runs;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::Api;
use super::path::Path;
use super::query::Query;
use super::refusal::Refusal;
use super::route::{Route, get};

const MOST: u32 = 1_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/runs", "Runs of the whole line, the newest first", list)
            .does("runs list")
            .asks::<Which>()
            .answers_list::<Run>(),
        get("/runs/{run}", "A run, by its id or the beginning of it", show)
            .does("runs show")
            .answers::<Run>(),
        get("/runs/{run}/parts", "The steps of a run", parts).does("show").answers_list::<Run>(),
        get("/runs/{run}/report", "The report of the model that a run tested", report)
            .does("report")
            .answers::<Value>(),
    ]
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Which {
    project: Option<String>,
    /// Steps and trials too.
    #[serde(default)]
    all: bool,
    /// At most 1,000; 50 where nothing is said.
    limit: Option<u32>,
}

async fn list(State(api): State<Arc<Api>>, Query(which): Query<Which>) -> Result<Json<Vec<Run>>, Refusal> {
    let filter = RunFilter {
        project: which.project,
        kind: (!which.all).then_some(RunKind::Pipeline),
        limit: Some(which.limit.unwrap_or(50).min(MOST)),
        ..RunFilter::default()
    };
    let mut listed = Vec::new();
    for run in api.home.runs.list(&filter).await? {
        listed.push(runs::settle(&api.home, run).await?);
    }
    Ok(Json(listed))
}

async fn show(State(api): State<Arc<Api>>, Path(run): Path<String>) -> Result<Json<Run>, Refusal> {
    let run = runs::find(&api.home, &run).await?;
    Ok(Json(runs::settle(&api.home, run).await?))
}

async fn parts(State(api): State<Arc<Api>>, Path(run): Path<String>) -> Result<Json<Vec<Run>>, Refusal> {
    let run = runs::find(&api.home, &run).await?;
    Ok(Json(runs::parts(&api.home, &run).await?))
}

async fn report(State(api): State<Arc<Api>>, Path(run): Path<String>) -> Result<Json<Value>, Refusal> {
    let run = runs::find(&api.home, &run).await?;
    let found = report::of_run(&api.home, run).await?;
    Ok(Json(json!(report::read(&api.home, &found).await?)))
}
