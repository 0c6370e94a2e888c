//! Metrics, under the names that `[test] metrics` uses: scikit-learn's scorer names without
//! `neg_`, plus the usual short ones of regression.
//!
//! A metric is a number computed from truth and answers, equal to scikit-learn 1.9.1's (see
//! `tests/parity.rs`); where scikit-learn gives NaN or an error it is [`Undefined`] with a reason.
//! It does not load models or read data. To add one: a file here (or a line in its family's file),
//! a line in [`ALL`], a case in `tests/cases.py`.

mod accuracy;
mod average_precision;
mod counts;
mod error;
mod precision_recall;
mod probability_loss;
mod r2;
pub(crate) mod roc_auc;

use modelyard_core::config::{Goal, Task};
use modelyard_core::{Fault, Kind, Result};

use crate::baseline::Centre;
use crate::interval::Interval;
use crate::sample::{Sample, Undefined};

pub(crate) use counts::ClassCounts;

/// All metrics; the order in which they are listed to people.
static ALL: &[&dyn Metric] = &[
    &error::RMSE,
    &error::MAE,
    &r2::R2,
    &error::MAPE,
    &error::MEDIAN_ABSOLUTE_ERROR,
    &roc_auc::RocAuc,
    &roc_auc::RocAucOvr { name: "roc_auc_ovr", weighted: false },
    &roc_auc::RocAucOvr { name: "roc_auc_ovr_weighted", weighted: true },
    &average_precision::AveragePrecision,
    &probability_loss::LOG_LOSS,
    &probability_loss::BRIER_SCORE,
    &accuracy::ACCURACY,
    &accuracy::BALANCED_ACCURACY,
    &precision_recall::F1,
    &precision_recall::F1_MACRO,
    &precision_recall::F1_WEIGHTED,
    &precision_recall::F1_MICRO,
    &precision_recall::PRECISION,
    &precision_recall::PRECISION_MACRO,
    &precision_recall::PRECISION_WEIGHTED,
    &precision_recall::PRECISION_MICRO,
    &precision_recall::RECALL,
    &precision_recall::RECALL_MACRO,
    &precision_recall::RECALL_WEIGHTED,
    &precision_recall::RECALL_MICRO,
];

/// The metric with integer weights a row, prepared for one sample: sorting and per-row losses are
/// done once, a bootstrap replicate is one pass. The weights of `1` give the plain score.
pub type Prepared<'a> = Box<dyn Fn(&[u32]) -> Result<f64, Undefined> + 'a>;

/// A way of scoring answers.
pub trait Metric: Send + Sync {
    /// As `[test] metrics` and gates write it.
    fn name(&self) -> &'static str;

    fn task(&self) -> Task;

    fn goal(&self) -> Goal {
        Goal::Maximize
    }

    fn needs_probabilities(&self) -> bool {
        false
    }

    /// Whether it asks for one positive class, so that it has no meaning for three classes.
    fn two_classes_only(&self) -> bool {
        false
    }

    /// Whether rows without one of the classes can't be judged by it, even where scikit-learn's
    /// convention gives a number (0 for a precision of nothing). Slices look at it.
    fn needs_every_class(&self) -> bool {
        false
    }

    /// What the trivial regression answers when it is compared on this metric.
    fn centre(&self) -> Centre {
        Centre::Mean
    }

    fn prepare<'a>(&self, sample: &Sample<'a>) -> Result<Prepared<'a>, Undefined>;

    /// The value on `sample`: finite.
    ///
    /// # Errors
    /// [`Undefined`] where there are no rows, where scikit-learn would give NaN or refuse, and
    /// where the number overflows.
    fn score(&self, sample: &Sample<'_>) -> Result<f64, Undefined> {
        if sample.rows() == 0 {
            return Err(Undefined::new("there are no rows"));
        }
        let score = self.prepare(sample)?(&vec![1; sample.rows()])?;
        if score.is_finite() { Ok(score) } else { Err(Undefined::new("it is not a finite number")) }
    }

    /// A loss a row whose plain mean the metric is; `None` where it is no such mean.
    fn losses(&self, _sample: &Sample<'_>) -> Option<Result<Vec<f64>, Undefined>> {
        None
    }

    /// A 95 % interval by formula; `None` asks for Student's where there are losses, else for the
    /// bootstrap.
    fn interval(&self, _sample: &Sample<'_>) -> Option<Result<Interval, Undefined>> {
        None
    }

    /// A 95 % interval of the paired difference `a` less `b` by formula; `None` as for intervals.
    fn difference(&self, _a: &Sample<'_>, _b: &Sample<'_>) -> Option<Result<Interval, Undefined>> {
        None
    }
}

/// The metric called `name`.
pub fn lookup(name: &str) -> Option<&'static dyn Metric> {
    ALL.iter().copied().find(|metric| metric.name() == name)
}

