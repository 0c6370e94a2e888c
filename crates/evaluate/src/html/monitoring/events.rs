//! Alerts, and trainings that were set off.

use modelyard_core::Timestamp;
use modelyard_core::monitor::AlertState;

use super::super::markup::{Element, el};
use crate::monitoring::MonitorReport;

/// As many of each as anybody reads.
const MOST: usize = 50;

pub(super) fn alerts(report: &MonitorReport) -> Option<Element> {
    let rows = report.alerts.iter().map(|alert| {
        let (class, state) = match alert.state {
            AlertState::Resolved => ("mark faint", "resolved"),
            AlertState::Opened => ("mark fail", "open"),
            AlertState::Acknowledged => ("mark", "acknowledged"),
        };
        let until = alert.resolved_at.map(minute).unwrap_or_default();
        vec![
            el("th").with(alert.message.as_str()),
            el("td").with(alert.severity.as_str()),
            el("td").with(minute(alert.opened_at)),
            el("td").with(until),
            el("td").with(el("span").class(class).with(state)),
        ]
    });
    table("Alerts", &["", "severity", "opened (UTC)", "resolved", ""], rows.collect())
}

pub(super) fn causes(report: &MonitorReport) -> Option<Element> {
    let rows = report.causes.iter().map(|cause| {
        let state = serde_json::to_value(cause.state).unwrap_or_default();
        let became = match &cause.model {
            Some(model) => model.clone(),
            None => cause.run.map(|run| format!("run {run}")).unwrap_or_default(),
        };
        vec![
            el("th").with(cause.origin.as_str()),
            el("td").with(cause.reason.as_str()),
            el("td").with(minute(cause.at)),
            el("td").with(state.as_str().unwrap_or_default().replace('-', " ")),
            el("td").with(became),
        ]
    });
    table("What they set off", &["trigger", "why", "noted (UTC)", "state", "came to"], rows.collect())
}

fn table(title: &str, heads: &[&str], mut rows: Vec<Vec<Element>>) -> Option<Element> {
    let left_out = rows.len().saturating_sub(MOST);
    rows.truncate(MOST);
    if rows.is_empty() {
        return None;
    }
    let head = el("tr").all(heads.iter().map(|head| el("th").with(*head)));
    let body = rows.into_iter().map(|cells| el("tr").all(cells));
    let table = el("table").with(el("thead").with(head)).with(el("tbody").all(body));
    let more =
        (left_out > 0).then(|| el("p").class("small").with(format!("{left_out} older ones are not shown.")));
    Some(el("section").with(el("h2").with(title)).with(el("div").class("scroll log").with(table)).all(more))
}

/// `2013-05-14 02:00`.
fn minute(at: Timestamp) -> String {
    at.to_string().get(..16).unwrap_or_default().replace('T', " ")
}
