use modelyard_evaluate::Undefined;

use super::{DriftTest, Measure};
use crate::bins::Bins;
use crate::numeric::chi_square_above;
use crate::{Kind, Pair};

/// p-value of Pearson's chi-square test that the window has the reference's shares, which are taken as known.
///
/// For categories (Evidently's preset also for numbers of which there are few). Equal to
/// `scipy.stats.chisquare`. A category that the reference lacks makes it 0. With one category in all, where
/// SciPy gives NaN, it is 1: nothing could differ; the decision is the same.
pub(crate) struct ChiSquare;

impl DriftTest for ChiSquare {
    fn name(&self) -> &'static str {
        "chisquare"
    }

    fn measure(&self) -> Measure {
        Measure::PValue
    }

    fn fits(&self, kind: Kind) -> bool {
        kind == Kind::Categorical
    }

    fn score(&self, pair: &Pair<'_>) -> Result<f64, Undefined> {
        let bins = Bins::of_values(pair);
        if bins.reference.len() == 1 {
            return Ok(1.0);
        }
        let (rows, others) = pair.rows();
        let scale = others as f64 / rows as f64;
        let statistic: f64 = bins
            .reference
            .iter()
            .zip(&bins.current)
            .map(|(count, found)| {
                let expected = *count as f64 * scale;
                (*found as f64 - expected).powi(2) / expected
            })
            .sum();
        Ok(chi_square_above(statistic, (bins.reference.len() - 1) as f64))
    }
}
