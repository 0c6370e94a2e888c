//! Segments of the inference log: closed tables of what was asked and answered.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Digest;
use crate::clock::Timestamp;
use crate::deploy::EnvironmentId;

/// A closed table of the log, immutable. Its columns are the log's own (`prediction_id`, `at`, …), then those
/// of the data set that were sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Segment {
    /// 1, 2, 3 … in the home, in the order in which they were taken in: whoever saw all up to one needs only
    /// those after it.
    pub number: u64,
    #[serde(flatten)]
    pub content: NewSegment,
    /// Of the Parquet file.
    pub digest: Digest,
    pub size_bytes: u64,
}

/// A segment that the log is to take in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewSegment {
    pub environment: EnvironmentId,
    pub rows: u64,
    /// Arrival of the first and of the last request.
    pub from: Timestamp,
    pub to: Timestamp,
    /// Earliest and latest value of the role `time`, where there is one.
    pub happened: Option<(Timestamp, Timestamp)>,
    /// Rows that were not logged since too many waited, since the segment before.
    pub dropped: u64,
    /// The version whose rows these are, and its package; `None` for requests that no version was asked. All rows
    /// of a segment are of one package, so that they have the same columns.
    pub version: Option<u32>,
    pub package: Option<Digest>,
    /// Of one that was compacted from others: the highest of their numbers. Whoever has seen that one has seen
    /// all of its rows.
    pub compacted: Option<u64>,
}

/// The log's own columns, in their order; after them come `prediction`, probabilities, and the columns of the
/// data set.
pub const OWN: [&str; 7] = ["prediction_id", "at", "environment", "version", "key", "latency_ms", "status"];

/// What was answered: the class as text, or the number; null where the request failed.
pub const PREDICTION: &str = "prediction";

/// `status` of a request that was answered; others have the error's code.
pub const OK: &str = "ok";

/// What the column with the probability of `class` is called: `probability` for the positive one of two, else
/// `probability_CLASS`.
pub fn probability(class: &str, classes: &[String], positive: Option<&str>) -> Option<String> {
    match (classes.len(), positive) {
        (2, Some(positive)) => (class == positive).then(|| "probability".to_owned()),
        _ => Some(format!("probability_{class}")),
    }
}

/// What a column of the data set is called in the log: by its name, or `input_NAME` where the log has one of its
/// own of that name.
pub fn stored_name(column: &str) -> Cow<'_, str> {
    let bare = column.trim_start_matches("input_");
    let is_own = OWN.contains(&bare) || bare == PREDICTION || bare.starts_with("probability");
    if is_own { format!("input_{column}").into() } else { column.into() }
}
