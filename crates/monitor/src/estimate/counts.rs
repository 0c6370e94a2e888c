//! Precision, recall, F1 and accuracy, from expected counts; their spread from the reference's real ones.

use super::{Spread, View};

/// What is expected of the rows that a class is looked at in.
pub(super) struct Expected {
    hits: f64,
    false_alarms: f64,
    misses: f64,
}

impl Expected {
    pub(super) fn of(view: &View) -> Self {
        let (mut hits, mut false_alarms, mut misses) = (0.0, 0.0, 0.0);
        for (predicted, probability) in view.predicted.iter().zip(&view.probabilities) {
            if *predicted {
                hits += probability;
                false_alarms += 1.0 - probability;
            } else {
                misses += probability;
            }
        }
        Self { hits, false_alarms, misses }
    }

    pub(super) fn f1(&self) -> f64 {
        share(self.hits, self.hits + (self.false_alarms + self.misses) / 2.0)
    }

    pub(super) fn precision(&self) -> f64 {
        share(self.hits, self.hits + self.false_alarms)
    }

    pub(super) fn recall(&self) -> f64 {
        share(self.hits, self.hits + self.misses)
    }
}

/// As scikit-learn has it: a share of nothing is 0.
fn share(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

/// The mean probability of the class that was chosen.
pub(super) fn accuracy(views: &[View]) -> f64 {
    let rows = views[0].predicted.len();
    let probability = |row: usize| match views {
        [positive] if positive.predicted[row] => positive.probabilities[row],
        [positive] => 1.0 - positive.probabilities[row],
        _ => views.iter().find(|view| view.predicted[row]).map_or(0.0, |view| view.probabilities[row]),
    };
    (0..rows).map(probability).sum::<f64>() / rows as f64
}

/// A class in the reference's labelled rows.
pub(super) struct Counts {
    hits: usize,
    false_alarms: usize,
    misses: usize,
    rows: usize,
}

impl Counts {
    pub(super) fn of(truth: &[bool], predicted: &[bool]) -> Self {
        let count = |wanted: (bool, bool)| {
            truth.iter().zip(predicted).filter(|(is, said)| (**is, **said) == wanted).count()
        };
        Self {
            hits: count((true, true)),
            false_alarms: count((false, true)),
            misses: count((true, false)),
            rows: truth.len(),
        }
    }

    pub(super) fn precision(&self) -> Spread {
        of_share(self.hits, self.hits + self.false_alarms, self.rows)
    }

    pub(super) fn recall(&self) -> Spread {
        of_share(self.hits, self.hits + self.misses, self.rows)
    }

    /// Of F1 as a mean over hits, false alarms and misses, scaled so that it is F1.
    pub(super) fn f1(&self) -> Spread {
        let spread = self.f1_of_many();
        let relevant = (self.hits + self.false_alarms + self.misses) as f64;
        let scale = relevant / (self.hits as f64 + (self.false_alarms + self.misses) as f64 / 2.0);
        Spread { variance: spread.variance * scale * scale, ..spread }
    }

    /// The same without the scale, as NannyML has it for more than two classes.
    pub(super) fn f1_of_many(&self) -> Spread {
        of_share(self.hits, self.hits + self.false_alarms + self.misses, self.rows)
    }
}

/// Of the share `hits / relevant`, `relevant` of `rows` rows being those that it is a share of.
pub(super) fn of_share(hits: usize, relevant: usize, rows: usize) -> Spread {
    let share = hits as f64 / relevant as f64;
    Spread { variance: share * (1.0 - share), share: relevant as f64 / rows as f64 }
}
