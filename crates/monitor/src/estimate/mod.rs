//! What a classifier's metrics are without labels: an estimate, from how sure its answers are.
//!
//! Confidence-based performance estimation (CBPE): where a calibrated probability says 0.8, eight of ten such rows
//! will turn out so, and what is expected of all rows together gives an expected confusion matrix, from which the
//! metrics follow. Probabilities are calibrated on labelled rows of the reference where that makes them better.
//!
//! It sees that rows have become harder to tell apart (other inputs), not that the same inputs mean something else
//! by now (other labels): only labels show that. So it is always called an estimate, and never stands for the
//! metric itself. Equal to NannyML 0.13.1 (`tests/nannyml.rs`), but that rows of one score count half where it
//! takes them in any order. To add a metric: a file here or a function in `counts`, a line in [`names`].
//!
//! Source: Białek, Kivimäki, Kuberski and Perrakis, "Estimating model performance under covariate shift without
//! labels" (2024); NannyML's documentation.

mod calibration;
mod counts;
mod roc_auc;

use std::collections::BTreeMap;

use modelyard_core::package::Predictions;
use modelyard_evaluate::{ClassSample, Undefined};
use serde::{Deserialize, Serialize};

use calibration::Isotonic;

/// Standard deviations to either side that hold 95 % of a normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;
/// Too few rows of a class leave nothing to calibrate on, and no spread.
const MIN_ROWS: usize = 2;

/// Estimates metrics of a classifier, prepared once from labelled rows of the reference and kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimator {
    n_classes: usize,
    classes: Vec<Class>,
    /// By metric: how much it differs between samples, for each class looked at.
    spreads: BTreeMap<String, Vec<Spread>>,
}

/// A class against the rest: the positive one of two, each of more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Class {
    place: usize,
    /// Absent where its probabilities are as good as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calibration: Option<Isotonic>,
}

/// Of what a metric averages over, in the reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Spread {
    variance: f64,
    /// The share of rows that count: for a recall those that are positive.
    share: f64,
}

/// A metric's estimated value on rows without labels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub value: f64,
    /// Standard deviation of the metric between samples of this many rows, as the reference has it.
    pub sampling_error: f64,
    /// Rows it was estimated on: those with a probability.
    pub rows: u64,
}

impl Estimate {
    /// Where the metric lies in 95 % of samples as large, if the estimate is right.
    pub fn range(&self) -> (f64, f64) {
        let reach = Z_95 * self.sampling_error;
        ((self.value - reach).max(0.0), (self.value + reach).min(1.0))
    }
}

/// The metrics that can be estimated, under the names that `[test] metrics` uses.
pub fn names(n_classes: usize) -> &'static [&'static str] {
    match n_classes {
        ..=2 => &["roc_auc", "f1", "precision", "recall", "accuracy"],
        _ => &["roc_auc_ovr", "f1_macro", "precision_macro", "recall_macro", "accuracy"],
    }
}

/// A class in some rows: whether the model chose it, what it said, and how probable that makes it.
struct View {
    predicted: Vec<bool>,
    scores: Vec<f64>,
    probabilities: Vec<f64>,
}

impl Estimator {
    /// Of labelled rows that the model has not learnt from. `seed` chooses the rows on which calibration is tried.
    ///
    /// # Errors
    /// [`Undefined`] where the model gives no probabilities, and where a class has fewer than two rows.
    pub fn fit(reference: &ClassSample<'_>, seed: u64) -> Result<Self, Undefined> {
        let places = match reference.n_classes() {
            2 => vec![reference.positive],
            n_classes => (0..n_classes).collect(),
        };
        for (class, name) in reference.names.iter().enumerate() {
            let rows = reference.truth.iter().filter(|label| **label == class).count();
            if rows < MIN_ROWS {
                let few = format!("the reference has {rows} labelled rows of class `{name}`");
                return Err(Undefined::new(few));
            }
        }
        let mut classes = Vec::new();
        let mut spreads: BTreeMap<String, Vec<Spread>> = BTreeMap::new();
        let [ranking, f1, precision, recall, accuracy] = names(reference.n_classes()) else {
            return Err(Undefined::new("there are no metrics"));
        };
        for place in places {
            let (scores, truth) = reference.one_against_rest(place)?;
            let predicted: Vec<bool> = reference.predicted.iter().map(|label| *label == place).collect();
            classes.push(Class { place, calibration: calibration::where_better(&scores, &truth, seed) });
            let counts = counts::Counts::of(&truth, &predicted);
            let f1_spread = if reference.n_classes() == 2 { counts.f1() } else { counts.f1_of_many() };
            for (name, spread) in [
                (ranking, roc_auc::spread(&scores, &truth)),
                (f1, f1_spread),
                (precision, counts.precision()),
                (recall, counts.recall()),
            ] {
                spreads.entry((*name).to_owned()).or_default().push(spread);
            }
        }
        let hits = reference.truth.iter().zip(reference.predicted).filter(|(label, said)| label == said);
        let spread = counts::of_share(hits.count(), reference.truth.len(), reference.truth.len());
        spreads.insert((*accuracy).to_owned(), vec![spread]);
        Ok(Self { n_classes: reference.n_classes(), classes, spreads })
    }

