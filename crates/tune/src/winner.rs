//! The winner of a search: a pure function of its trials' results.

use std::collections::BTreeMap;

use modelyard_core::config::{Goal, Search};
use modelyard_core::{Fault, Kind, Result};

use crate::sampler::Point;

/// A finished trial.
#[derive(Clone, Debug)]
pub struct Trial {
    /// From 0, in the sampler's order.
    pub index: u32,
    pub params: Point,
    /// As the training command reported them.
    pub metrics: BTreeMap<String, f64>,
}

/// The place in `trials` of the best by `search.metric`; NaN is excluded, ties go to the earlier
/// trial.
///
/// # Errors
/// If a trial did not report the metric, naming those it reported, or every value is NaN.
pub fn winner(search: &Search, trials: &[Trial]) -> Result<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (place, trial) in trials.iter().enumerate() {
        let Some(&value) = trial.metrics.get(&search.metric) else {
            return Err(not_reported(search, trial));
        };
        let better = |than: f64| match search.goal {
            Goal::Maximize => value > than,
            Goal::Minimize => value < than,
        };
        if !value.is_nan() && best.is_none_or(|(_, than)| better(than)) {
            best = Some((place, value));
        }
    }
    best.map(|(place, _)| place).ok_or_else(|| {
        Fault::new(Kind::Step, format!("every trial reported `{}` as NaN, so none can win", search.metric))
            .hint("look at a trial's log for the reason: modelyard runs list")
    })
}

fn not_reported(search: &Search, trial: &Trial) -> Fault {
    let fault = Fault::new(
        Kind::Step,
        format!(
            "trial {} did not report the metric `{}` that the search compares",
            trial.index + 1,
            search.metric
        ),
    );
    let known: Vec<_> = trial.metrics.keys().map(|name| format!("`{name}`")).collect();
    if known.is_empty() {
        return fault.hint(
            "write numbers to metrics.json in the working folder, or print \
             {\"metric\": NAME, \"value\": N} on a line of stdout",
        );
    }
    fault
        .detail("reported", known.join(", "))
        .hint("set `metric` in [train.search] to one of these, or report it from the training code")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::sampler;
    use modelyard_core::config::{SearchMethod, Space};

    fn check(goal: Goal, values: &[f64], expected: Result<usize, &str>) {
        let space = [("p".to_owned(), Space::Choices(vec![1.into()]))].into();
        let search =
            Search { method: SearchMethod::Grid, metric: "m".into(), goal, space, trials: None, seed: 0 };
        let trials: Vec<_> = values
            .iter()
            .zip(0..)
            .map(|(value, index)| Trial {
                index,
                params: sampler(SearchMethod::Grid).point(&search, 0),
                metrics: [("m".to_owned(), *value)].into(),
            })
            .collect();
        let found = winner(&search, &trials).map_err(|fault| fault.message().to_owned());
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn the_best_wins_ties_go_to_the_earlier_and_nan_never() {
        check(Goal::Maximize, &[0.1, 0.7, 0.7], Ok(1));
        check(Goal::Minimize, &[f64::NAN, 0.2, 0.1, 0.1], Ok(2));
        check(Goal::Maximize, &[f64::NAN], Err("every trial reported `m` as NaN, so none can win"));
    }
}
