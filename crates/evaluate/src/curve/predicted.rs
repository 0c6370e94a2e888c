//! Predicted against actual values of a regression.

use serde::{Deserialize, Serialize};

use crate::numeric::{mean, t_95, variance};
use crate::random::Random;
use crate::text::number;

/// More points are a blot; so many are drawn at random.
const POINTS: usize = 400;
const BINS: usize = 10;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Predicted {
    pub rows: u64,
    /// `[predicted, actual]`: all rows, or a random 400 of them.
    pub points: Vec<[f64; 2]>,
    /// Equally many rows each, by rising prediction.
    pub bins: Vec<PredictedBin>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictedBin {
    pub rows: u64,
    pub mean_predicted: f64,
    pub mean_actual: f64,
    /// Whether the two differ by more than chance explains (at 99.5 %, being ten bins).
    pub off: bool,
}

impl Predicted {
    /// `None` for no rows.
    pub(crate) fn of(truth: &[f64], predicted: &[f64], seed: u64) -> Option<Self> {
        let mut order: Vec<usize> = (0..truth.len()).collect();
        order.sort_by(|&a, &b| predicted[a].total_cmp(&predicted[b]));
        let bins = (0..BINS)
            .map(|bin| &order[order.len() * bin / BINS..order.len() * (bin + 1) / BINS])
            .filter(|rows| !rows.is_empty())
            .map(|rows| {
                let of = |values: &[f64]| rows.iter().map(|&row| values[row]).collect::<Vec<_>>();
                let (claimed, actual) = (of(predicted), of(truth));
                let errors: Vec<f64> =
                    claimed.iter().zip(&actual).map(|(claimed, actual)| claimed - actual).collect();
                // 1.432: from 95 % to 99.5 % in standard deviations.
                let reach =
                    1.432 * t_95(rows.len() as f64 - 1.0) * (variance(&errors) / rows.len() as f64).sqrt();
                PredictedBin {
                    rows: rows.len() as u64,
                    mean_predicted: mean(&claimed),
                    mean_actual: mean(&actual),
                    off: rows.len() > 1 && mean(&errors).abs() > reach,
                }
            })
            .collect();
        let chosen = match truth.len() {
            n if n > POINTS => Random::new(seed).choose(POINTS, n),
            n => (0..n).collect(),
        };
        let points = chosen.into_iter().map(|row| [predicted[row], truth[row]]).collect();
        (!truth.is_empty()).then_some(Self { rows: truth.len() as u64, points, bins })
    }

    pub fn headline(&self) -> String {
        let off: Vec<&PredictedBin> = self.bins.iter().filter(|bin| bin.off).collect();
        let kind =
            |bin: &PredictedBin| if bin.mean_predicted > bin.mean_actual { "too high" } else { "too low" };
        let (Some(first), Some(last)) = (self.bins.first(), self.bins.last()) else {
            return "Predicted and actual values".to_owned();
        };
        match off.as_slice() {
            [] => "Predictions are right on average over their whole range".to_owned(),
            _ if first.off && last.off && kind(first) != kind(last) => {
                format!("Low predictions are {}, high ones {}", kind(first), kind(last))
            }
            _ if off.len() == self.bins.len() => "Predictions are off over their whole range".to_owned(),
            [bin] => {
                format!("Predictions around {} are {} on average", number(bin.mean_predicted), kind(bin))
            }
            _ if last.off && !first.off => {
                format!("The highest predictions are {} on average", kind(last))
            }
            _ if first.off && !last.off => format!("The lowest predictions are {} on average", kind(first)),
            _ => format!("Predictions are off in {} of {} tenths of their range", off.len(), self.bins.len()),
        }
    }
}