    /// Whether the probabilities of each class looked at are calibrated: of the positive class of two, of each of
    /// more.
    pub fn calibrated(&self) -> Vec<bool> {
        self.classes.iter().map(|class| class.calibration.is_some()).collect()
    }

    /// What `metric` is on rows that the model gave these answers to. Rows without a probability are left out.
    ///
    /// # Errors
    /// [`Undefined`] where the metric can't be estimated, where no row has a probability, and where the answers
    /// expect no row of a class.
    pub fn estimate(&self, metric: &str, answers: &Predictions) -> Result<Estimate, Undefined> {
        let Some(spreads) = self.spreads.get(metric) else {
            return Err(Undefined::new(format!("`{metric}` can't be estimated without labels")));
        };
        let views = self.views(answers)?;
        let rows = views[0].predicted.len();
        let of_each = |of: &dyn Fn(&View) -> Result<f64, Undefined>| -> Result<f64, Undefined> {
            let values = views.iter().map(of).collect::<Result<Vec<f64>, _>>()?;
            Ok(values.iter().sum::<f64>() / values.len() as f64)
        };
        let value = match metric {
            "roc_auc" | "roc_auc_ovr" => of_each(&roc_auc::estimate)?,
            "f1" | "f1_macro" => of_each(&|view| Ok(counts::Expected::of(view).f1()))?,
            "precision" | "precision_macro" => of_each(&|view| Ok(counts::Expected::of(view).precision()))?,
            "recall" | "recall_macro" => of_each(&|view| Ok(counts::Expected::of(view).recall()))?,
            _ => counts::accuracy(&views),
        };
        let variance: f64 = spreads.iter().map(|spread| spread.variance / (rows as f64 * spread.share)).sum();
        // NannyML's factor, found by experiment: the classes' areas are not independent of each other.
        let scale = if metric == "roc_auc_ovr" { 1.2 } else { 1.0 };
        let sampling_error = scale * variance.sqrt() / spreads.len() as f64;
        if !(value.is_finite() && sampling_error.is_finite()) {
            return Err(Undefined::new("the reference has no such rows"));
        }
        Ok(Estimate { value, sampling_error, rows: rows as u64 })
    }

    /// Each class that is looked at, in the rows that have a probability.
    fn views(&self, answers: &Predictions) -> Result<Vec<View>, Undefined> {
        let Predictions::Classes { labels, probabilities: Some(all) } = answers else {
            return Err(Undefined::new("the model gives no probabilities"));
        };
        if all.len() != labels.len() * self.n_classes {
            let n_classes = self.n_classes;
            return Err(Undefined::new(format!("the answers are not of {n_classes} classes")));
        }
        let rows = all.chunks_exact(self.n_classes);
        let usable: Vec<(usize, &[f64])> = labels
            .iter()
            .copied()
            .zip(rows)
            .filter(|(_, row)| row.iter().all(|probability| probability.is_finite()))
            .collect();
        if usable.is_empty() {
            return Err(Undefined::new("no row has a probability"));
        }
        let mut views: Vec<View> = self
            .classes
            .iter()
            .map(|class| {
                let scores: Vec<f64> = usable.iter().map(|(_, row)| row[class.place]).collect();
                let probabilities = match &class.calibration {
                    Some(calibration) => scores.iter().map(|score| calibration.at(*score)).collect(),
                    None => scores.clone(),
                };
                let predicted = usable.iter().map(|(label, _)| *label == class.place).collect();
                View { predicted, scores, probabilities }
            })
            .collect();
        if views.len() > 1 {
            normalise(&mut views);
        }
        Ok(views)
    }
}

