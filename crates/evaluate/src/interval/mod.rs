//! 95 % intervals: where the metric would lie on other rows of the same kind.
//!
//! By formula where there is a good one (shares of rows: [`wilson`]; means of a loss: [`of_mean`];
//! the area under the ROC curve: [`delong`]; medians: [`of_median`]), else by the [`bootstrap`].
//! Rows count as independent of each other: rows of one day or one customer that err together make
//! the truth wider than these intervals. Coverage is measured in `tests/coverage.rs`.

pub(crate) mod bootstrap;
pub(crate) mod delong;

use serde::{Deserialize, Serialize};

use crate::metric::Metric;
use crate::numeric::{Z_95, mean, t_95, variance};
use crate::sample::{Sample, Undefined};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
    pub method: Method,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Wilson (1927), of a share of rows.
    Wilson,
    /// Student's t, of a mean over rows.
    Mean,
    /// DeLong, DeLong and Clarke-Pearson (1988), on the logit scale.
    Delong,
    /// Order statistics, free of assumptions about the distribution.
    Rank,
    /// Resampled rows, percentiles.
    Bootstrap,
    /// Resampled from at most 50,000 rows, the spread scaled to all of them.
    ScaledBootstrap,
}

/// The 95 % interval of `metric` on `sample`; the same `seed` gives the same interval.
///
/// # Errors
/// [`Undefined`] where the metric is, where a class or group has too few rows, and where every
/// resample gives one value.
pub fn of(metric: &dyn Metric, sample: &Sample<'_>, seed: u64) -> Result<Interval, Undefined> {
    if let Some(interval) = metric.interval(sample) {
        return interval;
    }
    match metric.losses(sample) {
        Some(losses) => of_mean(&losses?),
        None => bootstrap::interval(metric, sample, seed),
    }
}

/// Of the share `hits / rows`.
///
/// Source: Wilson (1927); Brown, Cai and DasGupta (2001) recommend it from small samples on.
pub(crate) fn wilson(hits: u64, rows: u64) -> Result<Interval, Undefined> {
    if rows == 0 {
        return Err(Undefined::new("there are no such rows"));
    }
    let (low, high) = wilson_bounds(hits, rows, Z_95);
    Ok(Interval { low, high, method: Method::Wilson })
}

/// Wilson's bounds at `z` standard deviations; `rows` > 0.
pub(crate) fn wilson_bounds(hits: u64, rows: u64, z: f64) -> (f64, f64) {
    let n = rows as f64;
    let share = hits as f64 / n;
    let scale = 1.0 + z * z / n;
    let centre = (share + z * z / (2.0 * n)) / scale;
    let reach = z / scale * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).sqrt();
    ((centre - reach).max(0.0), (centre + reach).min(1.0))
}

/// Of the mean of one value a row.
pub(crate) fn of_mean(values: &[f64]) -> Result<Interval, Undefined> {
    if values.len() < 2 {
        return Err(Undefined::new("an interval needs two rows"));
    }
    let n = values.len() as f64;
    let (mean, reach) = (mean(values), t_95(n - 1.0) * (variance(values) / n).sqrt());
    Ok(Interval { low: mean - reach, high: mean + reach, method: Method::Mean })
}

/// Of the median of `sorted`: the values whose ranks a binomial of one half reaches.
pub(crate) fn of_median(sorted: Vec<f64>) -> Result<Interval, Undefined> {
    let n = sorted.len() as f64;
    if n < 6.0 {
        // With five values even the extremes hold the median in 94 % of samples only.
        return Err(Undefined::new("an interval needs six rows"));
    }
    let reach = Z_95 * n.sqrt() / 2.0;
    let low = ((n / 2.0 - reach).floor().max(1.0) as usize) - 1;
    let high = ((n / 2.0 + reach).ceil() as usize).min(sorted.len() - 1);
    Ok(Interval { low: sorted[low], high: sorted[high], method: Method::Rank })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilsons_interval_is_that_of_scipy() {
        // `scipy.stats.binomtest(k, n).proportion_ci(0.95, method="wilson")`, SciPy 1.17.1.
        for (hits, rows, low, high) in
            [(0, 10, 0.0, 0.27753279986288915), (7, 10, 0.39677814746114537, 0.8922087325936989)]
        {
            let interval = wilson(hits, rows).unwrap();
            assert!((interval.low - low).abs() < 1e-12, "{interval:?}");
            assert!((interval.high - high).abs() < 1e-12, "{interval:?}");
        }
    }

    #[test]
    fn too_few_rows_have_no_interval() {
        assert!(wilson(0, 0).is_err());
        assert!(of_mean(&[1.0]).is_err());
        assert!(of_median(vec![1.0; 5]).is_err());
    }
}
