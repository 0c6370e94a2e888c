use modelyard_evaluate::Undefined;

use super::{DriftTest, Measure};
use crate::bins::Bins;
use crate::numeric::normal_two_sided;
use crate::{Kind, Pair};

/// Two-sided p-value of the Z test that the first value (in order) has the same share in both samples.
///
/// For categories, meant for two of them (Evidently's preset also for two numbers). With one value in all it
/// is 1.
pub(crate) struct Z;

impl DriftTest for Z {
    fn name(&self) -> &'static str {
        "z"
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
        let (rows, others) = (rows as f64, others as f64);
        let (share, other) = (1.0 - bins.reference[0] as f64 / rows, 1.0 - bins.current[0] as f64 / others);
        let pooled = (share * rows + other * others) / (rows + others);
        let deviation = (pooled * (1.0 - pooled) * (1.0 / rows + 1.0 / others)).sqrt();
        Ok(normal_two_sided((share - other) / deviation))
    }
}
