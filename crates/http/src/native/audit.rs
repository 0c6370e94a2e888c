//! The audit log.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use modelyard_core::audit::{AuditEntry, AuditFilter};
use modelyard_track::audit::{self, Verdict};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Api;
use super::query::Query;
use super::refusal::Refusal;
use super::route::{Route, get};

const MOST: usize = 1_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/audit", "What was changed, by whom, the newest first", list)
            .does("audit")
            .asks::<Which>()
            .answers_list::<AuditEntry>(),
        get("/audit/verdict", "Whether the log is whole: nothing changed, removed or cut off", verify)
            .does("audit --verify")
            .answers::<Verdict>(),
    ]
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Which {
    /// `late-flights`, `late-flights@2`, `flights/production`.
    subject: Option<String>,
    /// Only entries with lower numbers.
    before: Option<u64>,
    /// At most 1,000; 50 where nothing is said.
    limit: Option<usize>,
}

async fn list(
    State(api): State<Arc<Api>>,
    Query(which): Query<Which>,
) -> Result<Json<Vec<AuditEntry>>, Refusal> {
    let filter = AuditFilter {
        about: which.subject,
        before: which.before,
        limit: Some(which.limit.unwrap_or(50).min(MOST)),
        ..AuditFilter::default()
    };
    Ok(Json(api.home.audit.list(&filter).await?))
}

async fn verify(State(api): State<Arc<Api>>) -> Result<Json<Verdict>, Refusal> {
    Ok(Json(audit::verify(&api.home).await?))
}
