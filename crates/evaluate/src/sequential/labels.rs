//! What labels tell of two versions, however often one looks: the loss of each by the model's own metric.
//!
//! A ranking is judged by all its pairs (1 less the area under the ROC curve, with the variance of DeLong), the rest
//! by means over rows. Both are nearly normal once there are a few hundred labels, so the evidence is that of a
//! normal mixture over time-uniform: valid in the limit rather than exactly as that of [`Pair`](super::Pair), which
//! would need four times the labels here, since it takes each row of a ranking once and the variance as the largest.
//!
//! Source: Robbins (1970); Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and
//! asymptotic confidence sequences" (2024).

use super::{Alpha, Verdict, threshold};
use crate::interval::delong;
use crate::numeric::{mean, variance};

/// Fewer values, or rows of a class, are not taken for normal.
const FEWEST: usize = 50;
/// The part of the incumbent's loss by which a candidate that is worse is expected to be so, about.
const USUAL: f64 = 0.2;
/// The part below which a difference does not matter.
const MARGIN: f64 = 0.1;
/// Halvings of an interval, to the last digits of a loss.
const HALVINGS: u32 = 52;

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// How often a positive row is ranked below another.
    Ranking,
    /// How often the class is wrong.
    Wrong,
    /// How far the probability of the positive class is from the truth, squared.
    Probability,
    /// How far a number is from the truth.
    Error,
    /// The same, squared.
    SquaredError,
}

impl Measure {
    /// What stands for the primary metric, of `n_classes` (0 for numbers): itself, or the nearest that is a loss.
    pub fn of(metric: &str, n_classes: usize) -> Self {
        match (metric, n_classes) {
            ("rmse" | "r2", 0) => Self::SquaredError,
            (_, 0) => Self::Error,
            ("roc_auc" | "roc_auc_ovr" | "roc_auc_ovr_weighted" | "average_precision", 2) => Self::Ranking,
            ("log_loss" | "brier_score", 2) => Self::Probability,
            _ => Self::Wrong,
        }
    }
}

/// The labelled rows of one version.
#[derive(Clone, Debug)]
pub struct Labelled {
    measure: Measure,
    rows: u64,
    /// Of each row that says something: its loss, or its score where they are ranked.
    values: Vec<f64>,
    positive: Vec<bool>,
}

/// A loss, and the variance of it as an estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    pub value: f64,
    pub variance: f64,
}

impl Labelled {
    pub fn new(measure: Measure) -> Self {
        Self { measure, rows: 0, values: Vec::new(), positive: Vec::new() }
    }

    /// Takes a classifier's row: whether its class was right, and of two classes whether it is positive and how
    /// probable that was said to be.
    pub fn class(&mut self, right: bool, positive: Option<(bool, f64)>) {
        self.rows += 1;
        match (self.measure, positive) {
            (Measure::Wrong, _) => self.values.push(f64::from(u8::from(!right))),
            (Measure::Probability, Some((is, probability))) => {
                self.values.push((f64::from(u8::from(is)) - probability).powi(2));
            }
            (Measure::Ranking, Some((is, probability))) => {
                self.values.push(probability);
                self.positive.push(is);
            }
            _ => {}
        }
    }

    /// Takes a row of a regression.
    pub fn number(&mut self, truth: f64, answer: f64) {
        self.rows += 1;
        match self.measure {
            Measure::Error => self.values.push((truth - answer).abs()),
            Measure::SquaredError => self.values.push((truth - answer).powi(2)),
            _ => {}
        }
    }

    /// Labelled rows taken.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// `None` while there are too few.
    pub fn loss(&self) -> Option<Loss> {
        let loss = if self.measure == Measure::Ranking {
            let positives = self.positive.iter().filter(|is| **is).count();
            if positives.min(self.positive.len() - positives) < FEWEST {
                return None;
            }
            let (area, variance) = delong::area(&self.values, &self.positive).ok()?;
            Loss { value: 1.0 - area, variance }
        } else {
            if self.values.len() < FEWEST {
                return None;
            }
            Loss { value: mean(&self.values), variance: variance(&self.values) / self.values.len() as f64 }
        };
        (loss.value.is_finite() && loss.variance.is_finite()).then_some(loss)
    }
}

/// Two versions by their losses, over one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Losses {
    pub candidate: Option<Loss>,
    pub incumbent: Option<Loss>,
}

impl Losses {
    /// Candidate less incumbent, and its variance; `None` while one has too few labels.
    fn difference(&self) -> Option<Loss> {
        let (candidate, incumbent) = (self.candidate?, self.incumbent?);
        let variance = candidate.variance + incumbent.variance;
        (variance > 0.0).then_some(Loss { value: candidate.value - incumbent.value, variance })
    }

    /// The difference that matters.
    pub fn margin(&self) -> f64 {
        self.incumbent.map_or(0.0, |loss| MARGIN * loss.value)
    }

