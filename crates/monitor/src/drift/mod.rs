//! Drift tests, under the names that Evidently gives them.
//!
//! A test is a number computed from a column's values in the reference and in a window, equal to what
//! Evidently 0.7.23 computes (`tests/evidently.rs`) and, where it is one of theirs, to SciPy 1.17.1's
//! (`tests/scipy.rs`); where those give NaN or refuse it is [`Undefined`] with a reason. Missing and
//! infinite values are left out, as Evidently does; how many are missing is a finding of its own. To add
//! one: a file here, a line in [`ALL`], a case in both scripts.

pub(crate) mod chi_square;
pub(crate) mod hellinger;
pub(crate) mod jensen_shannon;
pub(crate) mod kl_div;
pub(crate) mod ks;
pub(crate) mod psi;
pub(crate) mod wasserstein;
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
    use proptest::prelude::*;

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

    fn any_number() -> impl Strategy<Value = f64> {
        let odd =
            [0.0, -0.0, 5e-324, 1e-300, 1.0, f64::MAX, f64::MIN, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        prop_oneof![prop::num::f64::ANY, -9.0..9.0f64, prop::sample::select(odd.to_vec())]
    }

    proptest! {
        #[test]
        fn whatever_the_numbers_a_score_is_one_or_says_why(
            before in prop::collection::vec(any_number(), 0..60),
            now in prop::collection::vec(any_number(), 0..60),
        ) {
            let (before, now) = (numbers(&before), numbers(&now));
            if let Ok(pair) = Pair::new(&before, &now) {
                for pair in [pair, pair.as_categories()] {
                    for test in ALL {
                        if let Ok(score) = test.score(&pair) {
                            prop_assert!(score.is_finite() && score >= 0.0, "{}: {score}", test.name());
                        }
                    }
                }
            }
        }

        #[test]
        fn order_and_scale_change_nothing(
            before in prop::collection::vec(-9.0..9.0f64, 1..80),
            mut now in prop::collection::vec(-9.0..9.0f64, 1..80),
        ) {
            let scores = |before: &[f64], now: &[f64]| -> Vec<f64> {
                let (before, now) = (numbers(before), numbers(now));
                let pair = Pair::new(&before, &now).unwrap();
                ["wasserstein", "ks"].iter().map(|name| lookup(name).unwrap().score(&pair).unwrap()).collect()
            };
            // A constant reference counts as spread by 0.001, whatever the scale.
            prop_assume!(before.iter().any(|value| (value - before[0]).abs() > 1.0));
            let found = scores(&before, &now);
            now.reverse();
            let scaled = |values: &[f64]| values.iter().map(|value| value * 1024.0).collect::<Vec<_>>();
            for (one, other) in found.iter().zip(scores(&scaled(&before), &scaled(&now))) {
                prop_assert!((one - other).abs() < 1e-12 * one.abs().max(1.0), "{one} {other}");
            }
        }
    }
}
