//! Two models on the same rows: how far apart they are on a metric, and what of it may be chance.

use serde::{Deserialize, Serialize};

use modelyard_core::config::Goal;

use crate::interval::{self, Interval, bootstrap};
use crate::metric::Metric;
use crate::sample::{Sample, Undefined};

/// One value less another, of the same metric on the same rows.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    pub value: f64,
    /// 95 %, paired; `None` where it can't be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

impl Difference {
    /// Whether chance alone hardly explains it: its interval leaves out 0.
    pub fn is_clear(&self) -> bool {
        self.interval.is_some_and(|interval| interval.low > 0.0 || interval.high < 0.0)
    }

    /// The difference as a gain: positive where the first is better.
    pub fn gain(&self, goal: Goal) -> f64 {
        match goal {
            Goal::Maximize => self.value,
            Goal::Minimize => -self.value,
        }
    }
}

/// `a` less `b` on `metric`, with a paired 95 % interval: DeLong's for the area under the ROC
/// curve, Student's for mean losses, else from rows resampled for both alike. The same `seed`
/// gives the same interval.
///
/// # Errors
/// [`Undefined`] where the metric is undefined for one of them, or their rows differ in number.
pub fn difference(
    metric: &dyn Metric,
    a: &Sample<'_>,
    b: &Sample<'_>,
    seed: u64,
) -> Result<Difference, Undefined> {
    if a.rows() != b.rows() {
        return Err(Undefined::new("the two models answered different rows"));
    }
    // The value itself is what the shown scores subtract to.
    let value = metric.score(a)? - metric.score(b)?;
    let interval = if let Some(found) = metric.difference(a, b) {
        found.ok()
    } else if let (Some(a), Some(b)) = (metric.losses(a), metric.losses(b)) {
        let differences: Vec<f64> = a?.iter().zip(b?).map(|(a, b)| a - b).collect();
        interval::of_mean(&differences).ok()
    } else {
        bootstrap::difference(metric, a, b, seed).ok()
    };
    Ok(Difference { value, interval })
}
