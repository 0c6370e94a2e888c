use std::collections::HashMap;

use modelyard_core::package::Predictions;
use modelyard_core::table::Table;
use modelyard_evaluate::random::Random;
use modelyard_evaluate::{Interval, Truth, Undefined, metric};
use serde::{Deserialize, Serialize};

use super::linear::{dot, solve};
use super::{Rows, rows};

/// Rows taken of each side: the curve's area is then known within 0.02, and more cost time.
const MAX_ROWS: usize = 3000;
/// Values of a categorical column that have a feature of their own: the most frequent.
const MAX_VALUES: usize = 10;
/// Newton's steps; a dozen are usual.
const MAX_STEPS: usize = 100;

/// How well a classifier tells rows of the window from rows of the reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DomainClassifier {
    /// Area under the ROC curve, on rows that the classifier did not learn from: 0.5 where they are all alike.
    pub auc: f64,
    /// With 95 % confidence, by DeLong's method.
    pub low: f64,
    pub high: f64,
}

impl DomainClassifier {
    /// The distance for the rule: 2 · area − 1, at least 0 (Somers' D).
    pub fn effect(&self) -> f64 {
        (2.0 * self.auc - 1.0).max(0.0)
    }
}

/// Learns, by logistic regression, to tell two tables apart, on every other row of each, and scores the rest; then
/// the other way round.
///
/// Features: of numbers the rank among both tables' values (from −1 to 1) and its square, so that a shift as well
/// as a spread is seen, whatever the scale; of categories one a value for the 10 most frequent; one for missing
/// values. The penalty is 1 (half the sum of squared weights), scikit-learn's default, with which it is compared in
/// `tests/scipy.rs`. At most 3,000 rows of each table are taken, by lot from `seed`.
///
/// # Errors
/// If a table has fewer than 10 rows, or the window lacks a column or has another type for it.
pub fn tell_apart(reference: &Table, window: &Table, seed: u64) -> Result<DomainClassifier, Undefined> {
    let mut random = Random::new(seed);
    let mut choose = |rows: usize| random.choose(rows.min(MAX_ROWS), rows);
    let (before, now) = (choose(reference.rows()), choose(window.rows()));
    if before.len().min(now.len()) < 10 {
        return Err(Undefined::new("the reference or the window has fewer than 10 rows"));
    }
    let features = features(reference, window, &before, &now)?;
    let rows = before.len() + now.len();
    let labels: Vec<usize> = (0..rows).map(|row| usize::from(row >= before.len())).collect();
    let fold = |row: usize| (row - if row < before.len() { 0 } else { before.len() }) % 2;
    let mut scores = vec![0.0; rows];
    for left_out in [0, 1] {
        let inside: Vec<usize> = (0..rows).filter(|row| fold(*row) != left_out).collect();
        let weights = learn(&features, &labels, &inside)?;
        for row in (0..rows).filter(|row| fold(*row) == left_out) {
            scores[row] = dot(&weights, &features[row]);
        }
    }
    area(labels, &scores)
}

fn area(labels: Vec<usize>, scores: &[f64]) -> Result<DomainClassifier, Undefined> {
    // Any rising map will do for a curve of ranks; a logistic one would make ties of what is clear.
    let place = |score: &f64| 0.5 + 0.5 * score / (1.0 + score.abs());
    let probabilities = scores.iter().map(place).flat_map(|now| [1.0 - now, now]).collect();
    let predicted = scores.iter().map(|score| usize::from(*score > 0.0)).collect();
    let names = vec!["reference".to_owned(), "window".to_owned()];
    let truth = Truth::Classes { labels, names, positive: 1 };
    let predictions = Predictions::Classes { labels: predicted, probabilities: Some(probabilities) };
    let undefined = |_| Undefined::new("scores that can't be ranked");
    let sample = modelyard_evaluate::Sample::new(&truth, &predictions).map_err(undefined)?;
    let metric = metric::lookup("roc_auc").ok_or_else(|| Undefined::new("no area under the curve"))?;
    let auc = metric.score(&sample)?;
    // DeLong's interval has no width to give where all are told apart; then the area is all that is known.
    let interval = metric.interval(&sample).and_then(Result::ok);
    let (low, high) = interval.map_or((auc, auc), |Interval { low, high, .. }| (low, high));
    Ok(DomainClassifier { auc, low, high })
}

