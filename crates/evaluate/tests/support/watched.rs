//! A watched environment: 22 weeks of two versions, two columns that move in the twelfth.

use modelyard_core::Timestamp;
use modelyard_core::config::Goal;
use modelyard_evaluate::MonitorReport;
use modelyard_evaluate::monitoring::Compared;
use serde_json::{Value, json};

const WEEK_MICROS: i64 = 7 * 86_400 * 1_000_000;

fn week(number: i64) -> Timestamp {
    let first = Timestamp::parse("2013-02-25").expect("a date").micros();
    Timestamp::from_micros(first + number * WEEK_MICROS)
}

fn column(test: &str, value: f64, moved: bool) -> Value {
    let since = moved.then(|| week(12));
    json!({"test": test, "value": value, "threshold": 0.1, "above": value > 0.1, "moved": moved, "since": since, "error": 0.0})
}

fn window(number: i64, version: u32, rows: u64) -> Value {
    let moved = number >= 12 && version == 1;
    let wave = (number as f64 * 1.7).sin();
    let auc = 0.75 - if moved { 0.05 } else { 0.0 } + 0.01 * wave;
    let metric = json!({"value": auc, "low": auc - 0.015, "high": auc + 0.015, "rows": rows});
    json!({
        "version": 1, "environment": {"project": "flights", "name": "production"},
        "start": week(number), "end": week(number + 1), "model": "late-flights", "number": version,
        "package": "0".repeat(64), "rows": rows, "failed": u64::from(number == 7) * 12, "late": 0, "labelled": rows,
        "columns": {
            "temp": column("wasserstein", if moved { 0.9 } else { 0.06 + 0.02 * wave }, moved),
            "dest": column("jensenshannon", if moved { 0.14 } else { 0.05 }, moved && number > 12),
            "a_column_with_a_very_long_name_<b>": column("wasserstein", 0.04, false),
        },
        "output": column("wasserstein", 0.03, false),
        "metrics": if number < 20 { json!({"roc_auc": metric}) } else { json!({}) },
        "decay": {"test": "roc_auc", "value": 0.756 - auc, "threshold": 0.02, "above": moved, "moved": number > 12 && moved, "since": null},
        "estimate": {"value": auc + 0.01, "low": auc - 0.01, "high": auc + 0.03, "rows": rows},
        "findings": [], "p50_ms": 0.8 + 0.1 * wave, "p95_ms": 2.1 + 0.2 * wave, "p99_ms": 4.0 + wave, "not_finite": 0,
        "remarks": [], "judged_at": week(number + 1),
    })
}

/// Up to the week in which everything has moved, or with the second version that came of it.
pub(crate) fn report(with_second: bool) -> MonitorReport {
    let read = |value: Value| serde_json::from_value(value).expect("a window");
    let mut windows = Vec::new();
    for number in 0..if with_second { 22 } else { 15 } {
        match number {
            15 => windows.extend([read(window(number, 1, 4_000)), read(window(number, 2, 2_000))]),
            16.. => windows.push(read(window(number, 2, 6_100))),
            _ => windows.push(read(window(number, 1, 5_900 + 40 * number.unsigned_abs()))),
        }
    }
    let alert = |id: u32, subject: &str, resolved: bool| {
        serde_json::from_value(json!({
            "version": 1, "id": format!("01J{id:0>23}"), "project": "flights", "environment": "production",
            "rule": "drift", "subject": subject, "severity": "warning",
            "state": if resolved { "resolved" } else { "opened" },
            "message": format!("`{subject}` has moved since 20 May 2013"), "since": week(12), "opened_at": week(14),
            "acknowledged": null, "resolved_at": resolved.then(|| week(16)), "silenced_until": null, "seen": 1,
            "revision": 1,
        }))
        .expect("an alert")
    };
    let cause = json!({
        "version": 1, "id": format!("01J{:0>23}", 9), "project": "flights", "trigger": "drift", "origin": "drift",
        "key": "window 2013-05-20T00:00:00Z", "state": if with_second { "done" } else { "waiting-for-data" },
        "reason": "`temp` and `dest` have moved since 20 May 2013", "actor": "trigger drift", "at": week(14),
        "changed_at": week(15), "run": null, "model": with_second.then_some("late-flights@2"), "release": null,
        "revision": 2,
    });
    let bins = [("-5 to 30", 0.3, 0.0), ("30 to 60", 0.5, 0.2), ("60 to 100", 0.2, 0.8)];
    let bins = bins.map(|(name, was, is)| (name.to_owned(), was, is)).to_vec();
    MonitorReport {
        project: "flights".to_owned(),
        environment: "production".to_owned(),
        time: Some("time_hour".to_owned()),
        metric: Some(("roc_auc".to_owned(), Goal::Maximize)),
        windows,
        compared: vec![Compared { column: "temp".to_owned(), bins }],
        alerts: vec![alert(2, "dest", with_second), alert(1, "temp", with_second)],
        causes: vec![serde_json::from_value(cause).expect("a cause")],
        made_at: week(30),
    }
}
