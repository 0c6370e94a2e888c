//! Two samples as shares in the same bins, as Evidently 0.7.23 makes them.
//!
//! Numbers of which the reference has more than 20 different ones: bins of one width over the range of
//! **both** samples together, as many as Sturges' rule says for their number (Evidently calls them
//! quantiles of the reference; its code does this). Other numbers, and categories: a bin a value.

use std::collections::BTreeMap;

use crate::pair::{Pair, Sides};
use crate::{Categories, Numbers};

/// Up to this many different values in the reference, numbers are compared value by value.
pub(crate) const MAX_VALUES: usize = 20;
/// What an empty bin's share is raised to where a logarithm is taken of it.
const FLOOR: f64 = 1e-4;

/// Values of both samples, bin by bin.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bins {
    pub(crate) reference: Vec<u64>,
    pub(crate) current: Vec<u64>,
}

impl Bins {
    /// Bins for shares.
    pub(crate) fn new(pair: &Pair<'_>) -> Self {
        if let Ok((reference, current)) = pair.numbers()
            && reference.distinct_up_to(MAX_VALUES) > MAX_VALUES
        {
            let edges = sturges(reference, current, reference.len() + current.len());
            return Self::of_edges(reference, current, &edges);
        }
        Self::of_values(pair)
    }

    /// A bin a value, in the order of the values.
    pub(crate) fn of_values(pair: &Pair<'_>) -> Self {
        match pair.sides {
            Sides::Numbers(reference, current) => runs(reference, current),
            Sides::Categories(reference, current) => by_name(reference, current),
        }
    }

    /// Between neighbouring edges, the last bin with its right edge.
    pub(crate) fn of_edges(reference: &Numbers, current: &Numbers, edges: &[f64]) -> Self {
        Self { reference: histogram(reference, edges), current: histogram(current, edges) }
    }

    /// Shares of the reference and of the current sample.
    pub(crate) fn shares(&self) -> (Vec<f64>, Vec<f64>) {
        (shares(&self.reference), shares(&self.current))
    }

    /// Shares of which none is 0: an empty bin's is raised to 0.0001, or to a millionth of the smallest
    /// other share where that is no larger than 0.0001. They need not sum to 1 any more.
    pub(crate) fn positive_shares(&self) -> (Vec<f64>, Vec<f64>) {
        let (reference, current) = self.shares();
        (raised(reference), raised(current))
    }
}

/// Edges of bins of one width over the range of both samples: NumPy's `histogram_bin_edges` of
/// `values` values with Sturges' rule. Neither sample is empty.
pub(crate) fn sturges(reference: &Numbers, current: &Numbers, values: usize) -> Vec<f64> {
    let (first, second) = (reference.range().unwrap_or_default(), current.range().unwrap_or_default());
    let range = (first.0.min(second.0), first.1.max(second.1));
    sturges_over(range, reference.are_integers() && current.are_integers(), values)
}

/// The same over a range; bins of integers are not narrower than 1.
pub(crate) fn sturges_over((low, high): (f64, f64), are_integers: bool, values: usize) -> Vec<f64> {
    if low == high {
        return vec![low - 0.5, high + 0.5];
    }
    // The order of operations is NumPy's: another would round to another number of bins now and then.
    let parts = (values as f64).log2() + 1.0;
    let mut width = (high - low) / parts;
    if are_integers && width < 1.0 {
        width = 1.0;
    }
    let (bins, step) = if width == 0.0 {
        (1.0, 0.0)
    } else if width.is_infinite() {
        // NumPy refuses a range that is no number any more.
        (parts.ceil(), high / parts.ceil() - low / parts.ceil())
    } else {
        let bins = ((high - low) / width).ceil();
        (bins, (high - low) / bins)
    };
    let mut edges: Vec<f64> = (0..bins as usize).map(|edge| edge as f64 * step + low).collect();
    edges.push(high);
    edges
}

fn shares(counts: &[u64]) -> Vec<f64> {
    let total: u64 = counts.iter().sum();
    counts.iter().map(|count| *count as f64 / total as f64).collect()
}

fn raised(mut shares: Vec<f64>) -> Vec<f64> {
    let smallest = shares.iter().copied().filter(|share| *share > 0.0).fold(f64::INFINITY, f64::min);
    let floor = if smallest <= FLOOR { smallest / 1e6 } else { FLOOR };
    for share in &mut shares {
        if *share == 0.0 {
            *share = floor;
        }
    }
    shares
}

/// Counted by bisection: at most a few dozen edges, and no rounding may move a value to another bin.
fn histogram(numbers: &Numbers, edges: &[f64]) -> Vec<u64> {
    let mut counts = vec![0; edges.len() - 1];
    let last = counts.len() - 1;
    for value in numbers.values() {
        let bin = edges.partition_point(|edge| edge <= value);
        counts[bin.saturating_sub(1).min(last)] += 1;
    }
    counts
}

fn runs(reference: &Numbers, current: &Numbers) -> Bins {
    let (mut a, mut b) = (reference.sorted(), current.sorted());
    let mut bins = Bins { reference: Vec::new(), current: Vec::new() };
    while let Some(value) = lower(a.first(), b.first()) {
        let (here, rest) = a.split_at(a.partition_point(|other| *other <= value));
        let (there, others) = b.split_at(b.partition_point(|other| *other <= value));
        bins.reference.push(here.len() as u64);
        bins.current.push(there.len() as u64);
        (a, b) = (rest, others);
    }
    bins
}

fn lower(a: Option<&f64>, b: Option<&f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(*b)),
        (one, other) => one.or(other).copied(),
    }
}

fn by_name(reference: &Categories, current: &Categories) -> Bins {
    let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (value, count) in reference.counts() {
        counts.entry(value).or_default().0 = *count;
    }
    for (value, count) in current.counts() {
        counts.entry(value).or_default().1 = *count;
    }
    let (reference, current) = counts.into_values().unzip();
    Bins { reference, current }
}
