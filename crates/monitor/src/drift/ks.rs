use modelyard_evaluate::Undefined;

use super::{DriftTest, Measure};
use crate::kolmogorov::p_value;
use crate::{Kind, Pair};

/// p-value of the two-sided Kolmogorov–Smirnov test of two samples.
///
/// For numbers. Equal to `scipy.stats.ks_2samp` with its default method: exact up to 10,000 values a sample,
/// beyond that the distribution of one sample of the harmonic size. Both assume values without ties; with
/// ties the test is careful.
pub(crate) struct KolmogorovSmirnov;

impl DriftTest for KolmogorovSmirnov {
    fn name(&self) -> &'static str {
        "ks"
    }

    fn measure(&self) -> Measure {
        Measure::PValue
    }

    fn fits(&self, kind: Kind) -> bool {
        kind == Kind::Numeric
    }

    fn score(&self, pair: &Pair<'_>) -> Result<f64, Undefined> {
        let (reference, current) = pair.numbers()?;
        let difference = largest_difference(reference.sorted(), current.sorted());
        Ok(p_value(reference.len() as u64, current.len() as u64, difference))
    }

    /// Evidently lets this one p-value reach its threshold.
    fn is_drift(&self, score: f64, threshold: f64) -> bool {
        score <= threshold
    }
}

/// Largest distance between the distribution functions of two sorted samples, in units of 1 / (rows · rows),
/// so that it is a whole number.
fn largest_difference(a: &[f64], b: &[f64]) -> u128 {
    let (rows, others) = (a.len() as u128, b.len() as u128);
    let (mut i, mut j, mut largest) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        let value = a[i].min(b[j]);
        while i < a.len() && a[i] <= value {
            i += 1;
        }
        while j < b.len() && b[j] <= value {
            j += 1;
        }
        largest = largest.max((i as u128 * others).abs_diff(j as u128 * rows));
    }
    largest
}
