use modelyard_evaluate::Undefined;

use super::DriftTest;
use crate::bins::{self, Bins};
use crate::{Kind, Pair};

/// Hellinger distance: in [0, 1].
///
/// For categories, and for numbers in bins of one width over the range of both samples, as many as Sturges'
/// rule says for the number of **different** values (Evidently's choice, for this test alone).
pub(super) struct Hellinger;

impl DriftTest for Hellinger {
    fn name(&self) -> &'static str {
        "hellinger"
    }

    fn fits(&self, _kind: Kind) -> bool {
        true
    }

    fn score(&self, pair: &Pair<'_>) -> Result<f64, Undefined> {
        let values = Bins::of_values(pair);
        let bins = match pair.numbers() {
            Ok((reference, current)) => {
                let edges = bins::sturges(reference, current, values.reference.len());
                Bins::of_edges(reference, current, &edges)
            }
            Err(_) => values,
        };
        Ok(of_bins(&bins))
    }
}

pub(crate) fn of_bins(bins: &Bins) -> f64 {
    let (reference, current) = bins.shares();
    let overlap: f64 = reference.iter().zip(&current).map(|(p, q)| (p * q).sqrt()).sum();
    (1.0 - overlap.clamp(0.0, 1.0)).sqrt()
}
