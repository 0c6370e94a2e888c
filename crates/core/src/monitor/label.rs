//! What turned out to be true, and business figures.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::clock::Timestamp;

/// A label as it is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NewLabel {
    /// Of the prediction.
    pub id: String,
    /// A number, a text, or true and false.
    pub label: Value,
}

/// A label as it is kept. Of several for one prediction the last counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Label {
    /// 1, 2, 3 … in the home, in the order in which they came.
    pub number: u64,
    #[serde(flatten)]
    pub label: NewLabel,
    /// When it was acknowledged.
    pub at: Timestamp,
}

/// What became of a label that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// Its prediction had none.
    New,
    /// It says again what was known.
    Repeated,
    /// It replaced another value.
    Changed,
}

impl FromIterator<Became> for Added {
    fn from_iter<I: IntoIterator<Item = Became>>(all: I) -> Self {
        let mut added = Self::default();
        for became in all {
            match became {
                Became::New => added.new += 1,
                Became::Repeated => added.repeated += 1,
                Became::Changed => added.changed += 1,
            }
        }
        added
    }
}

/// What became of labels that were given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Added {
    /// For predictions that had none.
    pub new: u64,
    /// That say again what was known.
    pub repeated: u64,
    /// That replaced another value.
    pub changed: u64,
}

/// A business figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    /// Of the prediction that it belongs to, if any.
    pub id: Option<String>,
    pub at: Timestamp,
}
