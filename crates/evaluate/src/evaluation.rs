//! A model judged on one split: everything that is computed from truth and answers, once. It is
//! deterministic and worth keeping under the digests of what went in; gates are judged on it anew.

use modelyard_core::Result;
use modelyard_core::config::{Goal, Task, Test};
use modelyard_core::package::Predictions;
use modelyard_core::table::Table;
use serde::{Deserialize, Serialize};

use crate::baseline::Baseline;
use crate::compare::{self, Difference};
use crate::curve::Curves;
use crate::interval::{self, Interval};
use crate::metric::{self, Metric};
use crate::sample::{Sample, Truth};
use crate::slices::{Slice, slices};
use crate::worst::{WorstRow, worst};

/// What an evaluation is made from.
pub struct Evidence<'a> {
    pub truth: &'a Truth,
    pub predictions: &'a Predictions,
    /// The test rows' columns, in the order of `truth`, without the private ones.
    pub table: &'a Table,
    /// As [`wanted_metrics`] lists them, the primary one first; at least one.
    pub metrics: &'a [&'static dyn Metric],
    /// Columns to slice by; unknown ones are left out.
    pub slices: &'a [String],
    pub baseline: Option<&'a Baseline>,
    pub champion: Champion<'a>,
    /// Of resampling and of the choice of points.
    pub seed: u64,
}

/// What the champion said of the same rows. Names are as people write them: `late-flights@1`.
#[derive(Clone, Copy, Debug)]
pub enum Champion<'a> {
    None,
    /// The candidate is the champion's package.
    Same {
        name: &'a str,
    },
    Answers {
        name: &'a str,
        predictions: &'a Predictions,
    },
    /// It can't score these rows, or learnt from them.
    NotComparable {
        name: &'a str,
        reason: &'a str,
    },
}

/// What is known after scoring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    pub task: Task,
    pub rows: u64,
    /// Empty for regression.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Of two classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// The primary metric first.
    pub metrics: Vec<MetricResult>,
    pub champion: ChampionOutcome,
    pub slices: Vec<Slice>,
    pub curves: Curves,
    pub worst: Vec<WorstRow>,
}

/// One metric's values on the same rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricResult {
    pub name: String,
    pub goal: Goal,
    /// `None` where it is undefined.
    pub value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undefined: Option<String>,
    /// 95 %.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    pub baseline: Option<f64>,
    pub champion: Option<f64>,
}

/// How the candidate stands to the champion on the primary metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChampionOutcome {
    None,
    Same {
        name: String,
    },
    Compared {
        name: String,
        /// The champion's value.
        value: f64,
        /// Candidate less champion.
        difference: Difference,
    },
    NotComparable {
        name: String,
        reason: String,
    },
}

/// The metrics that `[test]` asks for: those listed (or the task's defaults), then those that only
/// a gate names. The first is the primary one.
///
/// # Errors
/// As [`metric::find`].
pub fn wanted_metrics(test: &Test, task: Task, n_classes: usize) -> Result<Vec<&'static dyn Metric>> {
    let mut names: Vec<&str> = test.metrics.iter().map(String::as_str).collect();
    if names.is_empty() {
        names.extend(metric::defaults(task, n_classes));
    }
    for name in test.gates.bounds.keys() {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.into_iter().map(|name| metric::find(name, task, n_classes)).collect()
}

/// Scores `evidence`.
///
/// # Errors
/// As [`Sample::new`], for the candidate's answers; a champion whose answers don't fit is not
/// comparable.
pub fn evaluate(evidence: &Evidence<'_>) -> Result<Evaluation> {
    let sample = Sample::new(evidence.truth, evidence.predictions)?;
    let champion_sample = match evidence.champion {
        Champion::Answers { predictions, .. } => Some(Sample::new(evidence.truth, predictions)),
        _ => None,
    };
    let champion_answers = champion_sample.as_ref().and_then(|sample| sample.as_ref().ok());
    let metrics: Vec<MetricResult> =
        evidence.metrics.iter().map(|metric| result(*metric, &sample, champion_answers, evidence)).collect();
    let champion = match (evidence.champion, &champion_sample, evidence.metrics.first()) {
        (Champion::Same { name }, ..) => ChampionOutcome::Same { name: name.to_owned() },
        (Champion::NotComparable { name, reason }, ..) => {
            ChampionOutcome::NotComparable { name: name.to_owned(), reason: reason.to_owned() }
        }
        (Champion::Answers { name, .. }, Some(Err(fault)), _) => {
            ChampionOutcome::NotComparable { name: name.to_owned(), reason: fault.message().to_owned() }
        }
        (Champion::Answers { name, .. }, Some(Ok(other)), Some(primary)) => {
            compared(name, *primary, &sample, other, evidence.seed)
        }
        _ => ChampionOutcome::None,
    };
    let (classes, positive) = match evidence.truth {
        Truth::Values(_) => (Vec::new(), None),
        Truth::Classes { names, positive, .. } => {
            (names.clone(), names.get(*positive).filter(|_| names.len() == 2).cloned())
        }
    };
    Ok(Evaluation {
        task: evidence.truth.task(),
        rows: evidence.truth.rows() as u64,
        classes,
        positive,
        slices: match evidence.metrics.first() {
            Some(primary) => {
                slices(evidence.slices, evidence.table, &sample, *primary, metrics[0].value, evidence.seed)
            }
            None => Vec::new(),
        },
        curves: Curves::of(&sample, champion_answers, evidence.seed),
        worst: worst(&sample, evidence.table),
        metrics,
        champion,
    })
}

fn result(
    metric: &dyn Metric,
    sample: &Sample<'_>,
    champion: Option<&Sample<'_>>,
    evidence: &Evidence<'_>,
) -> MetricResult {
    let (value, undefined) = match metric.score(sample) {
        Ok(value) => (Some(value), None),
        Err(undefined) => (None, Some(undefined.to_string())),
    };
    let baseline = evidence.baseline.and_then(|baseline| {
        let answers = baseline.predict(metric, sample.rows());
        metric.score(&Sample::new(evidence.truth, &answers).ok()?).ok()
    });
    MetricResult {
        name: metric.name().to_owned(),
        goal: metric.goal(),
        value,
        undefined,
        interval: value.and_then(|_| interval::of(metric, sample, evidence.seed).ok()),
        baseline,
        champion: champion.and_then(|champion| metric.score(champion).ok()),
    }
}

fn compared(
    name: &str,
    primary: &dyn Metric,
    sample: &Sample<'_>,
    other: &Sample<'_>,
    seed: u64,
) -> ChampionOutcome {
    let name = name.to_owned();
    match (primary.score(other), compare::difference(primary, sample, other, seed)) {
        (Ok(value), Ok(difference)) => ChampionOutcome::Compared { name, value, difference },
        (Err(undefined), _) => ChampionOutcome::NotComparable {
            name,
            reason: format!("{} is undefined for the champion: {undefined}", primary.name()),
        },
        (_, Err(undefined)) => ChampionOutcome::NotComparable {
            name,
            reason: format!("{} is undefined for this model: {undefined}", primary.name()),
        },
    }
}
