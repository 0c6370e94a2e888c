//! Documents of monitoring to test with.

use std::str::FromStr;

use modelyard_core::id::{AlertId, CauseId};
use modelyard_core::monitor::{
    Alert, AlertState, Cause, CauseState, Delivery, NewLabel, NewSegment, Origin, Severity, WindowRecord,
};
use serde_json::{Value, json};

use crate::deployed::{at, id};

pub(crate) fn segment(environment: &str, rows: u64) -> NewSegment {
    NewSegment {
        environment: id(environment),
        rows,
        from: at(0),
        to: at(1),
        happened: Some((at(-9), at(-8))),
        dropped: 2,
        version: Some(1),
        package: None,
        compacted: None,
    }
}

pub(crate) fn label(id: &str, label: impl Into<Value>) -> NewLabel {
    NewLabel { id: id.to_owned(), label: label.into() }
}

/// The window that began `week` weeks ago, of version `number`.
pub(crate) fn window(week: i64, number: u32, rows: u64) -> WindowRecord {
    serde_json::from_value(json!({
        "version": 1, "environment": id("production"),
        "start": at(-week * 604_800), "end": at((1 - week) * 604_800),
        "model": "late", "number": number, "package": "0".repeat(64),
        "rows": rows, "failed": 0, "late": 0, "labelled": 0,
        "columns": {"temp": {"test": "wasserstein", "value": 0.3, "threshold": 0.1, "above": true, "moved": false, "since": null, "error": 0.0}},
        "output": null, "metrics": {}, "estimate": null, "findings": [],
        "p50_ms": 1.5, "p95_ms": null, "p99_ms": null, "not_finite": 0, "remarks": [], "judged_at": at(0),
    }))
    .expect("a window")
}

/// Ids that sort by `n`.
fn ulid(n: u32) -> String {
    format!("01J{n:0>23}")
}

pub(crate) fn cause(n: u32, key: &str) -> Cause {
    Cause {
        version: 1,
        id: CauseId::from_str(&ulid(n)).expect("a ULID"),
        project: "flights".to_owned(),
        trigger: "drift".to_owned(),
        origin: Origin::Drift,
        key: key.to_owned(),
        state: CauseState::Pending,
        reason: "temp has moved".to_owned(),
        actor: "trigger drift".to_owned(),
        at: at(0),
        changed_at: at(0),
        run: None,
        model: None,
        release: None,
        revision: 0,
    }
}

pub(crate) fn alert(n: u32, subject: &str) -> Alert {
    Alert {
        version: 1,
        id: AlertId::from_str(&ulid(n)).expect("a ULID"),
        project: "flights".to_owned(),
        environment: Some("production".to_owned()),
        rule: "drift".to_owned(),
        subject: subject.to_owned(),
        severity: Severity::Warning,
        state: AlertState::Opened,
        message: format!("{subject} has moved"),
        since: at(-1),
        opened_at: at(0),
        acknowledged: None,
        resolved_at: None,
        silenced_until: None,
        seen: 1,
        revision: 0,
    }
}

pub(crate) fn delivery(alert: &Alert, sink: &str) -> Delivery {
    Delivery {
        alert: alert.id,
        sink: sink.to_owned(),
        what: alert.state,
        attempts: 0,
        due: Some(at(0)),
        delivered_at: None,
        last_error: None,
    }
}