    /// Worse at all, not worse by the margin, or not known: a candidate was as good on the sealed rows, so any loss
    /// that is certain is one.
    pub fn verdict(&self, alpha: Alpha) -> Verdict {
        let Some(difference) = self.difference() else { return Verdict::Undecided };
        if self.evidence(difference.value, difference.variance) >= threshold(alpha.worse) {
            Verdict::Worse
        } else if self.evidence(self.margin() - difference.value, difference.variance)
            >= threshold(alpha.not_worse)
        {
            Verdict::NotWorse
        } else {
            Verdict::Undecided
        }
    }

    /// Bounds of the difference, each left out at some time with the probability of its error; `None` while one
    /// version has too few labels.
    pub fn bounds(&self, alpha: Alpha) -> Option<(f64, f64)> {
        let Loss { value, variance } = self.difference()?;
        let reach = |error: f64| {
            let (mut kept, mut refuted) = (0.0, 100.0 * variance.sqrt());
            for _ in 0..HALVINGS {
                let middle = (kept + refuted) / 2.0;
                if self.evidence(middle, variance) >= threshold(error) {
                    refuted = middle
                } else {
                    kept = middle
                }
            }
            refuted
        };
        Some((value - reach(alpha.worse), value + reach(alpha.not_worse)))
    }

    /// Ln of the e-value that a difference of which `above` was seen is above 0: a half-normal mixture of what it
    /// may be.
    fn evidence(&self, above: f64, variance: f64) -> f64 {
        if above <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let usual = (USUAL * self.incumbent.map_or(0.0, |loss| loss.value)).max(f64::MIN_POSITIVE);
        let total = variance + usual * usual;
        let z = above * usual / (variance * total).sqrt();
        let below = 1.0 - libm::erfc(z / std::f64::consts::SQRT_2) / 2.0;
        std::f64::consts::LN_2 + (variance / total).ln() / 2.0 + z * z / 2.0 + below.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALPHA: Alpha = Alpha { worse: 0.05, not_worse: 0.05 };

    fn losses(candidate: (f64, f64), incumbent: (f64, f64)) -> Losses {
        let loss = |(value, deviation): (f64, f64)| Some(Loss { value, variance: deviation * deviation });
        Losses { candidate: loss(candidate), incumbent: loss(incumbent) }
    }

    #[test]
    fn each_metric_has_what_stands_for_it() {
        assert_eq!(Measure::of("roc_auc", 2), Measure::Ranking);
        assert_eq!(Measure::of("roc_auc_ovr", 3), Measure::Wrong);
        assert_eq!(Measure::of("log_loss", 2), Measure::Probability);
        assert_eq!(Measure::of("f1", 2), Measure::Wrong);
        assert_eq!(Measure::of("mae", 0), Measure::Error);
        assert_eq!(Measure::of("rmse", 0), Measure::SquaredError);
    }

    #[test]
    fn few_labels_say_nothing() {
        let mut labelled = Labelled::new(Measure::Ranking);
        for row in 0..1_000 {
            labelled.class(true, Some((row < 49, 0.5)));
        }
        assert_eq!((labelled.rows(), labelled.loss()), (1_000, None));
        labelled.class(true, Some((true, 0.5)));
        assert_eq!(labelled.loss().unwrap().value, 0.5);
        let nothing = Losses { candidate: labelled.loss(), incumbent: None };
        assert_eq!((nothing.verdict(ALPHA), nothing.bounds(ALPHA)), (Verdict::Undecided, None));
    }

    #[test]
    fn bounds_and_verdict_agree() {
        for (candidate, wanted) in
            [(0.29, Verdict::Worse), (0.25, Verdict::Undecided), (0.2, Verdict::NotWorse)]
        {
            let found = losses((candidate, 0.008), (0.24, 0.006));
            assert_eq!(found.verdict(ALPHA), wanted, "{candidate}");
            let (low, high) = found.bounds(ALPHA).unwrap();
            assert_eq!(low > 0.0, wanted == Verdict::Worse, "{candidate}: {low}");
            assert_eq!(high < found.margin(), wanted == Verdict::NotWorse, "{candidate}: {high}");
        }
    }

    #[test]
    fn rows_are_losses() {
        let all = |measure: Measure, take: &dyn Fn(&mut Labelled)| {
            let mut labelled = Labelled::new(measure);
            (0..FEWEST).for_each(|_| take(&mut labelled));
            labelled.loss().unwrap().value
        };
        assert_eq!(all(Measure::Wrong, &|labelled| labelled.class(false, None)), 1.0);
        assert_eq!(all(Measure::Probability, &|labelled| labelled.class(true, Some((true, 0.5)))), 0.25);
        assert_eq!(all(Measure::Error, &|labelled| labelled.number(1.0, 6.0)), 5.0);
        assert_eq!(all(Measure::SquaredError, &|labelled| labelled.number(1.0, 6.0)), 25.0);
    }
}
