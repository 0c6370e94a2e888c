//! Releases: begun, looked at, steered, taken back; and the times when none may begin.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use modelyard_core::deploy::{
    Environment, EnvironmentId, Freeze, Release, ReleaseId, ReleaseKind, StrategyKind, Wish,
};
use modelyard_core::model::{ModelRef, ModelVersion};
use modelyard_core::{Fault, Kind, Timestamp};
use modelyard_lifecycle::deploy::release::{self, Asked, Begun, Drill, Look};
use modelyard_lifecycle::deploy::{apply, environments};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::access::{Caller, Permission};
use super::body::Body;
use super::environments::id;
use super::path::Path;
use super::refusal::{Refusal, refused};
use super::route::{Route, get, post, put};

pub(super) fn routes() -> Vec<Route> {
    let deploy = Permission::Deploy;
    vec![
        get(
            "/projects/{project}/environments/{environment}/releases",
            "The releases of an environment, the newest first",
            list,
        )
        .answers_list::<Release>(),
        get("/releases/{release}", "A release and its decisions", show).answers::<Release>(),
        get(
            "/projects/{project}/environments/{environment}/release",
            "The release under way in an environment, else the last one: what it waits for, and on what it is \
             judged now; null where nothing was released yet",
            look,
        )
        .does("release status")
        .answers::<Look>(),
        post(
            "/projects/{project}/environments/{environment}/releases",
            deploy,
            "Begins a release by the environment's strategy",
            begin_release,
        )
        .does("release")
        .takes::<What>()
        .answers::<Begin>(),
        post(
            "/projects/{project}/environments/{environment}/deploy",
            deploy,
            "Begins a release that puts a version in place all at once",
            begin_deploy,
        )
        .does("deploy")
        .takes::<What>()
        .answers::<Begin>(),
        post(
            "/projects/{project}/environments/{environment}/release/pause",
            deploy,
            "Keeps the release under way at its step",
            pause,
        )
        .does("release pause")
        .answers::<Release>(),
        post(
            "/projects/{project}/environments/{environment}/release/resume",
            deploy,
            "Lets a paused or held release go on",
            resume,
        )
        .does("release resume")
        .answers::<Release>(),
        post(
            "/projects/{project}/environments/{environment}/release/promote",
            deploy,
            "Gives the candidate all traffic, whatever was observed",
            promote,
        )
        .does("release promote")
        .answers::<Release>(),
        post(
            "/projects/{project}/environments/{environment}/release/abort",
            deploy,
            "Ends the release under way; the version before has all traffic",
            abort,
        )
        .does("release abort")
        .answers::<Release>(),
        post(
            "/projects/{project}/environments/{environment}/rollback",
            deploy,
            "Puts back what served before",
            rollback,
        )
        .does("rollback")
        .takes::<Why>()
        .answers::<Release>(),
        post(
            "/projects/{project}/environments/{environment}/rollback/drill",
            deploy,
            "Goes back and forth again, and records how long each takes",
            drill,
        )
        .does("rollback --drill")
        .answers::<Drill>(),
        put(
            "/projects/{project}/environments/{environment}/freeze",
            deploy,
            "Lets no release begin, until an instant or until it is unfrozen",
            freeze,
        )
        .does("freeze")
        .takes::<HowLong>()
        .answers::<Environment>(),
        post(
            "/projects/{project}/environments/{environment}/unfreeze",
            deploy,
            "Lets releases begin again",
            unfreeze,
        )
        .does("unfreeze")
        .answers::<Environment>(),
    ]
}

async fn list(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
) -> Result<Json<Vec<Release>>, Refusal> {
    let environment = environments::find(&api.home, &id(environment)).await?;
    Ok(Json(api.home.environments.releases(&environment.id).await?))
}

async fn show(State(api): State<Arc<Api>>, Path(text): Path<String>) -> Result<Json<Release>, Refusal> {
    let parsed = text.parse::<ReleaseId>().map_err(|error| Fault::new(Kind::Usage, error))?;
    let found = api.home.environments.release(parsed).await?;
    let found = found.ok_or_else(|| Fault::new(Kind::NotFound, format!("there is no release `{text}`")))?;
    Ok(Json(found))
}

async fn look(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
) -> Result<Json<Option<Look>>, Refusal> {
    Ok(Json(release::look(&api.home, &id(environment), api.clock.now()).await?))
}

/// What is to be released.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReleaseWanted)]
struct What {
    /// `late-flights`, `late-flights@3`, `late-flights@challenger`; without it the newest version of the
    /// environment's model.
    model: Option<String>,
    /// In place of the environment's; a deploy is always all at once.
    strategy: Option<StrategyKind>,
    /// Why; `asked for` where nothing is said.
    cause: Option<String>,
}

