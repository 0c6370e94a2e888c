//! Drift tests asked of sketches: a value, and the bounds that the exact one lies in.

use modelyard_evaluate::Undefined;
use serde::{Deserialize, Serialize};

use super::numbers::{NumberSketch, Points};
use super::{Sketch, other_kind};
use crate::bins::{self, Bins};
use crate::drift::{DriftTest, hellinger, jensen_shannon, kl_div, psi, wasserstein};
use crate::kolmogorov::p_value;
use crate::{Pair, Sample};

/// A value that is known up to an error.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bounded {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Bounded {
    fn exactly(value: f64) -> Self {
        Self { value, low: value, high: value }
    }

    fn around(value: f64, error: f64) -> Self {
        Self { value, low: (value - error).max(0.0), high: value + error }
    }

    pub fn is_exact(&self) -> bool {
        self.low == self.high
    }
}

/// What `test` says of a window against the reference, both sketched.
///
/// Categories that are all counted are compared exactly. Numbers are compared as by rows, with bins of the same
/// edges, but that shares of rows are off by up to [`NumberSketch::rank_error`].
///
/// # Errors
/// [`Undefined`] as for rows; and for more categories than are counted, and for Hellinger's distance of numbers of
/// which there are many: its bins depend on how many different ones.
pub fn score(test: &dyn DriftTest, reference: &Sketch, current: &Sketch) -> Result<Bounded, Undefined> {
    for (sketch, whose) in [(reference, "reference"), (current, "window")] {
        if sketch.rows() == 0 {
            return Err(Undefined::new(format!("the {whose} has no values")));
        }
    }
    match (reference, current) {
        (Sketch::Categories(reference), Sketch::Categories(current)) => {
            let (Some(reference), Some(current)) = (reference.exact(), current.exact()) else {
                return Err(Undefined::new("there are too many different values to compare them"));
            };
            let (reference, current) = (Sample::Categories(reference), Sample::Categories(current));
            test.score(&Pair::new(&reference, &current)?).map(Bounded::exactly)
        }
        (Sketch::Numbers(reference), Sketch::Numbers(current)) => {
            let sides = Sides { reference, current, before: reference.points(), now: current.points() };
            match test.name() {
                "wasserstein" => sides.wasserstein(),
                "ks" => Ok(sides.kolmogorov_smirnov()),
                "jensenshannon" => sides.binned(jensen_shannon::of_bins, jensen_shannon_term, f64::sqrt),
                "hellinger" => sides.hellinger(),
                "psi" => sides.binned(psi::of_bins, |p, q| (p - q) * (p / q).ln(), |sum| sum),
                "kl_div" => sides.binned(kl_div::of_bins, |p, q| p * (p / q).ln() - p + q, |sum| sum),
                _ => Err(Undefined::new("it compares categories, and the column holds numbers")),
            }
        }
        (reference, current) => Err(other_kind(reference.kind(), current.kind())),
    }
}

struct Sides<'a> {
    reference: &'a NumberSketch,
    current: &'a NumberSketch,
    before: Points,
    now: Points,
}

fn jensen_shannon_term(p: f64, q: f64) -> f64 {
    let middle = (p + q) / 2.0;
    let of = |share: f64| if share > 0.0 { share * (share / middle).ln() } else { 0.0 };
    (of(p) + of(q)) / 2.0
}

fn hellinger_term(p: f64, q: f64) -> f64 {
    (p.sqrt() - q.sqrt()).powi(2) / 2.0
}

