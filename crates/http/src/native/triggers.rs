//! Triggers of continuous training: what there are, what set them off, and setting them off.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use modelyard_core::monitor::Cause;
use modelyard_lifecycle::monitor::trigger::{self, Listed, fire};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::access::{Caller, Permission};
use super::body;
use super::path::Path;
use super::query::Query;
use super::refusal::{Refusal, refused};
use super::route::{Route, get, post};

/// Where the signature of a webhook stands: ours, and as GitHub sends it.
const SIGNATURES: [&str; 2] = ["x-modelyard-signature", "x-hub-signature-256"];

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "/projects/{project}/triggers",
            "Triggers that a project applied, each with its last cause",
            list,
        )
        .does("triggers list")
        .answers_list::<Listed>(),
        get(
            "/projects/{project}/causes",
            "What set off training, the newest first, and what came of it",
            log,
        )
        .does("triggers log")
        .asks::<Which>()
        .answers_list::<Cause>(),
        post(
            "/projects/{project}/triggers/{trigger}/fire",
            Permission::Train,
            "Trains as the trigger says",
            fire_it,
        )
        .does("triggers fire")
        .answers::<Cause>(),
        post(
            "/projects/{project}/triggers/{trigger}/webhook",
            Permission::Train,
            "Trains as the trigger says; any body, signed: `x-modelyard-signature: sha256=HMAC`",
            webhook,
        )
        .answers::<Taken>(),
    ]
}

async fn list(
    State(api): State<Arc<Api>>,
    Path(project): Path<String>,
) -> Result<Json<Vec<Listed>>, Refusal> {
    Ok(Json(trigger::listed(&api.home, &project, api.clock.now()).await?))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Of this trigger alone.
    trigger: Option<String>,
    /// At most; without it all.
    limit: Option<usize>,
}

async fn log(
    State(api): State<Arc<Api>>,
    Path(project): Path<String>,
    Query(which): Query<Which>,
) -> Result<Json<Vec<Cause>>, Refusal> {
    let mut causes = trigger::log(&api.home, &project, which.trigger.as_deref()).await?;
    causes.truncate(which.limit.unwrap_or(usize::MAX));
    Ok(Json(causes))
}

async fn fire_it(
    State(api): State<Arc<Api>>,
    Path((project, trigger)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Cause>, Refusal> {
    Ok(Json(fire::fire(&api.home, &*api.clock, &project, Some(&trigger), &caller.0).await?))
}

/// What a webhook set off.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookTaken)]
struct Taken {
    cause: Cause,
    /// False where the same body came before.
    new: bool,
}

async fn webhook(
    State(api): State<Arc<Api>>,
    Path((project, trigger)): Path<(String, String)>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let body = match body::read(request).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let signature = SIGNATURES.iter().find_map(|name| headers.get(*name)?.to_str().ok());
    let secret = |name: &str| api.machine.secret(name);
    match fire::webhook(&api.home, &*api.clock, &project, &trigger, &body, signature, secret).await {
        Ok(Some((cause, new))) => Json(Taken { cause, new }).into_response(),
        Ok(None) => refused(
            StatusCode::FORBIDDEN,
            "forbidden",
            "the webhook is not signed with the trigger's secret",
            Some("x-modelyard-signature: sha256=HEX, the HMAC-SHA256 of the body under the secret"),
            None,
        ),
        Err(fault) => Refusal(fault).into_response(),
    }
}
