//! The difference between the expectations of two arms.

use libm::lgamma;

use super::{mixed, threshold};

/// Values in [0, 1] that were added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Arm {
    pub count: f64,
    /// In [0, count].
    pub sum: f64,
}

/// An arm of a comparison, and what was known of it beforehand.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// Seen before the comparison began: only sharpens it.
    pub before: Arm,
    /// Seen since: what is compared.
    pub since: Arm,
}

/// Two arms that are compared in one value, of which less is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub candidate: Sample,
    pub incumbent: Sample,
    /// The difference that matters, above 0: where the tests are sharpest, not where they are valid.
    pub margin: f64,
}

/// A distribution over the rates that an arm may have: betas with their weights.
type Prior = Vec<(f64, (f64, f64))>;

/// Where nothing is known beforehand: rates around a half, a fortieth, a thousandth.
const SHAPES: [(f64, f64); 3] = [(0.5, 0.5), (0.5, 20.0), (0.5, 500.0)];

/// The past, with its weights: taken at its word, and as so few values that a rate which has moved since
/// does little harm. The rest is for what the past knows nothing of.
const PAST: [(f64, f64); 2] = [(0.8, 100_000.0), (0.12, 2_000.0)];

/// Of the mixture against a candidate that is worse, the part of one whose rate equals the incumbent's; the
/// rest is for any other.
const ALIKE: f64 = 0.95;

/// Of the mixture against one that is not worse, the part of one that is worse by a few margins.
const NEAR: f64 = 0.9;

/// A candidate that is worse is expected to be so by so many margins.
const MARGINS: f64 = 3.0;

/// Of what is expected of any other candidate, the part of one around the incumbent's past, which counts as
/// at most so many values.
const KIN: (f64, f64) = (0.7, 50.0);

/// Halvings of an interval of length 2, to the last digits of a rate.
const HALVINGS: u32 = 52;

impl Arm {
    /// `sum` of `count`; what can't be is brought to the nearest that can.
    pub fn new(sum: f64, count: f64) -> Self {
        let count = if count.is_finite() { count.max(0.0) } else { 0.0 };
        let sum = if sum.is_finite() { sum.clamp(0.0, count) } else { 0.0 };
        Self { count, sum }
    }

    /// Takes one more value; below 0 counts as 0, above 1 as 1, and NaN, of which nothing is known, as 1.
    pub fn push(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += if value.is_nan() { 1.0 } else { value.clamp(0.0, 1.0) };
    }

    /// NaN without values.
    pub fn mean(self) -> f64 {
        self.sum / self.count
    }

    fn rest(self) -> f64 {
        self.count - self.sum
    }

    fn with(self, other: Self) -> Self {
        Self { count: self.count + other.count, sum: self.sum + other.sum }
    }

    /// `sum ln p + rest ln(1 − p)`, where 0 ln 0 is 0.
    fn log_likelihood(self, p: f64) -> f64 {
        let term = |weight: f64, p: f64| if weight > 0.0 { weight * p.max(0.0).ln() } else { 0.0 };
        term(self.sum, p) + term(self.rest(), 1.0 - p)
    }

    /// The beta around its mean, as if it were at most `most` values.
    fn shape(self, most: f64) -> (f64, f64) {
        let scale = (most / self.count).min(1.0);
        (0.5 + self.sum * scale, 0.5 + self.rest() * scale)
    }

    /// Ln of the average over `prior` of `q^sum (1−q)^rest`.
    fn log_mixture(self, prior: &Prior) -> f64 {
        let under = |(a, b): (f64, f64)| log_beta(a + self.sum, b + self.rest()) - log_beta(a, b);
        let terms: Vec<(f64, f64)> = prior.iter().map(|(weight, shape)| (*weight, under(*shape))).collect();
        mixed(&terms)
    }
}

impl Sample {
    pub fn new(before: Arm, since: Arm) -> Self {
        Self { before, since }
    }
}

impl Pair {
    pub fn new(candidate: Sample, incumbent: Sample, margin: f64) -> Self {
        Self { candidate, incumbent, margin }
    }