impl Sides<'_> {
    /// Walks over the values of both, with how far the reference's function lies above from each on to the next.
    fn steps(&self, mut step: impl FnMut(f64, f64)) {
        let (mut i, mut j) = (0, 0);
        let (before, now) = (&self.before, &self.now);
        while i < before.values.len() || j < now.values.len() {
            let next =
                |points: &Points, place: usize| points.values.get(place).copied().unwrap_or(f64::INFINITY);
            let value = next(before, i).min(next(now, j));
            i += usize::from(next(before, i) == value);
            j += usize::from(next(now, j) == value);
            let share =
                |points: &Points, place: usize| if place == 0 { 0.0 } else { points.shares[place - 1] };
            step(value, share(before, i) - share(now, j));
        }
    }

    fn wasserstein(&self) -> Result<Bounded, Undefined> {
        let spread = self.reference.standard_deviation().max(wasserstein::MIN_SPREAD);
        let (mut area, mut last) = (0.0, None);
        self.steps(|value, height| {
            if let Some((from, height)) = last {
                let height: f64 = height;
                area += height.abs() * (value - from);
            }
            last = Some((value, height));
        });
        let width = |sketch: &NumberSketch| sketch.range().map_or(0.0, |(low, high)| high - low);
        let error = self.before.error * width(self.reference) + self.now.error * width(self.current);
        let (value, error) = (area / spread, error / spread);
        if value.is_finite() && error.is_finite() {
            Ok(Bounded::around(value, error))
        } else {
            Err(Undefined::new("its values are too large to be compared"))
        }
    }

    fn kolmogorov_smirnov(&self) -> Bounded {
        let mut largest: f64 = 0.0;
        self.steps(|_, height| largest = largest.max(height.abs()));
        let (rows, others) = (self.reference.rows(), self.current.rows());
        let pairs = rows as f64 * others as f64;
        let of =
            |difference: f64| p_value(rows, others, (difference.clamp(0.0, 1.0) * pairs).round() as u128);
        let error = self.before.error + self.now.error;
        Bounded { value: of(largest), low: of(largest + error), high: of(largest - error) }
    }

    fn hellinger(&self) -> Result<Bounded, Undefined> {
        let (Some(before), Some(now)) = (self.reference.counts(), self.current.counts()) else {
            return Err(Undefined::new("its bins depend on how many different numbers there are"));
        };
        let values = by_value(before, now).reference.len();
        Ok(self.over(&self.edges(values), hellinger::of_bins, hellinger_term, f64::sqrt))
    }

    /// A distance that sums a term a bin, which grows as the shares of the bin move apart.
    fn binned(
        &self,
        of_bins: fn(&Bins) -> f64,
        term: fn(f64, f64) -> f64,
        finish: fn(f64) -> f64,
    ) -> Result<Bounded, Undefined> {
        let few =
            |sketch: &NumberSketch| sketch.counts().is_some_and(|counts| counts.len() <= bins::MAX_VALUES);
        if few(self.reference) {
            let (Some(before), Some(now)) = (self.reference.counts(), self.current.counts()) else {
                return Err(Undefined::new("the reference has few different numbers and the window many"));
            };
            return Ok(Bounded::exactly(of_bins(&by_value(before, now))));
        }
        let rows = (self.reference.rows() + self.current.rows()) as usize;
        Ok(self.over(&self.edges(rows), of_bins, term, finish))
    }

    fn edges(&self, values: usize) -> Vec<f64> {
        let range = |sketch: &NumberSketch| sketch.range().unwrap_or_default();
        let (first, second) = (range(self.reference), range(self.current));
        let are_integers = self.reference.are_integers() && self.current.are_integers();
        bins::sturges_over((first.0.min(second.0), first.1.max(second.1)), are_integers, values)
    }

    fn over(
        &self,
        edges: &[f64],
        of_bins: fn(&Bins) -> f64,
        term: fn(f64, f64) -> f64,
        finish: fn(f64) -> f64,
    ) -> Bounded {
        let counts = |points: &Points, rows: u64| -> Vec<u64> {
            let last = edges.len() - 1;
            let below = |edge: usize| if edge == last { 1.0 } else { points.below(edges[edge]) };
            let share = |bin: usize| if bin == 0 { below(1) } else { below(bin + 1) - below(bin) };
            (0..last).map(|bin| (share(bin).max(0.0) * rows as f64).round() as u64).collect()
        };
        let bins = Bins {
            reference: counts(&self.before, self.reference.rows()),
            current: counts(&self.now, self.current.rows()),
        };
        let value = of_bins(&bins);
        let (errors, (before, now)) = ((self.before.error, self.now.error), bins.shares());
        if errors == (0.0, 0.0) {
            return Bounded::exactly(value);
        }
        // Where a logarithm is taken, empty bins count as nearly empty; none lower than these.
        let floor = |share: f64| share.max(LOWEST_SHARE);
        let (mut low, mut high) = (0.0, 0.0);
        for (p, q) in before.iter().zip(&now) {
            let ends = |share: f64, error: f64| (floor(share - error), floor((share + error).min(1.0)));
            let ((p_low, p_high), (q_low, q_high)) = (ends(*p, errors.0), ends(*q, errors.1));
            high += term(p_high, q_low).max(term(p_low, q_high));
            if p_low > q_high {
                low += term(p_low, q_high);
            } else if q_low > p_high {
                low += term(p_high, q_low);
            }
        }
        Bounded { value, low: finish(low).min(value), high: finish(high).max(value) }
    }
}

/// A millionth of the share that a row has among a million.
const LOWEST_SHARE: f64 = 1e-12;

fn by_value(before: &[(f64, u64)], now: &[(f64, u64)]) -> Bins {
    let mut bins = Bins { reference: Vec::new(), current: Vec::new() };
    let (mut i, mut j) = (0, 0);
    while i < before.len() || j < now.len() {
        let next = |counts: &[(f64, u64)], place: usize| {
            counts.get(place).map_or(f64::INFINITY, |(value, _)| *value)
        };
        let value = next(before, i).min(next(now, j));
        let take = |counts: &[(f64, u64)], place: &mut usize| match counts.get(*place) {
            Some((other, count)) if *other == value => {
                *place += 1;
                *count
            }
            _ => 0,
        };
        let (here, there) = (take(before, &mut i), take(now, &mut j));
        bins.reference.push(here);
        bins.current.push(there);
    }
    bins
}
