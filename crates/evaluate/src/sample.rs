//! What is scored: the truth of some rows and a model's answers to them.

use std::borrow::Cow;
use std::fmt;

use modelyard_core::config::Task;
use modelyard_core::package::Predictions;
use modelyard_core::table::Column;
use modelyard_core::{Fault, Kind, Result};

/// What turned out to be true, one value a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Truth {
    Values(Vec<f64>),
    Classes {
        /// Index into `names`, one a row.
        labels: Vec<usize>,
        /// In the order of the probabilities.
        names: Vec<String>,
        /// Index into `names`; only two-class metrics look at it.
        positive: usize,
    },
}

impl Truth {
    /// The target's values of a regression.
    ///
    /// # Errors
    /// If the column holds no numbers, or a value is missing or infinite.
    pub fn values(target: &str, column: &Column) -> Result<Self> {
        let number = |row: usize| match column {
            Column::Bool(values) => values[row].map(|value| f64::from(u8::from(value))),
            Column::Int(values) => values[row].map(|value| value as f64),
            Column::Float(values) => values[row],
            Column::String(_) | Column::Timestamp(_) | Column::Date(_) => None,
        };
        if matches!(column, Column::String(_) | Column::Timestamp(_) | Column::Date(_)) {
            let found = column.data_type().name();
            return Err(Fault::new(
                Kind::Config,
                format!("the target `{target}` of a regression is a column of type {found}"),
            )
            .hint("choose a numeric target, or `task = \"classification\"`"));
        }
        let values: Vec<f64> = (0..column.len()).map(|row| number(row).unwrap_or(f64::NAN)).collect();
        let unusable = values.iter().filter(|value| !value.is_finite()).count();
        if unusable > 0 {
            return Err(missing_target(target, unusable, values.len()));
        }
        Ok(Self::Values(values))
    }

    /// The target's classes, named as [`Column::text`] names values. `positive` defaults to the
    /// last class.
    ///
    /// # Errors
    /// If a value is missing or is not one of `names`, or `positive` is not.
    pub fn classes(target: &str, column: &Column, names: &[String], positive: Option<&str>) -> Result<Self> {
        let mut labels = Vec::with_capacity(column.len());
        let mut missing = 0;
        for row in 0..column.len() {
            let Some(text) = column.text(row) else {
                missing += 1;
                continue;
            };
            let Some(label) = names.iter().position(|name| *name == text) else {
                return Err(Fault::new(
                    Kind::Data,
                    format!("`{target}` holds `{text}`, which is none of the model's classes"),
                )
                .detail("classes", names.join(", "))
                .hint(
                    "name all classes in `[project] classes`, or split the data so that train has them all",
                ));
            };
            labels.push(label);
        }
        if missing > 0 {
            return Err(missing_target(target, missing, column.len()));
        }
        let positive = match positive {
            None => names.len().saturating_sub(1),
            Some(name) => names.iter().position(|known| known == name).ok_or_else(|| {
                Fault::new(Kind::Config, format!("the positive class `{name}` is none of the classes"))
                    .detail("classes", names.join(", "))
            })?,
        };
        Ok(Self::Classes { labels, names: names.to_vec(), positive })
    }

    pub fn task(&self) -> Task {
        match self {
            Self::Values(_) => Task::Regression,
            Self::Classes { .. } => Task::Classification,
        }
    }

    /// 0 for regression.
    pub fn n_classes(&self) -> usize {
        match self {
            Self::Values(_) => 0,
            Self::Classes { names, .. } => names.len(),
        }
    }

    pub fn rows(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Classes { labels, .. } => labels.len(),
        }
    }
}

fn missing_target(target: &str, missing: usize, rows: usize) -> Fault {
    Fault::new(
        Kind::Data,
        format!("the target `{target}` is missing or infinite in {missing} of {rows} rows"),
    )
    .hint(format!("drop such rows in the data set's SQL: `where {target} is not null`"))
}

/// Truth and answers that fit together: equal lengths, known classes, finite numbers.
#[derive(Clone, Copy, Debug)]
pub enum Sample<'a> {
    Regression { truth: &'a [f64], predicted: &'a [f64] },
    Classification(ClassSample<'a>),
}

#[derive(Clone, Copy, Debug)]
pub struct ClassSample<'a> {
    pub truth: &'a [usize],
    pub predicted: &'a [usize],
    /// Row by row, one number a class.
    pub probabilities: Option<&'a [f64]>,
    pub names: &'a [String],
    pub positive: usize,
}

impl<'a> Sample<'a> {
    /// Rounding that a float32 model's probabilities may show outside [0, 1].
    const PROBABILITY_SLACK: f64 = 1e-6;

