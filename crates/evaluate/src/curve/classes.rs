//! Each class of many against the rest: how well it is found, and how well it is told apart.

use serde::{Deserialize, Serialize};

use super::roc::{RocLine, RocPoint};
use super::{Whose, thin};
use crate::metric::ClassCounts;
use crate::sample::ClassSample;
use crate::text::score;

/// More are not shown; the hardest are kept.
const MOST_CLASSES: usize = 24;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Classes {
    /// Lowest F1 first.
    pub classes: Vec<ClassFacts>,
    /// How many were left out.
    pub omitted: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassFacts {
    pub class: String,
    pub rows: u64,
    /// A share of nothing is 0.
    pub precision: f64,
    pub recall: f64,
    pub f1: f64,
    /// `None` without probabilities, or where all rows or none are of the class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roc: Option<ClassRoc>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassRoc {
    pub area: f64,
    pub points: Vec<RocPoint>,
}

impl Classes {
    /// `None` for classes without rows or answers at all.
    pub(crate) fn of(sample: &ClassSample<'_>) -> Option<Self> {
        let counts = ClassCounts::of(sample, &vec![1; sample.truth.len()]);
        let share = |part: u64, all: u64| if all == 0 { 0.0 } else { part as f64 / all as f64 };
        let mut found: Vec<(usize, ClassFacts)> = (0..sample.n_classes())
            .filter(|&class| counts.actual[class] + counts.predicted[class] > 0)
            .map(|class| {
                let (hits, predicted, actual) =
                    (counts.hits[class], counts.predicted[class], counts.actual[class]);
                let facts = ClassFacts {
                    class: sample.names[class].clone(),
                    rows: actual,
                    precision: share(hits, predicted),
                    recall: share(hits, actual),
                    f1: share(2 * hits, predicted + actual),
                    roc: None,
                };
                (class, facts)
            })
            .collect();
        found.sort_by(|a, b| a.1.f1.total_cmp(&b.1.f1));
        let omitted = found.len().saturating_sub(MOST_CLASSES);
        found.truncate(MOST_CLASSES);
        for (class, facts) in &mut found {
            facts.roc = RocLine::of(sample, *class, Whose::Model)
                .map(|line| ClassRoc { area: line.area, points: thin(line.points, RocPoint::place, 40.0) });
        }
        let classes: Vec<ClassFacts> = found.into_iter().map(|(_, facts)| facts).collect();
        (!classes.is_empty()).then_some(Self { classes, omitted })
    }

    pub fn headline(&self) -> String {
        let (worst, best) = (&self.classes[0], &self.classes[self.classes.len() - 1]);
        if self.classes.len() < 2 || best.f1 - worst.f1 < 0.005 {
            return "All classes are found about equally well".to_owned();
        }
        format!(
            "{} is the hardest class (F1 {}), {} the easiest ({})",
            worst.class,
            score(worst.f1),
            best.class,
            score(best.f1)
        )
    }
}