/// A row of features for each chosen row, those of the reference first; the last is 1, the intercept's.
fn features(
    reference: &Table,
    window: &Table,
    before: &[usize],
    now: &[usize],
) -> Result<Vec<Vec<f64>>, Undefined> {
    let mut features = vec![Vec::new(); before.len() + now.len()];
    let mut add = |column: Vec<f64>| {
        // A constant column would only copy the intercept.
        if column.iter().any(|value| *value != column[0]) {
            features.iter_mut().zip(column).for_each(|(row, value)| row.push(value));
        }
    };
    for (name, column) in reference.columns() {
        let Some(old) = rows(column) else { continue };
        let new = window.column(name).and_then(rows);
        match (old, new) {
            (Rows::Numbers(old), Some(Rows::Numbers(new))) => {
                let values: Vec<f64> =
                    before.iter().map(|row| old[*row]).chain(now.iter().map(|row| new[*row])).collect();
                let ranks = ranks(&values);
                add(ranks.clone());
                add(ranks.iter().map(|rank| rank * rank - 1.0 / 3.0).collect());
                add(values.iter().map(|value| f64::from(value.is_nan())).collect());
            }
            (Rows::Names(old), Some(Rows::Names(new))) => {
                let values: Vec<Option<&str>> = before
                    .iter()
                    .map(|row| old[*row].as_deref())
                    .chain(now.iter().map(|row| new[*row].as_deref()))
                    .collect();
                for wanted in frequent(&values) {
                    add(values.iter().map(|value| f64::from(*value == wanted)).collect());
                }
            }
            _ => return Err(Undefined::new(format!("the window lacks `{name}` as it was in the reference"))),
        }
    }
    add_intercept(&mut features);
    Ok(features)
}

fn add_intercept(features: &mut [Vec<f64>]) {
    features.iter_mut().for_each(|row| row.push(1.0));
}

/// Mid-ranks from −1 to 1; missing values stand in the middle.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).filter(|row| !values[*row].is_nan()).collect();
    order.sort_unstable_by(|a, b| values[*a].total_cmp(&values[*b]));
    let count = order.len() as f64;
    let mut ranks = vec![0.0; values.len()];
    let mut passed = 0;
    for ties in order.chunk_by(|a, b| values[*a] == values[*b]) {
        let rank = passed as f64 + (ties.len() + 1) as f64 / 2.0;
        for row in ties {
            ranks[*row] = 2.0 * (rank - 0.5) / count - 1.0;
        }
        passed += ties.len();
    }
    ranks
}

/// The most frequent values, ties by value; a missing one is a value too.
fn frequent<'a>(values: &[Option<&'a str>]) -> Vec<Option<&'a str>> {
    let mut counts: HashMap<Option<&str>, usize> = HashMap::new();
    for value in values {
        *counts.entry(*value).or_default() += 1;
    }
    let mut found: Vec<_> = counts.into_iter().collect();
    found.sort_by(|(a, many), (b, more)| more.cmp(many).then(a.cmp(b)));
    found.into_iter().take(MAX_VALUES).map(|(value, _)| value).collect()
}

/// Weights of a logistic regression for label 1, the intercept's (last) without penalty. (Newton's method, its
/// steps halved until they help.)
fn learn(features: &[Vec<f64>], labels: &[usize], inside: &[usize]) -> Result<Vec<f64>, Undefined> {
    let size = features[0].len();
    let mut weights = vec![0.0; size];
    let mut loss = penalised_loss(features, labels, inside, &weights);
    for _ in 0..MAX_STEPS {
        let mut gradient: Vec<f64> = weights.clone();
        gradient[size - 1] = 0.0;
        let mut curvature = vec![0.0; size * size];
        for place in 0..size - 1 {
            curvature[place * size + place] = 1.0;
        }
        for row in inside {
            let row_features = &features[*row];
            let probability = 1.0 / (1.0 + (-dot(&weights, row_features)).exp());
            let (error, weight) = (probability - labels[*row] as f64, probability * (1.0 - probability));
            for (place, value) in row_features.iter().enumerate() {
                gradient[place] += error * value;
                let factor = weight * value;
                for (sum, other) in curvature[place * size..].iter_mut().zip(&row_features[..=place]) {
                    *sum += factor * other;
                }
            }
        }
        let step = solve(&mut curvature, &gradient)
            .ok_or_else(|| Undefined::new("the classifier did not converge"))?;
        let mut share = 1.0;
        let (moved, better) = loop {
            let moved: Vec<f64> =
                weights.iter().zip(&step).map(|(weight, step)| weight - share * step).collect();
            let found = penalised_loss(features, labels, inside, &moved);
            if found < loss || share < 1e-6 {
                break (moved, found);
            }
            share /= 2.0;
        };
        let gain = loss - better;
        (weights, loss) = if gain > 0.0 { (moved, better) } else { (weights, loss) };
        if gain <= loss * 1e-14 {
            break;
        }
    }
    Ok(weights)
}

fn penalised_loss(features: &[Vec<f64>], labels: &[usize], inside: &[usize], weights: &[f64]) -> f64 {
    let penalised = &weights[..weights.len() - 1];
    let losses = inside.iter().map(|row| {
        let score = dot(weights, &features[*row]);
        let margin = if labels[*row] == 1 { score } else { -score };
        // ln(1 + e^−margin) without overflow.
        (-margin).max(0.0) + (-margin.abs()).exp().ln_1p()
    });
    dot(penalised, penalised) / 2.0 + losses.sum::<f64>()
}
