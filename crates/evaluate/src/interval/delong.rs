//! The variance of the area under the ROC curve without assumptions about the scores.
//!
//! Source: DeLong, DeLong and Clarke-Pearson (1988); computed from mid-ranks as in Sun and Xu
//! (2014), so that it costs no more than sorting.

use super::{Interval, Method, wilson_bounds};
use crate::numeric::{Z_95, covariance, mean, variance};
use crate::sample::Undefined;

/// For each positive row the share of negatives below it, for each negative the share of
/// positives above it; ties count half. Both have the area as their mean.
struct Placements {
    of_positives: Vec<f64>,
    of_negatives: Vec<f64>,
}

impl Placements {
    fn of(scores: &[f64], positive: &[bool]) -> Result<Self, Undefined> {
        let side = |wanted: bool| -> Vec<f64> {
            scores.iter().zip(positive).filter(|(_, is)| **is == wanted).map(|(score, _)| *score).collect()
        };
        let (positives, negatives) = (side(true), side(false));
        if positives.is_empty() || negatives.is_empty() {
            return Err(Undefined::new("all rows are of one class"));
        }
        if positives.len() < 2 || negatives.len() < 2 {
            return Err(Undefined::new("an interval needs two rows of each class"));
        }
        let (m, n) = (positives.len() as f64, negatives.len() as f64);
        let (among_all, among_positives) = (midranks(scores), midranks(&positives));
        let among_negatives = midranks(&negatives);
        let ranks = |wanted: bool| {
            among_all.iter().zip(positive).filter(move |(_, is)| **is == wanted).map(|(rank, _)| *rank)
        };
        Ok(Self {
            of_positives: ranks(true).zip(among_positives).map(|(all, own)| (all - own) / n).collect(),
            of_negatives: ranks(false).zip(among_negatives).map(|(all, own)| 1.0 - (all - own) / m).collect(),
        })
    }

    fn area(&self) -> f64 {
        mean(&self.of_positives)
    }

    fn variance(&self) -> f64 {
        variance(&self.of_positives) / self.of_positives.len() as f64
            + variance(&self.of_negatives) / self.of_negatives.len() as f64
    }

    fn covariance(&self, other: &Self) -> f64 {
        covariance(&self.of_positives, &other.of_positives) / self.of_positives.len() as f64
            + covariance(&self.of_negatives, &other.of_negatives) / self.of_negatives.len() as f64
    }
}

/// Ranks from 1, tied values sharing the mean of theirs.
fn midranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start + 1;
        while end < order.len() && values[order[end]] == values[order[start]] {
            end += 1;
        }
        let rank = (start + end + 1) as f64 / 2.0;
        order[start..end].iter().for_each(|&row| ranks[row] = rank);
        start = end;
    }
    ranks
}

/// The area and the variance of it as an estimate.
pub(crate) fn area(scores: &[f64], positive: &[bool]) -> Result<(f64, f64), Undefined> {
    let placements = Placements::of(scores, positive)?;
    Ok((placements.area(), placements.variance()))
}

/// Of the area, on the logit scale, where its distribution is closer to the normal. Without any
/// variance (a perfect ranking) the bounds are Wilson's for the smaller class.
pub(crate) fn interval(scores: &[f64], positive: &[bool]) -> Result<Interval, Undefined> {
    let placements = Placements::of(scores, positive)?;
    let (area, deviation) = (placements.area(), placements.variance().sqrt());
    if deviation == 0.0 || area <= 0.0 || area >= 1.0 {
        let rows = placements.of_positives.len().min(placements.of_negatives.len()) as u64;
        let hits = (area * rows as f64).round() as u64;
        let (low, high) = wilson_bounds(hits, rows, Z_95);
        return Ok(Interval { low, high, method: Method::Wilson });
    }
    let centre = (area / (1.0 - area)).ln();
    let reach = Z_95 * deviation / (area * (1.0 - area));
    let share = |logit: f64| 1.0 / (1.0 + (-logit).exp());
    Ok(Interval { low: share(centre - reach), high: share(centre + reach), method: Method::Delong })
}

/// Of area `a` less area `b`, on the same rows.
pub(crate) fn difference(a: &[f64], b: &[f64], positive: &[bool]) -> Result<Interval, Undefined> {
    let (a, b) = (Placements::of(a, positive)?, Placements::of(b, positive)?);
    let value = a.area() - b.area();
    // Rounding may take a variance of nothing below zero.
    let variance = (a.variance() + b.variance() - 2.0 * a.covariance(&b)).max(0.0);
    let reach = Z_95 * variance.sqrt();
    Ok(Interval { low: value - reach, high: value + reach, method: Method::Delong })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tied_values_share_their_rank() {
        assert_eq!(midranks(&[0.5, 0.1, 0.5, 0.9]), [2.5, 1.0, 2.5, 4.0]);
    }

    #[test]
    fn the_variance_is_the_textbook_one() {
        // Placements by hand: positives 0.8, 0.4 against negatives 0.6, 0.2: 1 and 1/2;
        // negatives: 1/2 and 1. Variances 1/8 each, over two rows each: 1/8 in total.
        let placements = Placements::of(&[0.8, 0.4, 0.6, 0.2], &[true, true, false, false]).unwrap();
        assert_eq!(placements.area(), 0.75);
        assert_eq!(placements.variance(), 0.125);
    }

    #[test]
    fn a_perfect_ranking_still_has_a_lower_bound() {
        let interval = interval(&[0.9, 0.8, 0.2, 0.1], &[true, true, false, false]).unwrap();
        assert!(interval.low < 0.5 && interval.high == 1.0, "{interval:?}");
    }

    #[test]
    fn the_same_scores_do_not_differ() {
        let scores = [0.9, 0.3, 0.2, 0.1, 0.35];
        let found = difference(&scores, &scores, &[true, true, false, false, false]).unwrap();
        assert_eq!((found.low, found.high), (0.0, 0.0));
    }
}