    /// Evidence that the candidate's expectation exceeds the incumbent's by more than `difference`: ln of an
    /// e-value, decided at [`threshold`]`(α)`. Minus infinity where nothing speaks for it.
    pub fn evidence_above(&self, difference: f64) -> f64 {
        if self.estimate().is_some_and(|estimate| estimate > difference) {
            self.log_worse() - self.highest_likelihood(difference)
        } else {
            f64::NEG_INFINITY
        }
    }

    /// Evidence that the candidate's expectation exceeds the incumbent's by less than `difference`.
    pub fn evidence_below(&self, difference: f64) -> f64 {
        if self.estimate().is_some_and(|estimate| estimate < difference) {
            self.log_not_worse() - self.highest_likelihood(difference)
        } else {
            f64::NEG_INFINITY
        }
    }

    /// Bounds of candidate − incumbent in [−1, 1]: it lies above the lower one at all times at once with
    /// probability 1 − `alpha_lower`, below the upper one with 1 − `alpha_upper`. Both −1 and 1 while an arm
    /// is empty.
    pub fn bounds(&self, alpha_lower: f64, alpha_upper: f64) -> (f64, f64) {
        let Some(estimate) = self.estimate() else { return (-1.0, 1.0) };
        let (worse, not_worse) = (self.log_worse(), self.log_not_worse());
        let refutes = |difference: f64| {
            let (numerator, alpha) =
                if difference < estimate { (worse, alpha_lower) } else { (not_worse, alpha_upper) };
            numerator - self.highest_likelihood(difference) >= threshold(alpha)
        };
        let bound = |end: f64| {
            // Evidence falls from the end towards the estimate; `kept` is not refuted, `refuted` is.
            let (mut kept, mut refuted) = (estimate, end);
            if !refutes(end) {
                return end;
            }
            for _ in 0..HALVINGS {
                let middle = (kept + refuted) / 2.0;
                if refutes(middle) {
                    refuted = middle;
                } else {
                    kept = middle;
                }
            }
            // The refuted side, so that rounding never narrows the interval.
            refuted
        };
        (bound(-1.0), bound(1.0))
    }

    fn estimate(&self) -> Option<f64> {
        let both = self.candidate.since.count > 0.0 && self.incumbent.since.count > 0.0;
        both.then(|| self.candidate.since.mean() - self.incumbent.since.mean())
    }

    /// The mixture that a candidate which is worse fits: any rate of its own, most likely a few margins up.
    fn log_worse(&self) -> f64 {
        let past = self.incumbent.before;
        let usual = if past.count > 0.0 { past.mean() } else { 0.0 };
        let mean = (usual + MARGINS * self.margin).clamp(1e-3, 0.75);
        let prior = vec![(NEAR, (2.0, 2.0 / mean - 2.0)), (1.0 - NEAR, SHAPES[0])];
        self.candidate.since.log_mixture(&prior) + self.incumbent.since.log_mixture(&informed(past))
    }

    /// The mixture that a candidate which is not worse fits: both arms have one rate, or it is a better one.
    fn log_not_worse(&self) -> f64 {
        let Self { candidate, incumbent, .. } = self;
        let alike = candidate
            .since
            .with(incumbent.since)
            .log_mixture(&informed(candidate.before.with(incumbent.before)));
        let kin = expected(incumbent.before, &[KIN]);
        let other =
            candidate.since.log_mixture(&kin) + incumbent.since.log_mixture(&informed(incumbent.before));
        mixed(&[(ALIKE, alike), (1.0 - ALIKE, other)])
    }

    /// The largest joint log-likelihood where the expectations differ by `difference`.
    fn highest_likelihood(&self, difference: f64) -> f64 {
        let (candidate, incumbent) = (self.candidate.since, self.incumbent.since);
        let (mut low, mut high) = ((-difference).max(0.0), (1.0 - difference).min(1.0));
        let at = |p: f64| candidate.log_likelihood(p + difference) + incumbent.log_likelihood(p);
        // It is concave in the incumbent's p, so its slope has one zero; where the slope keeps its sign the
        // halving ends at an end of the interval.
        let slope = |p: f64| {
            let of = |arm: Arm, p: f64| {
                let up = if arm.sum > 0.0 { arm.sum / p } else { 0.0 };
                let down = if arm.rest() > 0.0 { arm.rest() / (1.0 - p) } else { 0.0 };
                up - down
            };
            of(candidate, p + difference) + of(incumbent, p)
        };
        let ends = at(low).max(at(high));
        for _ in 0..HALVINGS {
            let middle = (low + high) / 2.0;
            if slope(middle) > 0.0 {
                low = middle;
            } else {
                high = middle;
            }
        }
        at((low + high) / 2.0).max(ends)
    }
}

