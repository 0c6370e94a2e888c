use modelyard_evaluate::Undefined;

use super::DriftTest;
use crate::bins::Bins;
use crate::{Kind, Pair};

/// Kullback–Leibler divergence of the reference from the window, in nats: in [0, ∞).
///
/// For categories, and for numbers in bins (see `bins`), whose empty ones count as nearly empty. Equal to
/// `scipy.stats.entropy` of those shares, each sample's scaled to sum to 1 again.
pub(super) struct KullbackLeibler;

impl DriftTest for KullbackLeibler {
    fn name(&self) -> &'static str {
        "kl_div"
    }

    fn fits(&self, _kind: Kind) -> bool {
        true
    }

    fn score(&self, pair: &Pair<'_>) -> Result<f64, Undefined> {
        Ok(of_bins(&Bins::new(pair)))
    }
}

pub(crate) fn of_bins(bins: &Bins) -> f64 {
    let (reference, current) = bins.positive_shares();
    let (whole, other): (f64, f64) = (reference.iter().sum(), current.iter().sum());
    let terms = reference.iter().zip(&current).map(|(p, q)| p / whole * ((p / whole) / (q / other)).ln());
    // Rounding may leave equal shares a hair below 0.
    terms.sum::<f64>().max(0.0)
}
