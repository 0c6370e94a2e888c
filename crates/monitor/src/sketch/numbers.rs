//! Numbers: their distribution with an error, moments and range without.

use std::collections::BTreeMap;

use datasketches::common::SearchCriteria;
use datasketches::kll::{KllFloat, KllSketch};
use modelyard_evaluate::Undefined;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::bytes;
use crate::Numbers;

/// Rank error below 0.1 %, in about 100 kB.
const K: u16 = 4096;
/// Up to so many different values each is counted: whole numbers, codes, prices.
const MOST_VALUES: usize = 1024;
/// Points that a distribution is read at where values are not counted.
const POINTS: usize = 1 << 14;

type Quantiles = KllSketch<KllFloat<f64>>;

/// Any number of numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NumberSketch {
    #[serde(serialize_with = "write", deserialize_with = "read")]
    quantiles: Quantiles,
    /// Every value with its count, in order; absent once there were too many.
    counts: Option<Vec<(f64, u64)>>,
    mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
    missing: u64,
    all_integers: bool,
}

/// A distribution function, known at some values.
pub(super) struct Points {
    /// Ascending.
    pub(super) values: Vec<f64>,
    /// The share of rows up to each value.
    pub(super) shares: Vec<f64>,
    /// How far a share, or the difference of two, may be off.
    pub(super) error: f64,
}

impl Default for NumberSketch {
    fn default() -> Self {
        Self {
            quantiles: Quantiles::new(K).expect("the size is allowed"),
            counts: Some(Vec::new()),
            mean: 0.0,
            squares: 0.0,
            missing: 0,
            all_integers: true,
        }
    }
}

impl NumberSketch {
    pub(super) fn add(&mut self, numbers: &Numbers) -> Result<(), Undefined> {
        self.all_integers &= numbers.are_integers();
        self.missing += numbers.missing() as u64;
        let rows = numbers.len() as f64;
        if rows == 0.0 {
            return Ok(());
        }
        let deviation = numbers.standard_deviation();
        let mean = numbers.values().iter().map(|value| value / rows).sum();
        self.take_moments(mean, deviation * deviation * rows, rows);
        for value in numbers.values() {
            let value = KllFloat::<f64>::new(*value).map_err(|error| Undefined::new(error.to_string()))?;
            self.quantiles.update(value);
        }
        let counts = self.counts.take().and_then(|counts| {
            let runs = numbers.sorted().chunk_by(|a, b| a == b).take(MOST_VALUES + 1);
            let here: Vec<(f64, u64)> = runs.map(|run| (run[0], run.len() as u64)).collect();
            together(&counts, &here)
        });
        self.counts = counts;
        Ok(())
    }

    pub(super) fn merge(&mut self, other: &Self) -> Result<(), Undefined> {
        self.take_moments(other.mean, other.squares, other.rows() as f64);
        self.all_integers &= other.all_integers;
        self.missing += other.missing;
        self.counts = match (&self.counts, &other.counts) {
            (Some(counts), Some(others)) => together(counts, others),
            _ => None,
        };
        self.quantiles.merge(&other.quantiles).map_err(|error| Undefined::new(error.to_string()))
    }

    /// Moments of both; called before the rows are counted.
    ///
    /// Source: Chan, Golub and LeVeque (1979).
    fn take_moments(&mut self, mean: f64, squares: f64, rows: f64) {
        let before = self.rows() as f64;
        let total = before + rows;
        if total > 0.0 {
            let apart = mean - self.mean;
            self.mean += apart * rows / total;
            self.squares += squares + apart * apart * before * rows / total;
        }
    }

    pub fn rows(&self) -> u64 {
        self.quantiles.n()
    }

    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// Whether all were columns of integers with none missing.
    pub fn are_integers(&self) -> bool {
        self.all_integers
    }

    /// Exact.
    pub fn range(&self) -> Option<(f64, f64)> {
        Some((self.quantiles.min_item()?.into_inner(), self.quantiles.max_item()?.into_inner()))
    }

    /// NaN without values.
    pub fn mean(&self) -> f64 {
        if self.rows() == 0 { f64::NAN } else { self.mean }
    }

    /// Population standard deviation, exact but for rounding; NaN without values.
    pub fn standard_deviation(&self) -> f64 {
        (self.squares / self.rows() as f64).sqrt()
    }

    /// The value that a share of rows, in [0, 1], does not exceed; off by [`Self::rank_error`] in the share. `None`
    /// without values.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        self.quantiles
            .quantile(share.clamp(0.0, 1.0), SearchCriteria::Inclusive)
            .ok()?
            .map(KllFloat::into_inner)
    }

    /// How far the share of rows between any two values may be off, with 99 % confidence; 0 while all are kept.
    pub fn rank_error(&self) -> f64 {
        if self.counts.is_some() || !self.quantiles.is_estimation_mode() {
            return 0.0;
        }
        self.quantiles.normalized_pmf_error()
    }

    /// Every value with its count, ascending, where there are few enough.
    pub(super) fn counts(&self) -> Option<&[(f64, u64)]> {
        self.counts.as_deref()
    }

    pub(super) fn points(&self) -> Points {
        let rows = self.rows() as f64;
        if let Some(counts) = &self.counts {
            let mut seen = 0;
            let share = |(_, count): &(f64, u64)| {
                seen += count;
                seen as f64 / rows
            };
            let shares = counts.iter().map(share).collect();
            return Points { values: counts.iter().map(|(value, _)| *value).collect(), shares, error: 0.0 };
        }
        let view = self.quantiles.sorted_view();
        let points = POINTS.min(self.rows() as usize);
        let share = |point: usize| (point as f64 + 0.5) / points as f64;
        let mut values: Vec<f64> = (0..points)
            .filter_map(|point| view.quantile(share(point), SearchCriteria::Inclusive).ok().flatten())
            .map(KllFloat::into_inner)
            .collect();
        if let Some((low, high)) = self.range() {
            values.extend([low, high]);
            values.sort_unstable_by(f64::total_cmp);
        }
        values.dedup();
        let up_to = |value: &f64| {
            let value = KllFloat::<f64>::new(*value).ok()?;
            view.rank(&value, SearchCriteria::Inclusive)
        };
        let shares = values.iter().map(|value| up_to(value).unwrap_or(1.0)).collect();
        // Between two points the function is not known.
        let error = self.rank_error() + 1.0 / points as f64;
        Points { values, shares, error }
    }
}

impl Points {
    /// The share of rows below `value`.
    pub(super) fn below(&self, value: f64) -> f64 {
        match self.values.partition_point(|known| *known < value) {
            0 => 0.0,
            place => self.shares[place - 1],
        }
    }
}

/// Counts of both; `None` where there are too many values.
fn together(a: &[(f64, u64)], b: &[(f64, u64)]) -> Option<Vec<(f64, u64)>> {
    let mut found: BTreeMap<KllFloat<f64>, u64> = BTreeMap::new();
    for (value, count) in a.iter().chain(b) {
        *found.entry(KllFloat::<f64>::new(*value).ok()?).or_default() += count;
    }
    let counts = found.into_iter().map(|(value, count)| (value.into_inner(), count)).collect::<Vec<_>>();
    (counts.len() <= MOST_VALUES).then_some(counts)
}

fn write<S: Serializer>(quantiles: &Quantiles, serializer: S) -> Result<S::Ok, S::Error> {
    bytes::write(&quantiles.serialize(), serializer)
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Quantiles, D::Error> {
    Quantiles::deserialize(&bytes::read(deserializer)?).map_err(de::Error::custom)
}