/// What is expected of an arm that did `past` beforehand.
fn informed(past: Arm) -> Prior {
    expected(past, &PAST)
}

/// Betas around `past`, each with its weight and as how many values it counts at most; the rest for whatever
/// else there is.
fn expected(past: Arm, known: &[(f64, f64)]) -> Prior {
    let known = if past.count > 0.0 { known } else { &[] };
    let rest = 1.0 - known.iter().map(|(weight, _)| weight).sum::<f64>();
    let known = known.iter().map(|(weight, most)| (*weight, past.shape(*most)));
    known.chain(SHAPES.map(|shape| (rest / SHAPES.len() as f64, shape))).collect()
}

fn log_beta(a: f64, b: f64) -> f64 {
    lgamma(a) + lgamma(b) - lgamma(a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums and counts since the comparison began.
    fn pair(candidate: (f64, f64), incumbent: (f64, f64)) -> Pair {
        let sample = |(sum, count)| Sample::new(Arm::default(), Arm::new(sum, count));
        Pair::new(sample(candidate), sample(incumbent), 0.01)
    }

    #[test]
    fn nothing_is_known_of_an_empty_arm() {
        let pair = pair((0.0, 0.0), (3.0, 100.0));
        assert_eq!(pair.bounds(0.05, 0.05), (-1.0, 1.0));
        assert_eq!(pair.evidence_above(0.0), f64::NEG_INFINITY);
    }

    #[test]
    fn evidence_passes_its_threshold_where_the_bound_passes_the_margin() {
        let pair = pair((60.0, 1_000.0), (100.0, 10_000.0));
        let (lower, upper) = pair.bounds(0.01, 0.2);
        assert!(0.0 < lower && lower < 0.05 && 0.05 < upper && upper < 0.1, "{lower} {upper}");
        for step in [-1e-6, 1e-6] {
            assert_eq!(pair.evidence_above(lower + step) >= threshold(0.01), step < 0.0);
            assert_eq!(pair.evidence_below(upper + step) >= threshold(0.2), step > 0.0);
        }
    }

    #[test]
    fn the_past_sharpens() {
        let blind = pair((3.0, 3_000.0), (60.0, 60_000.0));
        let mut knowing = blind;
        knowing.candidate.before = Arm::new(2.0, 2_000.0);
        knowing.incumbent.before = Arm::new(50.0, 50_000.0);
        let (blind, knowing) = (blind.bounds(0.01, 0.01), knowing.bounds(0.01, 0.01));
        assert!(knowing.0 > blind.0 && knowing.1 < blind.1, "{knowing:?} {blind:?}");
    }

    #[test]
    fn all_or_nothing_has_finite_evidence() {
        for (candidate, incumbent) in [((100.0, 100.0), (0.0, 100.0)), ((0.0, 100.0), (100.0, 100.0))] {
            let (lower, upper) = pair(candidate, incumbent).bounds(0.05, 0.05);
            assert!(-1.0 <= lower && lower < upper && upper <= 1.0, "{lower} {upper}");
        }
    }

    #[test]
    fn what_can_not_be_is_brought_to_what_can() {
        assert_eq!(Arm::new(5.0, 3.0), Arm { count: 3.0, sum: 3.0 });
        assert_eq!(Arm::new(f64::NAN, -1.0), Arm { count: 0.0, sum: 0.0 });
        let mut arm = Arm::default();
        [0.25, -7.0, 9.0, f64::NAN].into_iter().for_each(|value| arm.push(value));
        assert_eq!(arm, Arm { count: 4.0, sum: 2.25 });
    }
}
