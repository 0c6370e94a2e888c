//! Registered models and their versions.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use modelyard_core::deploy::{Approval, Verdict};
use modelyard_core::model::{ModelRef, ModelVersion, RegisteredModel, Which};
use modelyard_lifecycle::deploy::approval;
use modelyard_lifecycle::report;
use modelyard_track::registry;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Api;
use super::access::{Caller, Permission};
use super::body::Body;
use super::path::Path;
use super::refusal::Refusal;
use super::route::{Route, get, post, put};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/models", "Registered models", list).does("models list").answers_list::<RegisteredModel>(),
        get("/models/{name}", "A registered model and its aliases", show)
            .does("models show")
            .answers::<RegisteredModel>(),
        get("/models/{name}/versions", "The versions of a model, the newest first", versions)
            .does("models show")
            .answers_list::<ModelVersion>(),
        get("/models/{name}/versions/{version}", "A version, by number or alias", version)
            .does("models show")
            .answers::<ModelVersion>(),
        get("/models/{name}/versions/{version}/approvals", "What people said of a version", approvals)
            .does("models show")
            .answers_list::<Approval>(),
        get("/models/{name}/versions/{version}/report", "The report of a version's test", report)
            .does("report")
            .answers::<Value>(),
        post(
            "/models/{name}/versions/{version}/approve",
            Permission::Approve,
            "Says that a version may be released",
            approve,
        )
        .does("models approve")
        .takes::<Comment>()
        .answers::<Approval>(),
        post(
            "/models/{name}/versions/{version}/reject",
            Permission::Approve,
            "Says that a version may not be released, until the same person approves it",
            reject,
        )
        .does("models reject")
        .takes::<Comment>()
        .answers::<Approval>(),
        put("/models/{name}/aliases/{alias}", Permission::Register, "Points an alias at a version", alias)
            .does("models alias")
            .takes::<Alias>()
            .answers::<RegisteredModel>(),
    ]
}

async fn list(State(api): State<Arc<Api>>) -> Result<Json<Vec<RegisteredModel>>, Refusal> {
    Ok(Json(api.home.models.models().await?))
}

async fn show(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<RegisteredModel>, Refusal> {
    Ok(Json(registry::model(&api.home, &name).await?))
}

async fn versions(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
) -> Result<Json<Vec<ModelVersion>>, Refusal> {
    registry::model(&api.home, &name).await?;
    Ok(Json(api.home.models.versions(&name).await?))
}

async fn version(
    State(api): State<Arc<Api>>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<ModelVersion>, Refusal> {
    let model: ModelRef = format!("{name}@{version}").parse()?;
    Ok(Json(registry::find(&api.home, &model).await?))
}

async fn approvals(
    State(api): State<Arc<Api>>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<Vec<Approval>>, Refusal> {
    let model: ModelRef = format!("{name}@{version}").parse()?;
    let found = registry::find(&api.home, &model).await?;
    Ok(Json(api.home.environments.approvals(&found.name, found.number).await?))
}

async fn report(
    State(api): State<Arc<Api>>,
    Path((name, version)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let model: ModelRef = format!("{name}@{version}").parse()?;
    let found = report::of_version(&api.home, &model).await?;
    Ok(Json(json!(report::read(&api.home, &found).await?)))
}

/// What somebody says with it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Comment {
    comment: Option<String>,
}

async fn approve(
    State(api): State<Arc<Api>>,
    Path(version): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    Body(said): Body<Comment>,
) -> Result<Json<Approval>, Refusal> {
    say(&api, &caller, version, Verdict::Approved, said).await
}

async fn reject(
    State(api): State<Arc<Api>>,
    Path(version): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    Body(said): Body<Comment>,
) -> Result<Json<Approval>, Refusal> {
    say(&api, &caller, version, Verdict::Rejected, said).await
}

async fn say(
    api: &Api,
    caller: &Caller,
    (name, version): (String, String),
    verdict: Verdict,
    said: Comment,
) -> Result<Json<Approval>, Refusal> {
    let model: ModelRef = format!("{name}@{version}").parse()?;
    let by = api.by(caller);
    Ok(Json(approval::give(&api.home, &model, verdict, said.comment.as_deref(), &by).await?.approval))
}

/// Where an alias is to point.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Alias {
    version: u32,
}

async fn alias(
    State(api): State<Arc<Api>>,
    Path((name, alias)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    Body(to): Body<Alias>,
) -> Result<Json<RegisteredModel>, Refusal> {
    let version = ModelRef { name: name.clone(), which: Which::Number(to.version) };
    registry::set_alias(&api.home, &version, &alias, &api.by(&caller)).await?;
    Ok(Json(registry::model(&api.home, &name).await?))
}
