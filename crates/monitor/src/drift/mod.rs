//! Drift tests, under the names that Evidently gives them.
//!
//! A test is a number computed from a column's values in the reference and in a window, equal to what
//! Evidently 0.7.23 computes (`tests/evidently.rs`) and, where it is one of theirs, to SciPy 1.17.1's
//! (`tests/scipy.rs`); where those give NaN or refuse it is [`Undefined`] with a reason. Missing and
//! infinite values are left out, as Evidently does; how many are missing is a finding of its own. To add
//! one: a file here, a line in [`ALL`], a case in both scripts.

pub(crate) mod chi_square;
mod hellinger;
mod jensen_shannon;
mod kl_div;
pub(crate) mod ks;
mod psi;
mod wasserstein;
pub(crate) mod z;

use modelyard_evaluate::Undefined;

use crate::{Kind, Pair};

/// All tests; the order in which they are listed to people.
pub static ALL: &[&dyn DriftTest] = &[
    &wasserstein::Wasserstein,
    &jensen_shannon::JensenShannon,
    &ks::KolmogorovSmirnov,
    &chi_square::ChiSquare,
    &z::Z,
    &psi::PopulationStability,
    &kl_div::KullbackLeibler,
    &hellinger::Hellinger,
];

/// What a test's number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// How far apart the samples are, from 0.
    Distance,
    /// How probable a difference as large would be if nothing had changed, in [0, 1].
    PValue,
}

/// A way of comparing a column's values with those of the reference.
pub trait DriftTest: Send + Sync {
    /// As `monitor.drift` writes it.
    fn name(&self) -> &'static str;

    fn measure(&self) -> Measure {
        Measure::Distance
    }

    /// Whether people may choose it for columns of this kind.
    fn fits(&self, kind: Kind) -> bool;

    /// From where on Evidently calls it drift: 0.1 for distances, 0.05 for p-values.
    fn threshold(&self) -> f64 {
        match self.measure() {
            Measure::Distance => 0.1,
            Measure::PValue => 0.05,
        }
    }

    /// The value: finite, at least 0.
    ///
    /// # Errors
    /// [`Undefined`] where it compares numbers and is given categories, and where values are too large.
    fn score(&self, pair: &Pair<'_>) -> Result<f64, Undefined>;

    /// Whether `score` is drift under `threshold`: a distance that reaches it, a p-value below it.
    fn is_drift(&self, score: f64, threshold: f64) -> bool {
        match self.measure() {
            Measure::Distance => score >= threshold,
            Measure::PValue => score < threshold,
        }
    }
}

/// The test called `name`.
pub fn lookup(name: &str) -> Option<&'static dyn DriftTest> {
    ALL.iter().copied().find(|test| test.name() == name)
}

/// The distance that the own rule looks at: Wasserstein for numbers, Jensen–Shannon for categories. Both
/// are sizes of an effect, whatever the number of rows.
pub fn effect(kind: Kind) -> &'static dyn DriftTest {
    match kind {
        Kind::Numeric => &wasserstein::Wasserstein,
        Kind::Categorical => &jensen_shannon::JensenShannon,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Categories, Numbers, Sample};

    fn numbers(values: &[f64]) -> Sample {
        Sample::Numbers(Numbers::new(values.to_vec()))
    }

    #[test]
    fn a_threshold_that_is_met_is_drift_for_distances_and_for_ks_alone() {
        for test in ALL {
            let is_met = test.measure() == Measure::Distance || test.name() == "ks";
            assert_eq!(test.is_drift(test.threshold(), test.threshold()), is_met, "{}", test.name());
        }
    }

    #[test]
    fn what_cannot_be_compared_says_why() {
        let (some, none, other) = (numbers(&[1.0]), numbers(&[f64::NAN, f64::INFINITY]), words(&["a"]));
        let check = |reference: &Sample, current: &Sample, wanted: &str| {
            assert_eq!(Pair::new(reference, current).unwrap_err().to_string(), wanted);
        };
        check(&none, &some, "the reference has no values");
        check(&some, &none, "the window has no values");
        check(&some, &other, "the column was numeric and is categorical now");
        check(&other, &some, "the column was categorical and is numeric now");
    }

    fn words(values: &[&str]) -> Sample {
        Sample::Categories(Categories::new(values.iter().map(|value| Some(*value))))
    }

    #[test]
    fn names_are_unique_and_found() {
        for test in ALL {
            assert!(std::ptr::addr_eq(*test, lookup(test.name()).unwrap()), "{}", test.name());
        }
    }

    #[test]
    fn the_same_rows_do_not_drift_whatever_the_test() {
        let samples = [
            numbers(&[1.0, 2.0, 2.0, 5.0, 7.5]),
            numbers(&[3.0; 5]),
            numbers(&[0.0, 1.0, 1.0]),
            numbers(&(0..100).map(f64::from).collect::<Vec<_>>()),
            words(&["a", "b", "b"]),
            words(&["a", "b", "c", "d"]),
        ];
        for sample in &samples {
            for test in ALL.iter().filter(|test| test.fits(sample.kind())) {
                let score = test.score(&Pair::new(sample, &sample.clone()).unwrap()).unwrap();
                assert!(!test.is_drift(score, test.threshold()), "{}: {score}", test.name());
            }
        }
    }
}
