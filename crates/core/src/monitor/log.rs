//! Segments of the inference log: closed tables of what was asked and answered.

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
    /// Of segments that this one stands for, since it was compacted from them.
    pub compacted: bool,
}
