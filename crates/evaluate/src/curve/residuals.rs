//! The distribution of a regression's errors, prediction less truth.

use serde::{Deserialize, Serialize};

use crate::numeric::{mean, quantile, sorted, t_95, variance};
use crate::text::number;

const BINS: usize = 30;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Residuals {
    pub mean: f64,
    /// Half of the errors are at most so large, and nine in ten.
    pub half_within: f64,
    pub ninety_within: f64,
    /// Whether the mean differs from 0 by more than chance explains.
    pub biased: bool,
    /// One more than `counts`; the last bin includes its right edge.
    pub edges: Vec<f64>,
    pub counts: Vec<u64>,
    /// Rows beyond the edges, which hold the middle 99 %.
    pub below: u64,
    pub above: u64,
}

impl Residuals {
    /// `None` for no rows.
    pub(crate) fn of(truth: &[f64], predicted: &[f64]) -> Option<Self> {
        let errors =
            sorted(truth.iter().zip(predicted).map(|(truth, predicted)| predicted - truth).collect());
        if errors.is_empty() {
            return None;
        }
        let sizes = sorted(errors.iter().map(|error| error.abs()).collect());
        // The same reach on both sides, so that a lean to one side is seen as such.
        let reach = quantile(&errors, 0.005).abs().max(quantile(&errors, 0.995).abs());
        let reach = if reach > 0.0 { reach } else { 1.0 };
        let width = 2.0 * reach / BINS as f64;
        let edges: Vec<f64> = (0..=BINS).map(|edge| -reach + width * edge as f64).collect();
        let (mut counts, mut below, mut above) = (vec![0; BINS], 0, 0);
        for error in &errors {
            if *error < -reach {
                below += 1;
            } else if *error > reach {
                above += 1;
            } else {
                counts[(((error + reach) / width) as usize).min(BINS - 1)] += 1;
            }
        }
        let centre = mean(&errors);
        let n = errors.len() as f64;
        let biased = errors.len() > 1 && centre.abs() > t_95(n - 1.0) * (variance(&errors) / n).sqrt();
        Some(Self {
            mean: centre,
            half_within: quantile(&sizes, 0.5),
            ninety_within: quantile(&sizes, 0.9),
            biased,
            edges,
            counts,
            below,
            above,
        })
    }

    pub fn headline(&self) -> String {
        let (half, ninety) = (number(self.half_within), number(self.ninety_within));
        let lean = match (self.biased, self.mean > 0.0) {
            (false, _) => "they lean to neither side".to_owned(),
            (true, true) => format!("predictions are too high by {} on average", number(self.mean)),
            (true, false) => format!("predictions are too low by {} on average", number(-self.mean)),
        };
        format!("Half of the errors are within {half}, nine in ten within {ninety}; {lean}")
    }
}
