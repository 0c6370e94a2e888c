//! The difference between the expectations of two arms.

use libm::lgamma;

use super::{joined, threshold};

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

/// Beta distributions that a rate may have, whatever it counts: around a half, a fortieth, a thousandth.
const SHAPES: [(f64, f64); 3] = [(0.5, 0.5), (0.5, 20.0), (0.5, 500.0)];

/// The past counts as at most so many values, so that a rate that has drifted since does little harm.
const PAST: f64 = 2_000.0;

/// Halvings of an interval of length 2, to the last digits of a rate.
const HALVINGS: u32 = 52;

impl Arm {
    /// `sum` of `count`; what can't be is brought to the nearest that can.
    pub fn new(sum: f64, count: f64) -> Self {
        let count = if count.is_finite() { count.max(0.0) } else { 0.0 };
        let sum = if sum.is_finite() { sum.clamp(0.0, count) } else { 0.0 };
        Self { count, sum }
    }

    /// NaN without values.
    pub fn mean(self) -> f64 {
        self.sum / self.count
    }

    fn rest(self) -> f64 {
        self.count - self.sum
    }

    /// `sum ln p + rest ln(1 − p)`, where 0 ln 0 is 0.
    fn log_likelihood(self, p: f64) -> f64 {
        let term = |weight: f64, p: f64| if weight > 0.0 { weight * p.max(0.0).ln() } else { 0.0 };
        term(self.sum, p) + term(self.rest(), 1.0 - p)
    }
}

impl Sample {
    pub fn new(before: Arm, since: Arm) -> Self {
        Self { before, since }
    }

    /// Ln of the average over the mixture of `q^sum (1−q)^rest`.
    fn log_mixture(&self) -> f64 {
        let scale = (PAST / self.before.count).min(1.0);
        let past = (0.5 + self.before.sum * scale, 0.5 + self.before.rest() * scale);
        let under = |(a, b): (f64, f64)| log_beta(a + self.since.sum, b + self.since.rest()) - log_beta(a, b);
        if self.before.count > 0.0 {
            joined(&[under(SHAPES[0]), under(SHAPES[1]), under(SHAPES[2]), under(past)])
        } else {
            joined(&SHAPES.map(under))
        }
    }
}

/// Evidence that the candidate's expectation exceeds the incumbent's by more than `difference`: ln of an
/// e-value, decided at [`threshold`]`(α)`. Minus infinity where nothing speaks for it.
pub fn evidence_above(candidate: &Sample, incumbent: &Sample, difference: f64) -> f64 {
    if estimate(candidate, incumbent).is_some_and(|estimate| estimate > difference) {
        evidence_against(candidate, incumbent, difference)
    } else {
        f64::NEG_INFINITY
    }
}

/// Evidence that the candidate's expectation exceeds the incumbent's by less than `difference`.
pub fn evidence_below(candidate: &Sample, incumbent: &Sample, difference: f64) -> f64 {
    if estimate(candidate, incumbent).is_some_and(|estimate| estimate < difference) {
        evidence_against(candidate, incumbent, difference)
    } else {
        f64::NEG_INFINITY
    }
}

/// Bounds in [−1, 1] between which candidate − incumbent lies, at all times at once with probability
/// 1 − `alpha`; both −1 and 1 while an arm is empty.
pub fn interval(candidate: &Sample, incumbent: &Sample, alpha: f64) -> (f64, f64) {
    let Some(estimate) = estimate(candidate, incumbent) else { return (-1.0, 1.0) };
    let limit = threshold(alpha);
    let bound = |end: f64| {
        // Evidence falls from the end towards the estimate; `kept` is not refuted, `refuted` is.
        let (mut kept, mut refuted) = (estimate, end);
        if evidence_against(candidate, incumbent, end) < limit {
            return end;
        }
        for _ in 0..HALVINGS {
            let middle = (kept + refuted) / 2.0;
            if evidence_against(candidate, incumbent, middle) < limit {
                kept = middle;
            } else {
                refuted = middle;
            }
        }
        // The refuted side, so that rounding never narrows the interval.
        refuted
    };
    (bound(-1.0), bound(1.0))
}

fn estimate(candidate: &Sample, incumbent: &Sample) -> Option<f64> {
    let both = candidate.since.count > 0.0 && incumbent.since.count > 0.0;
    both.then(|| candidate.since.mean() - incumbent.since.mean())
}

/// Ln of the e-value against candidate − incumbent = `difference`.
fn evidence_against(candidate: &Sample, incumbent: &Sample, difference: f64) -> f64 {
    candidate.log_mixture() + incumbent.log_mixture()
        - highest_likelihood(candidate.since, incumbent.since, difference)
}

/// The largest joint log-likelihood where the expectations differ by `difference`.
fn highest_likelihood(candidate: Arm, incumbent: Arm, difference: f64) -> f64 {
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

fn log_beta(a: f64, b: f64) -> f64 {
    lgamma(a) + lgamma(b) - lgamma(a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(sum: f64, count: f64) -> Sample {
        Sample::new(Arm::default(), Arm::new(sum, count))
    }

    #[test]
    fn nothing_is_known_of_an_empty_arm() {
        assert_eq!(interval(&sample(0.0, 0.0), &sample(3.0, 100.0), 0.05), (-1.0, 1.0));
        assert_eq!(evidence_above(&sample(0.0, 0.0), &sample(3.0, 100.0), 0.0), f64::NEG_INFINITY);
    }

    #[test]
    fn evidence_passes_its_threshold_where_the_bound_passes_the_margin() {
        let (candidate, incumbent) = (sample(60.0, 1_000.0), sample(100.0, 10_000.0));
        let (lower, upper) = interval(&candidate, &incumbent, 0.01);
        assert!(0.0 < lower && lower < 0.05 && 0.05 < upper && upper < 0.1, "{lower} {upper}");
        for step in [-1e-6, 1e-6] {
            assert_eq!(evidence_above(&candidate, &incumbent, lower + step) >= threshold(0.01), step < 0.0);
            assert_eq!(evidence_below(&candidate, &incumbent, upper + step) >= threshold(0.01), step > 0.0);
        }
    }

    #[test]
    fn the_past_sharpens() {
        let since = (Arm::new(3.0, 3_000.0), Arm::new(60.0, 60_000.0));
        let (_, blind) =
            interval(&Sample::new(Arm::default(), since.0), &Sample::new(Arm::default(), since.1), 0.01);
        let (_, knowing) = interval(
            &Sample::new(Arm::new(2.0, 2_000.0), since.0),
            &Sample::new(Arm::new(50.0, 50_000.0), since.1),
            0.01,
        );
        assert!(knowing < blind, "{knowing} {blind}");
    }

    #[test]
    fn all_or_nothing_has_finite_evidence() {
        for (candidate, incumbent) in [((100.0, 100.0), (0.0, 100.0)), ((0.0, 100.0), (100.0, 100.0))] {
            let (lower, upper) =
                interval(&sample(candidate.0, candidate.1), &sample(incumbent.0, incumbent.1), 0.05);
            assert!(-1.0 <= lower && lower < upper && upper <= 1.0, "{lower} {upper}");
        }
    }

    #[test]
    fn what_can_not_be_is_brought_to_what_can() {
        assert_eq!(Arm::new(5.0, 3.0), Arm { count: 3.0, sum: 3.0 });
        assert_eq!(Arm::new(f64::NAN, -1.0), Arm { count: 0.0, sum: 0.0 });
    }
}
