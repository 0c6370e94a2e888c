//! What both kinds of home say of monitoring in the same way.

use modelyard_core::deploy::EnvironmentId;
use modelyard_core::monitor::{Alert, AlertState, Cause};
use modelyard_core::{Fault, Kind};
use serde_json::{Value, json};

/// The event and the details of an alert's entry in the audit log.
pub(crate) fn alert_entry(before: Option<&Alert>, alert: &Alert) -> (&'static str, Value) {
    let event = match (before, alert.state) {
        (None, AlertState::Opened) => "alert.opened",
        (_, AlertState::Acknowledged) => "alert.acknowledged",
        (_, AlertState::Resolved) => "alert.resolved",
        (Some(_), AlertState::Opened) => "alert.changed",
    };
    (event, json!({"before": before, "after": alert}))
}

/// What an alert is about, as the audit log names it.
pub(crate) fn alert_subject(alert: &Alert) -> String {
    let place = alert.environment.as_deref().unwrap_or("project");
    format!("{}/{place}", alert.project)
}

pub(crate) fn alert_changed(alert: &Alert) -> Fault {
    let message = format!("cannot change alert `{}`: somebody else changed it at the same time", alert.id);
    Fault::new(Kind::Conflict, message).hint("repeat the command")
}

pub(crate) fn already_open(alert: &Alert) -> Fault {
    let Alert { rule, subject, .. } = alert;
    Fault::new(Kind::Conflict, format!("cannot open an alert: `{rule}` of `{subject}` has one that is open"))
}

/// The event and the details of a cause's entry in the audit log.
pub(crate) fn cause_entry(before: Option<&Cause>, cause: &Cause) -> (&'static str, Value) {
    let event = if before.is_none() { "trigger.caused" } else { "trigger.changed" };
    (event, json!({"before": before.map(|before| (before.state, &before.reason)), "after": cause}))
}

pub(crate) fn cause_subject(cause: &Cause) -> String {
    format!("{}/{}", cause.project, cause.trigger)
}

pub(crate) fn changed_meanwhile(cause: &Cause) -> Fault {
    let message =
        format!("cannot change cause `{}` of training: somebody else changed it at the same time", cause.id);
    Fault::new(Kind::Conflict, message).hint("repeat the command")
}

pub(crate) fn no_cause(cause: &Cause) -> Fault {
    Fault::new(Kind::NotFound, format!("there is no cause `{}` of training", cause.id))
}

pub(crate) fn monitor_changed(id: &EnvironmentId) -> Fault {
    let message = format!("cannot keep what was found in `{id}`: another process monitors it too");
    Fault::new(Kind::Conflict, message).hint("one server watches a home; look for a second one")
}