    /// # Errors
    /// Of kind `Model`: another number of answers than rows, numbers for classes or the other way
    /// round, an unknown class, NaN or infinity, probabilities outside [0, 1].
    pub fn new(truth: &'a Truth, predictions: &'a Predictions) -> Result<Self> {
        let wrong = |message: String| Err(Fault::new(Kind::Model, message));
        if truth.rows() != predictions.rows() {
            return wrong(format!(
                "the model gave {} predictions for {} rows",
                predictions.rows(),
                truth.rows()
            ));
        }
        match (truth, predictions) {
            (Truth::Values(truth), Predictions::Values(predicted)) => {
                if let Some(row) = predicted.iter().position(|value| !value.is_finite()) {
                    return wrong(format!("the model predicted {} for row {}", predicted[row], row + 1));
                }
                Ok(Self::Regression { truth, predicted })
            }
            (
                Truth::Classes { labels, names, positive },
                Predictions::Classes { labels: predicted, probabilities },
            ) => {
                let n_classes = names.len();
                if let Some(row) = predicted.iter().position(|&label| label >= n_classes) {
                    return wrong(format!("the model predicted an unknown class for row {}", row + 1));
                }
                if let Some(all) = probabilities {
                    if all.len() != labels.len() * n_classes {
                        return wrong(format!(
                            "the model gave {} probabilities for {} rows of {n_classes} classes",
                            all.len(),
                            labels.len()
                        ));
                    }
                    let range = -Self::PROBABILITY_SLACK..=1.0 + Self::PROBABILITY_SLACK;
                    if let Some(place) = all.iter().position(|value| !range.contains(value)) {
                        let row = place / n_classes + 1;
                        return wrong(format!("the model gave the probability {} for row {row}", all[place]));
                    }
                }
                Ok(Self::Classification(ClassSample {
                    truth: labels,
                    predicted,
                    probabilities: probabilities.as_deref(),
                    names,
                    positive: *positive,
                }))
            }
            (Truth::Values(_), Predictions::Classes { .. }) => {
                wrong("the model predicts classes, the task is regression".to_owned())
            }
            (Truth::Classes { .. }, Predictions::Values(_)) => {
                wrong("the model predicts numbers, the task is classification".to_owned())
            }
        }
    }

    pub fn rows(&self) -> usize {
        match self {
            Self::Regression { truth, .. } => truth.len(),
            Self::Classification(sample) => sample.truth.len(),
        }
    }

    /// A copy of `rows`, in that order.
    pub(crate) fn take(&self, rows: &[usize]) -> (Truth, Predictions) {
        match self {
            Self::Regression { truth, predicted } => (
                Truth::Values(rows.iter().map(|&row| truth[row]).collect()),
                Predictions::Values(rows.iter().map(|&row| predicted[row]).collect()),
            ),
            Self::Classification(sample) => {
                let n_classes = sample.n_classes();
                let truth = Truth::Classes {
                    labels: rows.iter().map(|&row| sample.truth[row]).collect(),
                    names: sample.names.to_vec(),
                    positive: sample.positive,
                };
                let probabilities = sample.probabilities.map(|all| {
                    rows.iter()
                        .flat_map(|&row| all[row * n_classes..(row + 1) * n_classes].iter().copied())
                        .collect()
                });
                let labels = rows.iter().map(|&row| sample.predicted[row]).collect();
                (truth, Predictions::Classes { labels, probabilities })
            }
        }
    }

    pub fn regression(&self) -> Result<(&'a [f64], &'a [f64]), Undefined> {
        match self {
            Self::Regression { truth, predicted } => Ok((truth, predicted)),
            Self::Classification(_) => Err(Undefined::new("a metric of regression")),
        }
    }

    pub fn classification(&self) -> Result<ClassSample<'a>, Undefined> {
        match self {
            Self::Classification(sample) => Ok(*sample),
            Self::Regression { .. } => Err(Undefined::new("a metric of classification")),
        }
    }
}

impl<'a> ClassSample<'a> {
    pub fn n_classes(&self) -> usize {
        self.names.len()
    }

    pub fn probabilities(&self) -> Result<&'a [f64], Undefined> {
        self.probabilities.ok_or(Undefined::new("the model gives no probabilities"))
    }

    /// Scores of `class` and whether each row is of it.
    pub fn one_against_rest(&self, class: usize) -> Result<(Vec<f64>, Vec<bool>), Undefined> {
        let scores = self.probabilities()?.iter().skip(class).step_by(self.n_classes()).copied().collect();
        Ok((scores, self.truth.iter().map(|&label| label == class).collect()))
    }
}

/// Why a metric has no value on a sample: never NaN, never silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undefined(Cow<'static, str>);

impl Undefined {
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self(reason.into())
    }

    pub(crate) const fn fixed(reason: &'static str) -> Self {
        Self(Cow::Borrowed(reason))
    }
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
