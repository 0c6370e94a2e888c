//! The percentile bootstrap: the metric on resampled rows.
//!
//! Up to 20,000 rows 1,000 replicates are drawn. Beyond, replicates get fewer so that at most
//! twenty million rows are drawn in all (400 at 50,000 rows). Beyond 50,000 rows the replicates
//! come from 50,000 rows chosen at random and their standard deviation is scaled by √(50,000 / n):
//! a metric's spread falls with the root of the rows, and its distribution is then close enough to
//! the normal. So the resampling takes the same time whatever the size.

use modelyard_core::package::Predictions;

use super::{Interval, Method};
use crate::metric::Metric;
use crate::numeric::{Z_95, quantile, sorted, variance};
use crate::random::Random;
use crate::sample::{Sample, Truth, Undefined};

const REPLICATES: usize = 1000;
const DRAWS: usize = 20_000_000;
const MOST_ROWS: usize = 50_000;

pub(crate) fn interval(metric: &dyn Metric, sample: &Sample<'_>, seed: u64) -> Result<Interval, Undefined> {
    let score = metric.score(sample)?;
    let mut random = Random::new(seed);
    let spread = match pool(sample.rows(), &mut random) {
        None => {
            let prepared = metric.prepare(sample)?;
            Spread::of(sample.rows(), &mut random, |weights| prepared(weights))?
        }
        Some(rows) => {
            let (truth, predictions) = sample.take(&rows);
            let prepared = metric.prepare(&fitting(&truth, &predictions)?)?;
            Spread::of(rows.len(), &mut random, |weights| prepared(weights))?.scaled_to(sample.rows())
        }
    };
    if spread.is_flat() {
        return Err(Undefined::new("every resample gives the same value"));
    }
    Ok(spread.around(score))
}

pub(crate) fn difference(
    metric: &dyn Metric,
    a: &Sample<'_>,
    b: &Sample<'_>,
    seed: u64,
) -> Result<Interval, Undefined> {
    let value = metric.score(a)? - metric.score(b)?;
    let mut random = Random::new(seed);
    let spread = match pool(a.rows(), &mut random) {
        None => {
            let (prepared_a, prepared_b) = (metric.prepare(a)?, metric.prepare(b)?);
            Spread::of(a.rows(), &mut random, |weights| Ok(prepared_a(weights)? - prepared_b(weights)?))?
        }
        Some(rows) => {
            let ((truth, answers_a), (_, answers_b)) = (a.take(&rows), b.take(&rows));
            let prepared_a = metric.prepare(&fitting(&truth, &answers_a)?)?;
            let prepared_b = metric.prepare(&fitting(&truth, &answers_b)?)?;
            Spread::of(rows.len(), &mut random, |weights| Ok(prepared_a(weights)? - prepared_b(weights)?))?
                .scaled_to(a.rows())
        }
    };
    Ok(spread.around(value))
}

/// The rows to resample, where there are more than are resampled.
fn pool(rows: usize, random: &mut Random) -> Option<Vec<usize>> {
    (rows > MOST_ROWS).then(|| random.choose(MOST_ROWS, rows))
}

fn fitting<'a>(truth: &'a Truth, predictions: &'a Predictions) -> Result<Sample<'a>, Undefined> {
    Sample::new(truth, predictions).map_err(|fault| Undefined::new(fault.message().to_owned()))
}

/// The values of the replicates, sorted, and by how much their spread is to be scaled.
struct Spread {
    values: Vec<f64>,
    scale: f64,
}

impl Spread {
    /// `score` takes how often each row was drawn. Replicates on which it is undefined (a rare
    /// class that was not drawn) are left out; more than one in twenty of them is an error.
    fn of(
        rows: usize,
        random: &mut Random,
        score: impl Fn(&[u32]) -> Result<f64, Undefined>,
    ) -> Result<Self, Undefined> {
        if rows < 2 {
            return Err(Undefined::new("an interval needs two rows"));
        }
        let replicates = (DRAWS / rows).min(REPLICATES);
        let mut weights = vec![0_u32; rows];
        let mut values = Vec::with_capacity(replicates);
        for _ in 0..replicates {
            weights.fill(0);
            for _ in 0..rows {
                weights[random.below(rows)] += 1;
            }
            values.extend(score(&weights).ok().filter(|value| value.is_finite()));
        }
        if values.len() * 20 < replicates * 19 {
            return Err(Undefined::new("a class has too few rows"));
        }
        Ok(Self { values: sorted(values), scale: 1.0 })
    }

    /// The spread that `rows` rows have, this being that of [`MOST_ROWS`] of them.
    fn scaled_to(mut self, rows: usize) -> Self {
        self.scale = (MOST_ROWS as f64 / rows as f64).sqrt();
        self
    }

    fn is_flat(&self) -> bool {
        self.values.first() == self.values.last()
    }

    fn around(&self, value: f64) -> Interval {
        if self.scale == 1.0 {
            let (low, high) = (quantile(&self.values, 0.025), quantile(&self.values, 0.975));
            return Interval { low, high, method: Method::Bootstrap };
        }
        let reach = Z_95 * self.scale * variance(&self.values).sqrt();
        Interval { low: value - reach, high: value + reach, method: Method::ScaledBootstrap }
    }
}