/// The metrics that fit a task (`n_classes` is ignored for regression), as they are listed to people.
pub fn names(task: Task, n_classes: usize) -> Vec<&'static str> {
    ALL.iter().filter(|metric| fits(**metric, task, n_classes)).map(|metric| metric.name()).collect()
}

/// What is scored where `[test] metrics` is empty; the first decides.
pub fn defaults(task: Task, n_classes: usize) -> &'static [&'static str] {
    match (task, n_classes) {
        (Task::Regression, _) => &["rmse", "mae", "r2"],
        (Task::Classification, ..=2) => &["roc_auc", "log_loss", "f1"],
        (Task::Classification, _) => &["f1_macro", "accuracy", "log_loss"],
    }
}

/// The metric called `name`, if it fits the task.
///
/// # Errors
/// Of kind `Config`: an unknown name (the hint names the nearest), or a metric that does not fit
/// the task or the number of classes.
pub fn find(name: &str, task: Task, n_classes: usize) -> Result<&'static dyn Metric> {
    let known = names(task, n_classes);
    let Some(metric) = lookup(name) else {
        let hint = match other_name(name).filter(|other| known.contains(other)) {
            Some(other) => format!("it is called `{other}` here"),
            None => match nearest(name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "choose one of those".to_owned(),
            },
        };
        return Err(Fault::new(Kind::Config, format!("there is no metric `{name}`"))
            .detail("metrics", known.join(", "))
            .hint(hint));
    };
    if metric.task() != task {
        let task = match task {
            Task::Regression => "regression",
            Task::Classification => "classification",
        };
        return Err(Fault::new(Kind::Config, format!("the metric `{name}` does not fit a {task}"))
            .detail("metrics", known.join(", "))
            .hint("choose one of those"));
    }
    if !fits(metric, task, n_classes) {
        let instead = if name == "roc_auc" { "roc_auc_ovr".to_owned() } else { format!("{name}_macro") };
        return Err(Fault::new(
            Kind::Config,
            format!("the metric `{name}` is for two classes, the model has {n_classes}"),
        )
        .hint(format!("`{instead}` averages over the classes")));
    }
    Ok(metric)
}

fn fits(metric: &dyn Metric, task: Task, n_classes: usize) -> bool {
    metric.task() == task && !(metric.two_classes_only() && n_classes > 2)
}

/// Names that scikit-learn or habit use for one of ours.
fn other_name(name: &str) -> Option<&'static str> {
    let plain = name.strip_prefix("neg_").unwrap_or(name);
    let plain = plain.strip_suffix("_score").filter(|_| plain != "brier_score").unwrap_or(plain);
    Some(match plain {
        "root_mean_squared_error" => "rmse",
        "mean_absolute_error" => "mae",
        "mean_absolute_percentage_error" => "mape",
        "auc" | "roc" => "roc_auc",
        "logloss" | "cross_entropy" => "log_loss",
        "brier" | "brier_score_loss" => "brier_score",
        "pr_auc" | "ap" => "average_precision",
        _ => lookup(plain)?.name(),
    })
}

/// The known name with the fewest edits, if there are at most a third of the name's length.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let (near, edits) = known
        .iter()
        .map(|known| (*known, strsim::osa_distance(name, known)))
        .min_by_key(|(_, edits)| *edits)?;
    (edits * 3 <= name.chars().count().max(3)).then_some(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, n_classes: usize, wanted: &str) {
        let task = if n_classes == 0 { Task::Regression } else { Task::Classification };
        let Err(fault) = find(name, task, n_classes) else { panic!("`{name}` was found") };
        assert_eq!(format!("{fault}; {}", fault.hint_text().unwrap_or_default()), wanted);
    }

    #[test]
    fn names_are_unique_and_found() {
        for metric in ALL {
            assert!(std::ptr::addr_eq(*metric, lookup(metric.name()).unwrap()), "{}", metric.name());
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        check("roc_acu", 2, "there is no metric `roc_acu`; did you mean `roc_auc`?");
        check("neg_log_loss", 2, "there is no metric `neg_log_loss`; it is called `log_loss` here");
        check(
            "neg_root_mean_squared_error",
            0,
            "there is no metric `neg_root_mean_squared_error`; it is called `rmse` here",
        );
        check("happiness", 2, "there is no metric `happiness`; choose one of those");
    }

    #[test]
    fn a_metric_of_another_task_is_refused() {
        check("rmse", 2, "the metric `rmse` does not fit a classification; choose one of those");
        check(
            "f1",
            3,
            "the metric `f1` is for two classes, the model has 3; `f1_macro` averages over the classes",
        );
        check(
            "roc_auc",
            3,
            "the metric `roc_auc` is for two classes, the model has 3; `roc_auc_ovr` averages over the classes",
        );
    }

    #[test]
    fn defaults_fit() {
        for (task, n_classes) in [(Task::Regression, 0), (Task::Classification, 2), (Task::Classification, 5)]
        {
            for name in defaults(task, n_classes) {
                assert!(find(name, task, n_classes).is_ok(), "{name}");
            }
        }
    }
}
