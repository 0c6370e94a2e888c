use modelyard_evaluate::Undefined;

use super::DriftTest;
use crate::bins::Bins;
use crate::{Kind, Pair};

/// Jensen–Shannon distance, the root of the divergence in nats: in [0, √ln 2].
///
/// For categories, and for numbers in bins (see `bins`). Equal to `scipy.spatial.distance.jensenshannon` of
/// the shares.
pub(super) struct JensenShannon;

impl DriftTest for JensenShannon {
    fn name(&self) -> &'static str {
        "jensenshannon"
    }

    fn fits(&self, _kind: Kind) -> bool {
        true
    }

    fn score(&self, pair: &Pair<'_>) -> Result<f64, Undefined> {
        Ok(of_bins(&Bins::new(pair)))
    }
}

pub(crate) fn of_bins(bins: &Bins) -> f64 {
    let (reference, current) = bins.shares();
    let mut divergence = 0.0;
    for (p, q) in reference.iter().zip(&current) {
        let middle = (p + q) / 2.0;
        for share in [*p, *q] {
            if share > 0.0 {
                divergence += share * (share / middle).ln();
            }
        }
    }
    // Rounding may leave equal shares a hair below 0.
    (divergence.max(0.0) / 2.0).sqrt()
}
