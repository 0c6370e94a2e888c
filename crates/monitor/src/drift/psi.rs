use modelyard_evaluate::Undefined;

use super::DriftTest;
use crate::bins::Bins;
use crate::{Kind, Pair};

/// Population stability index in nats: in [0, ∞).
///
/// For categories, and for numbers in bins (see `bins`), whose empty ones count as nearly empty.
pub(super) struct PopulationStability;

impl DriftTest for PopulationStability {
    fn name(&self) -> &'static str {
        "psi"
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
    reference.iter().zip(&current).map(|(p, q)| (p - q) * (p / q).ln()).sum()
}
