//! Environments: looked at, stopped, started, compared.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::model::ModelRef;
use modelyard_lifecycle::deploy::environments::{self, Listed, Shown, Unequal};
use modelyard_lifecycle::deploy::tested;

use super::Api;
use super::access::{Caller, Permission};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::path::Path;
use super::query::Query;
use super::refusal::Refusal;
use super::route::{Route, get, post};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/environments", "The environments of all projects", list_all)
            .does("environments list")
            .answers_list::<Listed>(),
        get("/projects/{project}/environments", "The environments of a project", list)
            .does("environments list")
            .answers_list::<Listed>(),
        get(
            "/projects/{project}/environments/{environment}",
            "What an environment wants, serves and reports",
            show,
        )
        .does("environments show")
        .answers::<Shown>(),
        get(
            "/projects/{project}/environments/{environment}/differences/{other}",
            "What must be equal between two environments and is not, now or when a version was last tested",
            differences,
        )
        .does("environments diff")
        .answers_list::<Unequal>(),
        get(
            "/projects/{project}/environments/{environment}/report",
            "The newest report of application tests there, of any version or of one",
            report,
        )
        .does("report --environment")
        .asks::<Of>()
        .answers::<Value>(),
        get(
            "/projects/{project}/environments/{environment}/replicas/{replica}/log",
            "The last lines that a replica wrote",
            log,
        )
        .asks::<Lines>(),
        post(
            "/projects/{project}/environments/{environment}/stop",
            Permission::Deploy,
            "Wants no replicas any more",
            stop,
        )
        .does("environments stop")
        .answers::<Shown>(),
        post(
            "/projects/{project}/environments/{environment}/start",
            Permission::Deploy,
            "Wants its replicas again",
            start,
        )
        .does("environments start")
        .answers::<Shown>(),
    ]
}

/// `{project}` and `{environment}` of a path.
pub(super) fn id((project, name): (String, String)) -> EnvironmentId {
    EnvironmentId { project, name }
}

async fn list_all(State(api): State<Arc<Api>>) -> Result<Json<Vec<Listed>>, Refusal> {
    Ok(Json(environments::list(&api.home, None, api.clock.now()).await?))
}

async fn list(
    State(api): State<Arc<Api>>,
    Path(project): Path<String>,
) -> Result<Json<Vec<Listed>>, Refusal> {
    Ok(Json(environments::list(&api.home, Some(&project), api.clock.now()).await?))
}

async fn show(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
) -> Result<Json<Shown>, Refusal> {
    Ok(Json(environments::show(&api.home, &id(environment), api.clock.now()).await?))
}

async fn differences(
    State(api): State<Arc<Api>>,
    Path((project, environment, other)): Path<(String, String, String)>,
) -> Result<Json<Vec<Unequal>>, Refusal> {
    let one = environments::find(&api.home, &id((project.clone(), environment))).await?;
    let other = environments::find(&api.home, &id((project, other))).await?;
    let tested = environments::last_tested(&api.home, &one, &other).await?;
    let facts = tested.as_ref().and_then(|release| release.facts.as_ref());
    let machine = api.machine.machine(facts.is_some_and(|facts| facts.onnx_library.is_some())).await?;
    Ok(Json(environments::differences(&one, &other, tested.as_ref(), machine)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Of {
    /// `late-flights`, `late-flights@3`, `late-flights@challenger`.
    model: Option<String>,
}

async fn report(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Query(of): Query<Of>,
) -> Result<Json<Value>, Refusal> {
    let model = of.model.as_deref().map(str::parse::<ModelRef>).transpose()?;
    let release = tested::find(&api.home, &id(environment), model.as_ref()).await?;
    Ok(Json(json!(tested::report(&api.home, &release).await?)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Lines {
    /// At most 10,000; 100 where nothing is said.
    lines: Option<usize>,
}

async fn log(
    State(api): State<Arc<Api>>,
    Path((project, environment, replica)): Path<(String, String, u32)>,
    Query(wanted): Query<Lines>,
) -> Result<String, Refusal> {
    let environment = environments::find(&api.home, &id((project, environment))).await?;
    let lines = wanted.lines.unwrap_or(100).min(10_000);
    Ok(api.target.logs(&environment.id, replica, lines).await?)
}

async fn stop(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Shown>, Refusal> {
    set_running(&api, &caller, &id(environment), false).await
}

async fn start(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Shown>, Refusal> {
    set_running(&api, &caller, &id(environment), true).await
}

async fn set_running(
    api: &Api,
    caller: &Caller,
    id: &EnvironmentId,
    running: bool,
) -> Result<Json<Shown>, Refusal> {
    environments::set_running(&api.home, id, running, &api.by(caller)).await?;
    Ok(Json(environments::show(&api.home, id, api.clock.now()).await?))
}
