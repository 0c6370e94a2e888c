//! The percentile bootstrap: the metric on resampled rows.
//!
//! Up to 20,000 rows 1,000 replicates are drawn. Beyond, replicates get fewer so that at most
//! twenty million rows are drawn in all (400 at 50,000 rows). Beyond 50,000 rows the replicates
//! come from 50,000 rows chosen at random and their standard deviation is scaled by √(50,000 / n):
//! a metric's spread falls with the root of the rows, and its distribution is then close enough to
//! the normal. So time is bounded whatever the size.

use super::{Interval, Method};
use crate::metric::Metric;
use crate::numeric::{Z_95, quantile, sorted, variance};
use crate::random::Random;
use crate::sample::{Sample, Undefined};

const REPLICATES: usize = 1000;
const DRAWS: usize = 20_000_000;
const MOST_ROWS: usize = 50_000;

pub(crate) fn interval(metric: &dyn Metric, sample: &Sample<'_>, seed: u64) -> Result<Interval, Undefined> {
    let score = metric.score(sample)?;
    let prepared = metric.prepare(sample)?;
    let spread = Spread::of(sample.rows(), seed, |weights| prepared(weights))?;
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
    let rows = a.rows();
    let (a, b) = (metric.prepare(a)?, metric.prepare(b)?);
    let spread = Spread::of(rows, seed, |weights| Ok(a(weights)? - b(weights)?))?;
    Ok(spread.around(value))
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
        seed: u64,
        score: impl Fn(&[u32]) -> Result<f64, Undefined>,
    ) -> Result<Self, Undefined> {
        if rows < 2 {
            return Err(Undefined::new("an interval needs two rows"));
        }
        let mut random = Random::new(seed);
        let drawn = rows.min(MOST_ROWS);
        let pool = (drawn < rows).then(|| random.choose(drawn, rows));
        let replicates = (DRAWS / drawn).min(REPLICATES);
        let mut weights = vec![0_u32; rows];
        let mut values = Vec::with_capacity(replicates);
        for _ in 0..replicates {
            weights.fill(0);
            for _ in 0..drawn {
                let place = random.below(drawn);
                weights[pool.as_ref().map_or(place, |pool| pool[place])] += 1;
            }
            values.extend(score(&weights).ok().filter(|value| value.is_finite()));
        }
        if values.len() * 20 < replicates * 19 {
            return Err(Undefined::new("a class has too few rows"));
        }
        Ok(Self { values: sorted(values), scale: (drawn as f64 / rows as f64).sqrt() })
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
