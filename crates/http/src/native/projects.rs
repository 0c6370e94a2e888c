//! Projects, as far as they applied something, and applying them again.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use modelyard_core::deploy::Applied;
use modelyard_core::{Fault, Kind};
use modelyard_lifecycle::deploy::apply::{self, Proposal};
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::access::{Caller, Permission};
use super::path::Path;
use super::refusal::Refusal;
use super::route::{Route, get, post};

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/projects", "Names of the projects that applied something", list).answers_list::<String>(),
        get("/projects/{project}", "What a project applied last: what the server acts on", show)
            .answers::<Applied>(),
        get(
            "/projects/{project}/plan",
            "What applying the project's folder, as it is now, would change",
            plan,
        )
        .does("apply --dry-run")
        .answers::<Plan>(),
        post(
            "/projects/{project}/apply",
            Permission::Apply,
            "Applies the project's folder as it is now; the folder is the one it was applied from before",
            apply_it,
        )
        .does("apply")
        .answers::<Plan>(),
    ]
}

async fn list(State(api): State<Arc<Api>>) -> Result<Json<Vec<String>>, Refusal> {
    Ok(Json(api.home.environments.projects().await?))
}

async fn show(State(api): State<Arc<Api>>, Path(project): Path<String>) -> Result<Json<Applied>, Refusal> {
    Ok(Json(apply::applied(&api.home, &project).await?))
}

/// What would change, or was changed.
#[derive(Serialize, ToSchema)]
#[schema(as = ApplyPlan)]
struct Plan {
    #[serde(flatten)]
    proposal: Proposal,
    /// Whether it is done.
    applied: bool,
}

async fn plan(State(api): State<Arc<Api>>, Path(project): Path<String>) -> Result<Json<Plan>, Refusal> {
    Ok(Json(Plan { proposal: propose(&api, &project).await?, applied: false }))
}

async fn apply_it(
    State(api): State<Arc<Api>>,
    Path(project): Path<String>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Plan>, Refusal> {
    let proposal = propose(&api, &project).await?;
    apply::apply(&api.home, &proposal, &api.by(&caller)).await?;
    Ok(Json(Plan { proposal, applied: true }))
}

/// Only the folder that `modelyard apply` recorded is read: a request may not name one, or whoever reaches
/// the port would let this server's user read, and test with, whatever lies anywhere.
async fn propose(api: &Api, project: &str) -> Result<Proposal, Fault> {
    let folder = apply::applied(&api.home, project).await?.folder;
    let proposal = api.machine.propose(std::path::Path::new(&folder)).await?;
    if proposal.project != project {
        return Err(Fault::new(
            Kind::Conflict,
            format!(
                "`{folder}`, from which `{project}` was applied, is the project `{}` now",
                proposal.project
            ),
        )
        .hint(format!("run `modelyard apply` in the folder of `{project}`")));
    }
    Ok(proposal)
}