/// Makes the probabilities of all classes sum to 1 in each row; equal where all are 0.
fn normalise(views: &mut [View]) {
    let n_classes = views.len() as f64;
    for row in 0..views[0].probabilities.len() {
        let total: f64 = views.iter().map(|view| view.probabilities[row]).sum();
        for view in &mut *views {
            let probability = &mut view.probabilities[row];
            *probability = if total == 0.0 { 1.0 / n_classes } else { *probability / total };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n_classes: usize) -> Vec<String> {
        ["a", "b", "c"][..n_classes].iter().map(|name| (*name).to_owned()).collect()
    }

    fn fit(
        truth: &[usize],
        predicted: &[usize],
        probabilities: Option<&[f64]>,
    ) -> Result<Estimator, Undefined> {
        let names = names(2);
        Estimator::fit(&ClassSample { truth, predicted, probabilities, names: &names, positive: 1 }, 1)
    }

    #[track_caller]
    fn check<T: std::fmt::Debug>(found: Result<T, Undefined>, wanted: &str) {
        assert_eq!(found.unwrap_err().to_string(), wanted);
    }

    #[test]
    fn what_cannot_be_estimated_says_why() {
        let sure = [0.9, 0.1, 0.1, 0.9, 0.8, 0.2, 0.3, 0.7];
        check(fit(&[0, 1, 0, 1], &[0, 1, 0, 1], None), "the model gives no probabilities");
        check(
            fit(&[0, 0, 0, 1], &[0, 1, 0, 1], Some(&sure)),
            "the reference has 1 labelled rows of class `b`",
        );
        let estimator = fit(&[0, 1, 0, 1], &[0, 1, 0, 1], Some(&sure)).unwrap();
        let answers = |labels: Vec<usize>, probabilities: Option<Vec<f64>>| {
            estimator.estimate("roc_auc", &Predictions::Classes { labels, probabilities })
        };
        check(answers(vec![1], None), "the model gives no probabilities");
        check(answers(vec![1], Some(vec![f64::NAN, f64::NAN])), "no row has a probability");
        check(answers(vec![], Some(vec![])), "no row has a probability");
        check(answers(vec![1], Some(vec![0.5])), "the answers are not of 2 classes");
        check(answers(vec![1, 1], Some(vec![0.0, 1.0, 0.0, 1.0])), "the answers expect one class alone");
        let sure = Predictions::Classes { labels: vec![0], probabilities: Some(vec![0.9, 0.1]) };
        check(estimator.estimate("log_loss", &sure), "`log_loss` can't be estimated without labels");
    }

    #[test]
    fn rows_without_a_probability_are_left_out() {
        let estimator =
            fit(&[0, 1, 0, 1], &[0, 1, 0, 1], Some(&[0.9, 0.1, 0.1, 0.9, 0.8, 0.2, 0.3, 0.7])).unwrap();
        let with = |labels: Vec<usize>, probabilities: Vec<f64>| {
            let answers = Predictions::Classes { labels, probabilities: Some(probabilities) };
            estimator.estimate("accuracy", &answers).unwrap()
        };
        let (some, all) = (with(vec![0, 1, 1], vec![0.75, 0.25, f64::NAN, 0.5, 0.25, 0.75]), 0.75);
        assert_eq!((some.value, some.rows), (all, 2));
    }

    #[test]
    fn it_survives_being_stored() {
        let estimator =
            fit(&[0, 1, 0, 1], &[0, 1, 1, 1], Some(&[0.9, 0.1, 0.1, 0.9, 0.8, 0.2, 0.3, 0.7])).unwrap();
        let stored = serde_json::to_string(&estimator).unwrap();
        assert_eq!(serde_json::from_str::<Estimator>(&stored).unwrap(), estimator);
    }
}
