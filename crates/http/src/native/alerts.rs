//! Alerts: looked at, acknowledged, silenced; sinks tried.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use modelyard_core::id::AlertId;
use modelyard_core::monitor::{Alert, Delivery};
use modelyard_core::{Fault, Kind, Timestamp};
use modelyard_lifecycle::monitor::alerts::{self, Trial};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::access::{Caller, Permission};
use super::body::Body;
use super::path::Path;
use super::query::Query;
use super::refusal::Refusal;
use super::route::{Route, get, post};
use crate::client::outside;

pub(super) fn routes() -> Vec<Route> {
    let deploy = Permission::Deploy;
    vec![
        get("/alerts", "Alerts that are open, or all, of all projects, the newest first", list)
            .does("alerts list")
            .asks::<Which>()
            .answers_list::<Alert>(),
        get("/alerts/{alert}", "An alert, and who was told", show).does("alerts show").answers::<Shown>(),
        post("/alerts/{alert}/acknowledge", deploy, "Notes that somebody has seen to an alert", acknowledge)
            .does("alerts acknowledge")
            .answers::<Alert>(),
        post(
            "/alerts/{alert}/silence",
            deploy,
            "Lets nobody be told of an alert until an instant; without one, ends that",
            silence,
        )
        .does("alerts silence")
        .takes::<HowLong>()
        .answers::<Alert>(),
        post("/projects/{project}/alerts/test", deploy, "Sends a message for trial to sinks", test)
            .does("alerts test")
            .takes::<Where>()
            .answers_list::<Trial>(),
    ]
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Which {
    /// Also those that are resolved.
    #[serde(default)]
    all: bool,
}

async fn list(State(api): State<Arc<Api>>, Query(which): Query<Which>) -> Result<Json<Vec<Alert>>, Refusal> {
    Ok(Json(alerts::list(&api.home, !which.all).await?))
}

#[derive(Serialize, ToSchema)]
#[schema(as = AlertShown)]
struct Shown {
    alert: Alert,
    deliveries: Vec<Delivery>,
}

async fn show(State(api): State<Arc<Api>>, Path(alert): Path<String>) -> Result<Json<Shown>, Refusal> {
    let (alert, deliveries) = alerts::find(&api.home, id(&alert)?).await?;
    Ok(Json(Shown { alert, deliveries }))
}

async fn acknowledge(
    State(api): State<Arc<Api>>,
    Path(alert): Path<String>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Alert>, Refusal> {
    Ok(Json(alerts::acknowledge(&api.home, &*api.clock, id(&alert)?, &caller.0).await?))
}

/// How long nobody is told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AlertSilence)]
struct HowLong {
    until: Option<Timestamp>,
}

async fn silence(
    State(api): State<Arc<Api>>,
    Path(alert): Path<String>,
    Extension(caller): Extension<Caller>,
    Body(how): Body<HowLong>,
) -> Result<Json<Alert>, Refusal> {
    Ok(Json(alerts::silence(&api.home, &*api.clock, id(&alert)?, how.until, &caller.0).await?))
}

/// Where a message for trial is sent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AlertTrial)]
struct Where {
    /// One sink; all where none is named.
    sink: Option<String>,
}

async fn test(
    State(api): State<Arc<Api>>,
    Path(project): Path<String>,
    Body(sinks): Body<Where>,
) -> Result<Json<Vec<Trial>>, Refusal> {
    let only = sinks.sink.as_deref();
    Ok(Json(alerts::test(&api.home, api.clock.clone(), &outside(), &project, only).await?))
}

fn id(text: &str) -> Result<AlertId, Refusal> {
    text.parse().map_err(|error: String| Refusal(Fault::new(Kind::Usage, error)))
}
