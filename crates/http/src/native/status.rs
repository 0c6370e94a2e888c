//! Whether the server is well, and what is counted, for whoever watches it.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use modelyard_core::Result;
use modelyard_core::deploy::Counts;
use modelyard_lifecycle::deploy::environments;
use modelyard_lifecycle::monitor::alerts;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{Api, document, listed};

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/api/v1", get(overview))
        .route("/api/v1/openapi.json", get(async || Json(document())))
}

/// The home can be read.
async fn health(State(api): State<Arc<Api>>) -> Result<Json<Value>, Refusal> {
    let entries = api.home.audit.head().await?.map_or(0, |(number, _)| number);
    Ok(Json(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "audit_entries": entries})))
}

async fn overview() -> Json<Value> {
    let routes: Vec<Value> = listed()
        .into_iter()
        .map(|route| {
            json!({
                "method": route.method,
                "path": route.path,
                "summary": route.summary,
                "permission": route.permission.as_str(),
                "command": route.command.map(|command| format!("modelyard {command}")),
            })
        })
        .collect();
    Json(json!({"routes": routes}))
}

async fn metrics(State(api): State<Arc<Api>>) -> Result<impl IntoResponse, Refusal> {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text(&api).await?))
}

/// The Prometheus text: each family with all of its lines.
async fn text(api: &Api) -> Result<String> {
    let mut families = [
        Family::new("environment_replicas_wanted", "gauge", "Replicas that an environment is to have."),
        Family::new("environment_replicas_ready", "gauge", "Replicas that answer with what is to serve."),
        Family::new("environment_generation", "gauge", "Generation of an environment's desired state."),
        Family::new("environment_releasing", "gauge", "1 while a release is under way."),
        Family::new(
            "environment_requests_total",
            "counter",
            "Requests that a version was asked, by outcome, since its replicas began.",
        ),
        Family::new("alerts_open", "gauge", "Alerts that are open, by rule and severity."),
    ];
    for line in environments::list(&api.home, None, api.clock.now()).await? {
        let id =
            modelyard_core::deploy::EnvironmentId { project: line.project.clone(), name: line.name.clone() };
        let environment = environments::find(&api.home, &id).await?;
        let labels = format!("project=\"{}\",environment=\"{}\"", line.project, line.name);
        families[0].line(&labels, line.replicas);
        families[1].line(&labels, line.replicas_ready);
        families[2].line(&labels, environment.state.generation);
        families[3].line(&labels, u8::from(environment.release.is_some()));
        let mut counts = std::collections::BTreeMap::<_, Counts>::new();
        for report in api.home.observations.reports(&id).await? {
            for (package, counted) in &report.counts {
                counts.entry(*package).or_default().add(counted);
            }
        }
        for (package, counted) in counts {
            for (outcome, count) in
                [("answered", counted.answered), ("refused", counted.refused), ("failed", counted.failed)]
            {
                families[4].line(&format!("{labels},package=\"{package}\",outcome=\"{outcome}\""), count);
            }
        }
    }
    let mut open = std::collections::BTreeMap::<_, u64>::new();
    for alert in alerts::list(&api.home, true).await? {
        let place = alert.environment.clone().unwrap_or_default();
        *open.entry((alert.project, place, alert.rule, alert.severity)).or_default() += 1;
    }
    for ((project, environment, rule, severity), count) in open {
        let severity = severity.as_str();
        let labels = format!(
            "project=\"{project}\",environment=\"{environment}\",rule=\"{rule}\",severity=\"{severity}\""
        );
        families[5].line(&labels, count);
    }
    Ok(families.into_iter().map(|family| family.0).collect())
}

struct Family(String, &'static str);

impl Family {
    fn new(name: &'static str, kind: &str, help: &str) -> Self {
        Self(format!("# HELP modelyard_{name} {help}\n# TYPE modelyard_{name} {kind}\n"), name)
    }

    fn line(&mut self, labels: &str, value: impl std::fmt::Display) {
        // Writing to a String can't fail.
        let _ = writeln!(self.0, "modelyard_{}{{{labels}}} {value}", self.1);
    }
}
