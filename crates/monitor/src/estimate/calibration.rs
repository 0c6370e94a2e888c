//! Calibration of a class's probabilities on labelled rows: isotonic, and only where it makes them better.

use modelyard_evaluate::random::Random;
use serde::{Deserialize, Serialize};

/// How often calibration is tried on rows that it was not made from …
const TRIALS: usize = 10;
/// … one in ten each time.
const TEST_SHARE: f64 = 0.1;
/// Of as many rows each, for the expected calibration error.
const BINS: usize = 10;
/// A class ranked so well has nothing in between to calibrate.
const PERFECT: f64 = 0.999;

/// Scores less apart are one, as in scikit-learn: rounding must not tell them apart.
const ONE_SCORE: f64 = 1e-15;

/// How often rows of a score were of the class, never falling with the score: straight between its points, constant
/// beyond them. Equal to scikit-learn's `IsotonicRegression(out_of_bounds="clip")`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Isotonic {
    /// Ascending.
    scores: Vec<f64>,
    shares: Vec<f64>,
}

/// Some rows of one score or, pooled, of neighbouring ones.
struct Block {
    first: f64,
    last: f64,
    hits: f64,
    rows: f64,
}

impl Block {
    fn share(&self) -> f64 {
        self.hits / self.rows
    }
}

impl Isotonic {
    /// Of scores in ascending order, each with whether the row was of the class.
    ///
    /// Pools adjacent violators (Barlow and others, 1972).
    fn fit(rows: impl Iterator<Item = (f64, bool)>) -> Self {
        let mut blocks: Vec<Block> = Vec::new();
        let mut rows = rows.peekable();
        while let Some((score, is)) = rows.next() {
            let mut block = Block { first: score, last: score, hits: f64::from(u8::from(is)), rows: 1.0 };
            while let Some((_, is)) = rows.next_if(|(other, _)| other - score < ONE_SCORE) {
                block.hits += f64::from(u8::from(is));
                block.rows += 1.0;
            }
            while let Some(before) = blocks.pop_if(|before| before.share() >= block.share()) {
                block.first = before.first;
                block.hits += before.hits;
                block.rows += before.rows;
            }
            blocks.push(block);
        }
        let mut found = Self::default();
        for block in &blocks {
            found.scores.push(block.first);
            found.shares.push(block.share());
            if block.last > block.first {
                found.scores.push(block.last);
                found.shares.push(block.share());
            }
        }
        found
    }

    pub(super) fn at(&self, score: f64) -> f64 {
        let after = self.scores.partition_point(|point| *point < score);
        if after == 0 || after == self.scores.len() {
            return self.shares[after.min(self.scores.len() - 1)];
        }
        let (low, high) = (self.scores[after - 1], self.scores[after]);
        let (from, to) = (self.shares[after - 1], self.shares[after]);
        from + (to - from) * ((score - low) / (high - low))
    }
}

/// The calibration of `scores`, if it lowers the expected calibration error on rows it was not made from.
///
/// Both slices have one length and two rows of each side at least. NannyML's procedure; it tries on other random
/// rows, so that a close call may come out otherwise.
pub(super) fn where_better(scores: &[f64], positive: &[bool], seed: u64) -> Option<Isotonic> {
    let mut rows: Vec<(f64, bool)> = scores.iter().copied().zip(positive.iter().copied()).collect();
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    if area(&rows) > PERFECT {
        return None;
    }
    let mut random = Random::new(seed);
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for _ in 0..TRIALS {
        let tested = stratified(&rows, &mut random);
        let split = |wanted: bool| {
            rows.iter().zip(&tested).filter(move |(_, is)| **is == wanted).map(|(row, _)| *row)
        };
        let calibration = Isotonic::fit(split(false));
        for (score, is) in split(true) {
            before.push((score, is));
            after.push((calibration.at(score), is));
        }
    }
    (calibration_error(before) > calibration_error(after)).then(|| Isotonic::fit(rows.into_iter()))
}

/// Which rows are tested: a tenth of each side, at least one and never all.
fn stratified(rows: &[(f64, bool)], random: &mut Random) -> Vec<bool> {
    let mut tested = vec![false; rows.len()];
    for side in [false, true] {
        let places: Vec<usize> = (0..rows.len()).filter(|row| rows[*row].1 == side).collect();
        let count = ((places.len() as f64 * TEST_SHARE).round() as usize).max(1);
        for chosen in random.choose(count, places.len()) {
            tested[places[chosen]] = true;
        }
    }
    tested
}

/// How far the mean probability is from the share of rows that were of the class, over bins of as many rows each.
fn calibration_error(mut rows: Vec<(f64, bool)>) -> f64 {
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Fewer rows than two a bin make fewer bins; the last one takes what is left over.
    let bins = if rows.len() <= 2 * BINS { (rows.len() / 2).max(1) } else { BINS };
    let width = rows.len() / bins;
    (0..bins)
        .map(|bin| {
            let end = if bin + 1 == bins { rows.len() } else { (bin + 1) * width };
            let bin = &rows[bin * width..end];
            let expected: f64 = bin.iter().map(|(probability, _)| probability).sum();
            let found = bin.iter().filter(|(_, is)| *is).count() as f64;
            (expected - found).abs()
        })
        .sum::<f64>()
        / rows.len() as f64
}

/// Of the ROC curve, of sorted rows.
fn area(rows: &[(f64, bool)]) -> f64 {
    let (mut below, mut positives, mut pairs) = (0.0, 0.0, 0.0);
    for tied in rows.chunk_by(|a, b| a.0 == b.0) {
        let here = tied.iter().filter(|(_, is)| *is).count() as f64;
        let others = tied.len() as f64 - here;
        pairs += here * (below + others / 2.0);
        positives += here;
        below += others;
    }
    pairs / (positives * below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_scikit_learns_isotonic_regression() {
        // `IsotonicRegression(out_of_bounds="clip").fit(x, y).predict(asked)`, scikit-learn 1.9.1.
        let rows = [(0.1, false), (0.2, true), (0.2, false), (0.4, false), (0.5, true), (0.7, true)];
        let found = Isotonic::fit(rows.into_iter());
        for (score, wanted) in
            [(0.0, 0.0), (0.1, 0.0), (0.15, 1.0 / 6.0), (0.3, 1.0 / 3.0), (0.45, 2.0 / 3.0), (0.9, 1.0)]
        {
            assert!((found.at(score) - wanted).abs() < 1e-12, "{score}: {}", found.at(score));
        }
    }

    /// Rows whose real share is `of(score)`.
    fn rows(of: fn(f64) -> f64) -> (Vec<f64>, Vec<bool>) {
        let mut random = Random::new(5);
        let mut uniform = || random.bits() as f64 / 2.0_f64.powi(64);
        (0..3000)
            .map(|_| {
                let score = uniform();
                (score, uniform() < of(score))
            })
            .unzip()
    }

    #[test]
    fn what_is_far_from_the_truth_is_calibrated() {
        let (scores, positive) = rows(|score| score * score);
        let calibration = where_better(&scores, &positive, 1).expect("squares are far from calibrated");
        assert!((calibration.at(0.5) - 0.25).abs() < 0.08, "{}", calibration.at(0.5));
        let (scores, positive) = rows(|score| f64::from(u8::from(score > 0.5)));
        assert_eq!(where_better(&scores, &positive, 1), None, "nothing lies between the classes");
    }
}
