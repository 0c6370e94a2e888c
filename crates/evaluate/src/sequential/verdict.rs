//! What a comparison comes to.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Pair, threshold};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DifferenceVerdict)]
pub enum Verdict {
    /// The whole interval lies above the margin.
    Worse,
    /// The whole interval lies below it.
    NotWorse,
    Undecided,
}

/// Error probabilities, over all looks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Alpha {
    /// Of calling one worse that is not, by its margin.
    pub worse: f64,
    /// Of calling one not worse that is, by its margin.
    pub not_worse: f64,
}

impl Pair {
    pub fn verdict(&self, alpha: Alpha) -> Verdict {
        if self.evidence_above(self.margin) >= threshold(alpha.worse) {
            Verdict::Worse
        } else if self.evidence_below(self.margin) >= threshold(alpha.not_worse) {
            Verdict::NotWorse
        } else {
            Verdict::Undecided
        }
    }
}
