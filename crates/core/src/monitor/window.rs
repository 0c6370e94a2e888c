//! What was found in a span of time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::Digest;
use crate::clock::Timestamp;
use crate::deploy::EnvironmentId;

/// A window of one version's rows, as it was last judged. One that is judged again, since late rows or labels
/// came, replaces it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WindowRecord {
    /// Format version, 1.
    pub version: u32,
    pub environment: EnvironmentId,
    /// Begin and end, the end excluded, on the monitor's clock (`time`, or arrival).
    pub start: Timestamp,
    pub end: Timestamp,
    pub model: String,
    /// The version that answered.
    pub number: u32,
    pub package: Digest,
    /// Rows with an answer, and rows without one.
    pub rows: u64,
    pub failed: u64,
    /// Rows that came when the window was closed already.
    pub late: u64,
    /// Rows whose answer is known to be right or wrong by now.
    pub labelled: u64,
    pub columns: BTreeMap<String, ColumnFound>,
    /// How the answers differ from those about the reference.
    pub output: Option<ColumnFound>,
    /// Values of the project's metrics, by name.
    pub metrics: BTreeMap<String, MetricFound>,
    /// How much worse than in the reference the first metric is, and whether that is decay; `test` is its name.
    #[serde(default)]
    pub decay: Option<ColumnFound>,
    /// The first metric, estimated without labels.
    pub estimate: Option<MetricFound>,
    /// What needs no test: columns that vanished, values never seen (`modelyard_monitor::findings::Finding`).
    pub findings: Vec<Value>,
    /// Latency of the requests, milliseconds.
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub not_finite: u64,
    /// Remarks about what could not be judged, and why.
    pub remarks: Vec<String>,
    pub judged_at: Timestamp,
}

/// A column in a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ColumnFound {
    /// The drift test that was asked.
    pub test: String,
    pub value: f64,
    /// What it had to reach, or to fall below.
    pub threshold: f64,
    /// Of this window; `None` where it has too few rows.
    pub above: Option<bool>,
    /// Of the column after this window.
    pub moved: bool,
    pub since: Option<Timestamp>,
    /// Largest error of `value` where it was judged on sketches; 0 on rows.
    #[serde(default)]
    pub error: f64,
}

/// A metric in a window, with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MetricFound {
    pub value: f64,
    pub low: f64,
    pub high: f64,
    pub rows: u64,
}
