//! The trivial model that every model must beat: it looks at no column.

use serde::{Deserialize, Serialize};

use modelyard_core::package::Predictions;

use crate::metric::Metric;
use crate::numeric::{mean, median};
use crate::sample::{Truth, Undefined};

/// Which constant a trivial regression answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Centre {
    /// The best constant for squared errors.
    Mean,
    /// The best constant for absolute errors.
    Median,
}

/// What was learnt from the training part's target alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Baseline {
    Regression {
        mean: f64,
        median: f64,
    },
    Classification {
        /// The most frequent class; of equals the first.
        class: usize,
        /// The classes' shares of the training rows.
        priors: Vec<f64>,
    },
}

impl Baseline {
    /// # Errors
    /// [`Undefined`] for no rows.
    pub fn fit(train: &Truth) -> Result<Self, Undefined> {
        if train.rows() == 0 {
            return Err(Undefined::new("there are no training rows"));
        }
        Ok(match train {
            Truth::Values(values) => Self::Regression { mean: mean(values), median: median(values.clone()) },
            Truth::Classes { labels, names, .. } => {
                let mut counts = vec![0_usize; names.len()];
                labels.iter().for_each(|&label| counts[label] += 1);
                let most = counts.iter().copied().max().unwrap_or_default();
                Self::Classification {
                    class: counts.iter().position(|&count| count == most).unwrap_or_default(),
                    priors: counts.iter().map(|&count| count as f64 / labels.len() as f64).collect(),
                }
            }
        })
    }

    /// Its answers to `rows` rows, as compared on `metric`: the mean of train, or the median where
    /// the metric takes absolute errors; the most frequent class with the classes' shares.
    pub fn predict(&self, metric: &dyn Metric, rows: usize) -> Predictions {
        match self {
            Self::Regression { mean, median } => {
                let constant = match metric.centre() {
                    Centre::Mean => *mean,
                    Centre::Median => *median,
                };
                Predictions::Values(vec![constant; rows])
            }
            Self::Classification { class, priors } => {
                Predictions::Classes { labels: vec![*class; rows], probabilities: Some(priors.repeat(rows)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::lookup;

    #[test]
    fn a_regression_answers_the_mean_or_the_median() {
        let baseline = Baseline::fit(&Truth::Values(vec![0.0, 1.0, 8.0])).unwrap();
        let answer = |metric: &str| baseline.predict(lookup(metric).unwrap(), 1);
        assert_eq!(answer("rmse"), Predictions::Values(vec![3.0]));
        assert_eq!(answer("mae"), Predictions::Values(vec![1.0]));
    }

    #[test]
    fn a_classification_answers_the_most_frequent_class() {
        let names = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        let train = Truth::Classes { labels: vec![2, 1, 2, 1], names, positive: 2 };
        let baseline = Baseline::fit(&train).unwrap();
        let wanted = Predictions::Classes { labels: vec![1], probabilities: Some(vec![0.0, 0.5, 0.5]) };
        assert_eq!(baseline.predict(lookup("log_loss").unwrap(), 1), wanted);
    }
}
