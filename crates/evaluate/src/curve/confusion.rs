//! The confusion matrix: what was true against what was answered.

use serde::{Deserialize, Serialize};

use crate::sample::ClassSample;
use crate::text::percent;

/// A matrix of more classes is unreadable as a picture and large as a document.
const MOST_CLASSES: usize = 30;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    pub classes: Vec<String>,
    /// Of two classes: the one that is looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<usize>,
    /// Rows by truth, then by answer.
    pub counts: Vec<Vec<u64>>,
}

impl Confusion {
    /// `None` beyond thirty classes.
    pub(crate) fn of(sample: &ClassSample<'_>) -> Option<Self> {
        let n_classes = sample.n_classes();
        if n_classes > MOST_CLASSES {
            return None;
        }
        let mut counts = vec![vec![0; n_classes]; n_classes];
        for (&truth, &predicted) in sample.truth.iter().zip(sample.predicted) {
            counts[truth][predicted] += 1;
        }
        let positive = (n_classes == 2).then_some(sample.positive);
        Some(Self { classes: sample.names.to_vec(), positive, counts })
    }

    pub fn headline(&self) -> String {
        let share = |part: u64, all: u64| percent(if all == 0 { 0.0 } else { part as f64 / all as f64 });
        let n_classes = self.classes.len();
        if let Some(positive) = self.positive {
            let name = &self.classes[positive];
            let hits = self.counts[positive][positive];
            let actual: u64 = self.counts[positive].iter().sum();
            let answered: u64 = self.counts.iter().map(|row| row[positive]).sum();
            if answered == 0 {
                return format!("Never answers {name}");
            }
            let (found, right) = (share(hits, actual), share(hits, answered));
            return format!("Finds {found} of class {name}; {right} of its alarms are right");
        }
        let mixed = (0..n_classes)
            .flat_map(|truth| (0..n_classes).map(move |answer| (truth, answer)))
            .filter(|(truth, answer)| truth != answer)
            .max_by_key(|&(truth, answer)| (self.counts[truth][answer], std::cmp::Reverse((truth, answer))));
        match mixed.map(|(truth, answer)| (truth, answer, self.counts[truth][answer])) {
            Some((truth, answer, rows)) if rows > 0 => {
                let all: u64 = self.counts[truth].iter().sum();
                let (truth, answer) = (&self.classes[truth], &self.classes[answer]);
                format!("Most often takes {truth} for {answer}: {rows} of {all} rows")
            }
            _ => "Every row is answered rightly".to_owned(),
        }
    }
}
