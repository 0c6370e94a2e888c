//! A window of one version's rows, judged: a pure function of the rows, their labels, the reference and what the
//! windows before it left.
//!
//! ```text
//! drift     columns and answers against the reference
//! quality   metrics on labelled rows, and whether they have got worse
//! ```

mod drift;
mod quality;

use std::collections::BTreeMap;

use modelyard_core::Timestamp;
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::monitor::{MonitorSpec, WindowRecord, log};
use modelyard_core::table::{Column, Table};
use modelyard_evaluate::Metric;
use modelyard_monitor::findings;
use serde_json::Value;

use super::memory::{ServedBy, States};
use super::reference::Reference;

/// A window to judge.
pub(crate) struct Case<'a> {
    pub(crate) environment: &'a EnvironmentId,
    pub(crate) spec: &'a MonitorSpec,
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) by: &'a ServedBy,
    /// `Err`: why there is none.
    pub(crate) reference: Result<&'a Reference, &'a str>,
    /// The project's, the first decides.
    pub(crate) metrics: &'a [&'static dyn Metric],
    /// As the log has them, of this version.
    pub(crate) rows: &'a Table,
    pub(crate) late: u64,
    /// By the prediction's id.
    pub(crate) labels: &'a BTreeMap<String, Value>,
    pub(crate) now: Timestamp,
}

/// Judges a window; answers with what it leaves besides.
pub(crate) fn judge(case: &Case<'_>, before: &States) -> (WindowRecord, States) {
    let mut record = empty(case.environment, case.by, (case.start, case.end), case.now);
    let mut after = before.clone();
    let answered = answered(case.rows);
    let failed = answered.iter().filter(|answered| !**answered).count() as u64;
    let mut rows = case.rows.clone();
    rows.retain(&answered);
    record.rows = rows.rows() as u64;
    record.failed = failed;
    record.late = case.late;
    record.not_finite = rows.column(log::PREDICTION).map_or(0, missing);
    latency(&rows, &mut record);
    match case.reference {
        Ok(reference) => {
            record.remarks.extend(reference.remarks.iter().cloned());
            drift::columns(case, reference, &rows, &mut record, &mut after);
            let found = findings::find(&reference.facts, &features(reference, &rows));
            record.findings = found.iter().filter_map(|finding| serde_json::to_value(finding).ok()).collect();
            quality::metrics(case, reference, &rows, &mut record, &mut after);
        }
        Err(reason) => record.remarks.push(format!("not compared with what was learnt from: {reason}")),
    }
    (record, after)
}

/// The record of a window without rows.
pub(crate) fn empty(
    environment: &EnvironmentId,
    by: &ServedBy,
    (start, end): (Timestamp, Timestamp),
    now: Timestamp,
) -> WindowRecord {
    WindowRecord {
        version: 1,
        environment: environment.clone(),
        start,
        end,
        model: by.model.clone(),
        number: by.number,
        package: by.package,
        rows: 0,
        failed: 0,
        late: 0,
        labelled: 0,
        columns: BTreeMap::new(),
        output: None,
        metrics: BTreeMap::new(),
        decay: None,
        estimate: None,
        findings: Vec::new(),
        p50_ms: None,
        p95_ms: None,
        p99_ms: None,
        not_finite: 0,
        remarks: Vec::new(),
        judged_at: now,
    }
}

fn answered(rows: &Table) -> Vec<bool> {
    match rows.column("status") {
        Some(Column::String(status)) => {
            status.iter().map(|status| status.as_deref() == Some(log::OK)).collect()
        }
        _ => vec![true; rows.rows()],
    }
}

/// The features among `rows`, by their own names.
fn features(reference: &Reference, rows: &Table) -> Table {
    let mut features = Table::new();
    for facts in &reference.facts {
        if let Some(column) = rows.column(&log::stored_name(&facts.name)) {
            features.push(facts.name.clone(), column.clone());
        }
    }
    features
}

fn missing(column: &Column) -> u64 {
    let missing = match column {
        Column::Float(values) => {
            values.iter().filter(|value| value.is_none_or(|value| !value.is_finite())).count()
        }
        Column::String(values) => values.iter().filter(|value| value.is_none()).count(),
        _ => 0,
    };
    missing as u64
}

fn latency(rows: &Table, record: &mut WindowRecord) {
    let Some(Column::Float(values)) = rows.column("latency_ms") else { return };
    let mut sorted: Vec<f64> = values.iter().flatten().copied().collect();
    sorted.sort_unstable_by(f64::total_cmp);
    // The nearest rank.
    let at = |share: f64| {
        let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
        sorted.get(rank - 1).copied()
    };
    (record.p50_ms, record.p95_ms, record.p99_ms) = (at(0.5), at(0.95), at(0.99));
}
