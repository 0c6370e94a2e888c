//! The area under the ROC curve, from expected positives and negatives at each score.

use modelyard_evaluate::Undefined;

use super::{Spread, View};

/// How probable it is that of two rows of different classes the one with the higher score is of this class.
pub(super) fn estimate(view: &View) -> Result<f64, Undefined> {
    let mut order: Vec<usize> = (0..view.scores.len()).collect();
    order.sort_unstable_by(|a, b| view.scores[*b].total_cmp(&view.scores[*a]));
    let (mut above, mut negatives, mut area) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|a, b| view.scores[*a] == view.scores[*b]) {
        let here: f64 = tied.iter().map(|row| view.probabilities[*row]).sum();
        let others = tied.len() as f64 - here;
        area += others * (above + here / 2.0);
        above += here;
        negatives += others;
    }
    if above <= 0.0 || negatives <= 0.0 {
        return Err(Undefined::new("the answers expect one class alone"));
    }
    Ok(area / (above * negatives))
}

/// Of the area as a mean over the rows of the rarer class: the share of others that each is on the right side of.
pub(super) fn spread(scores: &[f64], positive: &[bool]) -> Spread {
    let positives = positive.iter().filter(|is| **is).count();
    // The rarer class decides how sure the area is.
    let rarer = positives * 2 <= positive.len();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    let rows = if rarer { positives } else { positive.len() - positives };
    let others = (positive.len() - rows) as f64;
    let (mut below, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for tied in order.chunk_by(|a, b| scores[*a] == scores[*b]) {
        let here = tied.iter().filter(|row| positive[**row] == rarer).count() as f64;
        let there = tied.len() as f64 - here;
        let placement = (below + there / 2.0) / others;
        sum += here * placement;
        squares += here * placement * placement;
        below += there;
    }
    let mean = sum / rows as f64;
    let variance = (squares / rows as f64 - mean * mean).max(0.0);
    Spread { variance, share: rows as f64 / positive.len() as f64 }
}
