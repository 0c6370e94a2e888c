//! Data versions: an immutable state of a data set with its schema, split and profile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::clock::Timestamp;
use crate::table::{DataType, Field};

/// A data set's state. Its `digest` covers schema, rows in canonical order and split, never
/// Parquet bytes, so that another writer's version changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataVersion {
    /// Format version, 1.
    pub version: u32,
    /// The data set's name within its project.
    pub name: String,
    pub digest: Digest,
    pub schema: Vec<Field>,
    pub rows: u64,
    pub roles: Roles,
    pub split: BTreeMap<Part, PartContent>,
    /// The profile's blob: a [`Profile`] as JSON.
    pub profile: Digest,
    pub sources: Vec<SourceState>,
    /// Rows lost on the way, in the order of the query.
    pub losses: Vec<Loss>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// A data version as a home knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberedVersion {
    pub project: String,
    /// 1, 2, 3 … within project and data set.
    pub number: u32,
    pub created_at: Timestamp,
    #[serde(flatten)]
    pub data: DataVersion,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Train,
    Validation,
    Test,
}

impl Part {
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

/// The rows of one part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartContent {
    /// Digest of schema and rows in canonical order: the identity.
    pub digest: Digest,
    /// Blob of the Parquet file.
    pub content: Digest,
    pub size_bytes: u64,
    pub rows: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private: Vec<String>,
}

impl Roles {
    /// Whether `column` has a role, and so is never a feature.
    pub fn cover(&self, column: &str) -> bool {
        self.id.as_deref() == Some(column)
            || self.time.as_deref() == Some(column)
            || self.private.iter().any(|name| name == column)
    }
}

/// A source as it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    pub name: String,
    /// As configured: path, glob or address.
    pub path: String,
    /// The files it stood for, relative to the project, sorted, with digest and size.
    pub files: Vec<SourceFile>,
    pub rows: u64,
    /// Types inferred or declared; a later ingest keeps them.
    pub schema: Vec<Field>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    pub path: String,
    pub digest: Digest,
    pub size_bytes: u64,
}

/// Rows that a join or a filter dropped or added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// `filter` or the kind of join: `inner join`, `left join`.
    pub operation: String,
    /// What it was about: the condition or the joined source.
    pub on: String,
    pub rows_in: u64,
    pub rows_out: u64,
}

/// Statistics of a data version, a column each. Private columns have counts alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Format version, 1.
    pub version: u32,
    pub rows: u64,
    pub columns: Vec<ColumnProfile>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    pub name: String,
    #[serde(rename = "type")]
    pub data_type: DataType,
    pub nulls: u64,
    pub distinct: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numbers: Option<NumberProfile>,
    /// Most frequent values first, ties by value; at most 20. Empty for floats and private columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<ValueCount>,
}

/// Of a numeric or temporal column (times in microseconds, dates in days since the epoch).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NumberProfile {
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    /// Sample standard deviation (n − 1); 0 for one row.
    pub standard_deviation: f64,
    /// At 1, 5, 25, 50, 75, 95, 99 %, linearly interpolated (NumPy's default).
    pub quantiles: Vec<f64>,
    /// Edges of the histogram's bins, one more than `counts`; the last bin includes its right edge.
    pub edges: Vec<f64>,
    pub counts: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValueCount {
    pub value: String,
    pub count: u64,
}
