//! Runs and gates as the store has them.

use std::collections::BTreeMap;

use modelyard_core::action::ActionResult;
use modelyard_core::id::RunId;
use modelyard_core::outcome::GateOutcome;
use modelyard_core::run::{Run, RunKind, RunStatus};
use modelyard_core::{Clock, Timestamp};
use serde_json::Value;

use super::Fixed;

pub(super) fn gate(passed: bool, wanted: &str, got: &str) -> GateOutcome {
    GateOutcome {
        name: "champion".into(),
        wanted: format!("better than {wanted}"),
        got: got.into(),
        passed,
        note: None,
    }
}

/// A finished run that took 65 seconds.
pub(super) fn run(id: RunId, kind: RunKind, name: &str, parent: Option<RunId>, minute: i64) -> Run {
    let started_at = Fixed::at(minute, 0).now();
    Run {
        version: 1,
        id,
        project: "prices".into(),
        kind,
        name: name.into(),
        parent,
        status: RunStatus::Finished,
        started_at,
        ended_at: Some(Timestamp::from_micros(started_at.micros() + 65_000_000)),
        params: BTreeMap::new(),
        metrics: BTreeMap::new(),
        tags: BTreeMap::from([("command".to_owned(), "modelyard run".to_owned())]),
        cached: false,
        key: None,
        usage: None,
        trust: None,
        log: None,
        error: None,
        snapshot: None,
        source: None,
        outcome: Value::Null,
    }
}

pub(super) fn part(parent: RunId, number: u128, name: &str, minute: i64) -> Run {
    let id = Fixed::id(minute, number);
    Run { tags: BTreeMap::new(), ..run(id, RunKind::Step, name, Some(parent), minute) }
}

pub(super) fn of_result(run: Run, result: &ActionResult) -> Run {
    Run {
        key: Some(result.key),
        params: result.action.params.clone(),
        metrics: result.metrics.clone(),
        usage: Some(result.usage),
        trust: Some(result.trust.clone()),
        log: result.log,
        ..run
    }
}