/// A release that waits for the server, or the version that serves there alone already.
#[derive(Serialize, ToSchema)]
#[schema(as = ReleaseBegun)]
struct Begin {
    release: Option<Release>,
    already: Option<ModelVersion>,
}

async fn begin_release(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    Body(what): Body<What>,
) -> Result<Json<Begin>, Refusal> {
    begin(&api, &caller, id(environment), ReleaseKind::Release, what).await
}

async fn begin_deploy(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    Body(what): Body<What>,
) -> Result<Json<Begin>, Refusal> {
    begin(&api, &caller, id(environment), ReleaseKind::Deploy, what).await
}

async fn begin(
    api: &Api,
    caller: &Caller,
    environment: EnvironmentId,
    kind: ReleaseKind,
    what: What,
) -> Result<Json<Begin>, Refusal> {
    let model = what.model.as_deref().map(str::parse::<ModelRef>).transpose()?;
    let cause = what.cause.unwrap_or_else(|| "asked for".to_owned());
    let asked = Asked { environment, model, kind, strategy: what.strategy, cause };
    let id = environments::find(&api.home, &asked.environment).await?.id;
    let holds = apply::applied(&api.home, &id.project).await?.model;
    let version = release::wanted_version(&api.home, &id, &holds, asked.model.as_ref()).await?;
    let machine = api.machine.machine(version.runtime == "onnx").await?;
    Ok(Json(match release::begin(&api.home, &*api.clock, machine, &asked, &caller.0).await? {
        Begun::Release(release) => Begin { release: Some(*release), already: None },
        Begun::Already(version) => Begin { release: None, already: Some(*version) },
    }))
}

async fn pause(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Release>, Refusal> {
    wish(&api, &caller, environment, Wish::Pause).await
}

async fn resume(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Release>, Refusal> {
    wish(&api, &caller, environment, Wish::Resume).await
}

async fn promote(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Release>, Refusal> {
    wish(&api, &caller, environment, Wish::Promote).await
}

async fn abort(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Release>, Refusal> {
    wish(&api, &caller, environment, Wish::Abort).await
}

async fn wish(
    api: &Api,
    caller: &Caller,
    environment: (String, String),
    wish: Wish,
) -> Result<Json<Release>, Refusal> {
    let now = api.clock.now();
    Ok(Json(release::wish(&api.home, &id(environment), wish, &caller.0, now).await?))
}

/// Why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReleaseCause)]
struct Why {
    cause: Option<String>,
}

async fn rollback(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    Body(why): Body<Why>,
) -> Result<Json<Release>, Refusal> {
    let cause = why.cause.unwrap_or_else(|| "asked for".to_owned());
    let rolled = release::roll_back(&api.home, &*api.clock, &id(environment), &cause, &caller.0).await?;
    Ok(Json(rolled))
}

async fn drill(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Drill>, Refusal> {
    Ok(Json(release::drill(&api.home, &*api.clock, &id(environment), &caller.0).await?))
}

/// How long, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = FreezeWanted)]
struct HowLong {
    /// An instant: `2026-12-24T08:00:00Z`, `2026-12-24T08:00:00+01:00`, or in UTC `2026-12-24 08:00`.
    #[schema(value_type = Option<Timestamp>)]
    until: Option<String>,
    comment: Option<String>,
}

async fn freeze(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    Body(how): Body<HowLong>,
) -> Result<Json<Environment>, Response> {
    let now = api.clock.now();
    let until = how.until.map(|text| instant_ahead(&text, now)).transpose().map_err(|refusal| *refusal)?;
    let frozen = Freeze { until, by: caller.0, comment: how.comment };
    let frozen = release::freeze(&api.home, &id(environment), frozen, now).await;
    frozen.map(Json).map_err(|fault| Refusal(fault).into_response())
}

/// The instant after `now` that the field `until` names.
fn instant_ahead(text: &str, now: Timestamp) -> Result<Timestamp, Box<Response>> {
    let wrong = |message: &str| {
        let hint = "an instant to come: `2026-12-24T08:00:00Z`, `2026-12-24T08:00:00+01:00`, or in UTC \
                    `2026-12-24 08:00`; without `until` it is frozen until it is unfrozen";
        Box::new(refused(StatusCode::UNPROCESSABLE_ENTITY, "bad_value", message, Some(hint), Some("until")))
    };
    match Timestamp::parse(text.trim()) {
        Some(at) if at > now => Ok(at),
        Some(_) => Err(wrong(&format!("`until` lies in the past: `{text}`"))),
        None => Err(wrong(&format!("cannot read `{text}` as the instant `until`"))),
    }
}

async fn unfreeze(
    State(api): State<Arc<Api>>,
    Path(environment): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Environment>, Refusal> {
    let now = api.clock.now();
    Ok(Json(release::unfreeze(&api.home, &id(environment), &caller.0, now).await?))
}
