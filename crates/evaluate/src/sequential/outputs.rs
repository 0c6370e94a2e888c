//! Whether two distributions of answers over the same bins are absurdly far apart.
//!
//! A retrained model answers differently on purpose, so this asks for much: a constant, or a distance that
//! somebody declared.

use super::{Arm, Pair, Sample, joined};

/// Total variation between two histograms, in [0, 1]: half the sum of differences of shares. `None` where one
/// of them is empty or they have other numbers of bins.
pub fn distance(candidate: &[f64], incumbent: &[f64]) -> Option<f64> {
    let (ours, theirs) = totals(candidate, incumbent)?;
    let sum: f64 = candidate.iter().zip(incumbent).map(|(a, b)| (a / ours - b / theirs).abs()).sum();
    Some(sum / 2.0)
}

/// Evidence (ln of an e-value, see [`Pair::evidence_above`]) that the total variation exceeds `distance`.
///
/// The total variation is the largest difference of the shares of any set of bins. Tried are each bin alone,
/// the lowest bins up to each, and the highest from each; a distance that none of these shows is not found.
pub fn shifted(candidate: &[f64], incumbent: &[f64], distance: f64) -> f64 {
    let Some((ours, theirs)) = totals(candidate, incumbent) else { return f64::NEG_INFINITY };
    // What all bins together don't show no set of them can.
    if self::distance(candidate, incumbent).is_none_or(|seen| seen <= distance) {
        return f64::NEG_INFINITY;
    }
    let of_set = |in_candidate: f64, in_incumbent: f64| {
        above(Arm::new(in_candidate, ours), Arm::new(in_incumbent, theirs), distance)
    };
    let mut sets = Vec::with_capacity(3 * candidate.len());
    let (mut below, mut below_theirs) = (0.0, 0.0);
    for (a, b) in candidate.iter().zip(incumbent) {
        sets.push(of_set(*a, *b));
        below += a;
        below_theirs += b;
        sets.push(of_set(below, below_theirs));
        sets.push(of_set(ours - below, theirs - below_theirs));
    }
    joined(&sets)
}

/// Evidence that the candidate answers one thing alone where the incumbent does not.
pub fn constant(candidate: &[f64], incumbent: &[f64]) -> f64 {
    let Some((ours, theirs)) = totals(candidate, incumbent) else { return f64::NEG_INFINITY };
    let Some(only) = candidate.iter().position(|count| *count == ours) else { return f64::NEG_INFINITY };
    let evidence = above(Arm::new(ours, ours), Arm::new(incumbent[only], theirs), 0.0);
    // Which bin it would be was not known beforehand: the mean over all bins, of which one has evidence.
    evidence - (candidate.len() as f64).ln()
}

/// Evidence that the candidate's share is higher by more than `difference`; by how much more is open.
fn above(candidate: Arm, incumbent: Arm, difference: f64) -> f64 {
    let sample = |since: Arm| Sample::new(Arm::default(), since);
    Pair::new(sample(candidate), sample(incumbent), 1.0).evidence_above(difference)
}

fn totals(candidate: &[f64], incumbent: &[f64]) -> Option<(f64, f64)> {
    let (ours, theirs): (f64, f64) = (candidate.iter().sum(), incumbent.iter().sum());
    (candidate.len() == incumbent.len() && ours > 0.0 && theirs > 0.0).then_some((ours, theirs))
}

#[cfg(test)]
mod tests {
    use super::super::threshold;
    use super::*;

    #[test]
    fn distance_is_half_the_sum_of_differences() {
        assert_eq!(distance(&[1.0, 1.0], &[3.0, 1.0]), Some(0.25));
        assert_eq!(distance(&[1.0, 0.0], &[0.0, 7.0]), Some(1.0));
        assert_eq!(distance(&[1.0], &[1.0, 1.0]), None);
        assert_eq!(distance(&[0.0, 0.0], &[1.0, 1.0]), None);
    }

    #[test]
    fn a_constant_is_found_and_a_model_that_answers_alike_is_not() {
        let incumbent = [900.0, 100.0];
        assert!(constant(&[300.0, 0.0], &incumbent) > threshold(0.01));
        assert!(constant(&[30.0, 0.0], &incumbent) < threshold(0.01));
        assert_eq!(constant(&[299.0, 1.0], &incumbent), f64::NEG_INFINITY);
    }

    #[test]
    fn only_what_goes_beyond_the_distance_is_a_shift() {
        let incumbent = [250.0; 4];
        assert!(shifted(&[0.0, 0.0, 90.0, 310.0], &incumbent, 0.5) < threshold(0.01));
        assert!(shifted(&[0.0, 0.0, 0.0, 100.0], &incumbent, 0.5) > threshold(0.01));
        assert!(shifted(&[0.0, 10.0, 190.0, 200.0], &incumbent, 0.3) > threshold(0.01));
    }
}
