//! What becomes of an alert, as pure functions of what it was, what was noticed and the time.

use modelyard_core::Timestamp;
use modelyard_core::id::AlertId;
use modelyard_core::monitor::{Alert, AlertState, Delivery, MonitorSpec};

use super::Notice;

/// An alert as it is to be, and what is to be told of it besides.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Change {
    pub(super) alert: Alert,
    pub(super) deliveries: Vec<Delivery>,
}

/// After `notice`; `None` where it says what is known. `latest` is the last alert about the same, `told` what is
/// or was told of it. A new one has `id`.
pub(super) fn noticed(
    latest: Option<&Alert>,
    notice: &Notice,
    spec: Option<&MonitorSpec>,
    told: &[Delivery],
    now: Timestamp,
    id: AlertId,
) -> Option<Change> {
    let Some(open) = latest.filter(|alert| alert.is_open()) else {
        let alert = opened(latest, notice, now, id);
        let deliveries = openings(&alert, spec, &[], told_from(latest, spec, now));
        return Some(Change { alert, deliveries });
    };
    if open.message == notice.message && open.severity >= notice.severity {
        return None;
    }
    let alert = Alert {
        message: notice.message.clone(),
        // It stays as grave as it once was, else it would be told anew whenever it wavers.
        severity: open.severity.max(notice.severity),
        seen: open.seen + 1,
        ..open.clone()
    };
    // Sinks that hear of graver ones alone may hear of it only now.
    let deliveries = openings(&alert, spec, told, now);
    Some(Change { alert, deliveries })
}

/// After what it is about holds no more. Whoever was to be told of its begin is told of its end.
pub(super) fn resolved(open: &Alert, told: &[Delivery], now: Timestamp) -> Change {
    let alert = Alert { state: AlertState::Resolved, resolved_at: Some(now), ..open.clone() };
    let deliveries = told
        .iter()
        .filter(|delivery| delivery.what == AlertState::Opened)
        .map(|delivery| new_delivery(&alert, &delivery.sink, AlertState::Resolved, now))
        .collect();
    Change { alert, deliveries }
}

/// `None` where somebody has seen to it already.
pub(super) fn acknowledged(open: &Alert, by: &str, now: Timestamp) -> Option<Alert> {
    (open.state == AlertState::Opened).then(|| Alert {
        state: AlertState::Acknowledged,
        acknowledged: Some((by.to_owned(), now)),
        ..open.clone()
    })
}

pub(super) fn silenced(open: &Alert, until: Option<Timestamp>) -> Option<Alert> {
    (open.silenced_until != until).then(|| Alert { silenced_until: until, ..open.clone() })
}

fn opened(before: Option<&Alert>, notice: &Notice, now: Timestamp, id: AlertId) -> Alert {
    let about = notice.about.clone();
    Alert {
        version: 1,
        id,
        project: about.project,
        environment: about.environment,
        rule: about.rule,
        subject: about.subject,
        severity: notice.severity,
        state: AlertState::Opened,
        message: notice.message.clone(),
        since: notice.since,
        opened_at: now,
        acknowledged: None,
        resolved_at: None,
        silenced_until: before.and_then(|before| before.silenced_until).filter(|until| *until > now),
        seen: 1,
        revision: 0,
    }
}

/// What opens again so soon is told once it has held until the cool-down is over.
fn told_from(before: Option<&Alert>, spec: Option<&MonitorSpec>, now: Timestamp) -> Timestamp {
    let cool_down = spec.map_or(0.0, |spec| spec.cool_down_secs);
    before.and_then(|before| before.resolved_at).map_or(now, |at| now.max(later(at, cool_down)))
}

/// To whom it is to be told that it opened, who has not been.
fn openings(alert: &Alert, spec: Option<&MonitorSpec>, told: &[Delivery], due: Timestamp) -> Vec<Delivery> {
    let is_told = |sink: &String| told.iter().any(|delivery| delivery.sink == *sink);
    spec.into_iter()
        .flat_map(|spec| &spec.sinks)
        .filter(|(name, sink)| alert.severity >= sink.severity && !is_told(name))
        .map(|(name, _)| new_delivery(alert, name, AlertState::Opened, due))
        .collect()
}

fn new_delivery(alert: &Alert, sink: &str, what: AlertState, due: Timestamp) -> Delivery {
    Delivery {
        alert: alert.id,
        sink: sink.to_owned(),
        what,
        attempts: 0,
        due: Some(due),
        delivered_at: None,
        last_error: None,
    }
}

/// `seconds` after `at`.
pub(super) fn later(at: Timestamp, seconds: f64) -> Timestamp {
    Timestamp::from_micros(at.micros().saturating_add((seconds * 1e6) as i64))
}

/// What is to be done about a delivery that is not done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Act {
    Tell,
    /// Not yet.
    Wait,
    /// Never any more.
    Drop,
}

/// About `delivery` of `alert`; `told` are all of its deliveries. The end is told to whom the begin was, after
/// it. What began and ended while it was silenced, or before its cool-down was over, is told to nobody.
pub(super) fn next(alert: &Alert, delivery: &Delivery, told: &[Delivery], now: Timestamp) -> Act {
    let Some(due) = delivery.due else { return Act::Drop };
    let held_until = alert.silenced_until.map_or(due, |until| until.max(due));
    if delivery.what == AlertState::Resolved {
        let is_begin = |other: &&Delivery| other.sink == delivery.sink && other.what == AlertState::Opened;
        return match told.iter().find(is_begin) {
            Some(begin) if begin.due.is_some() => Act::Wait,
            Some(begin) if begin.delivered_at.is_none() => Act::Drop,
            _ if held_until > now => Act::Wait,
            _ => Act::Tell,
        };
    }
    let ended_unheard = delivery.attempts == 0 && alert.resolved_at.is_some_and(|at| at < held_until);
    match (ended_unheard, held_until > now) {
        (true, _) => Act::Drop,
        (false, true) => Act::Wait,
        (false, false) => Act::Tell,
    }
}
