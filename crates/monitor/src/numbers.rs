//! The numbers of one column in some rows.

use std::sync::OnceLock;

use modelyard_core::table::Column;

use crate::grid::{Grid, Tallied};
use crate::numeric::sum;

/// The values of a numeric column in some rows; missing and infinite ones are only counted.
///
/// What a test asks of them (order, tallies) is computed once and kept, so the reference, which every
/// window is compared with, is best prepared with [`Numbers::prepare`] and shared.
#[derive(Debug)]
pub struct Numbers {
    values: Vec<f64>,
    is_sorted: bool,
    all_integers: bool,
    missing: usize,
    /// Lowest and highest; meaningless without values.
    range: (f64, f64),
    sorted: OnceLock<Vec<f64>>,
    standard_deviation: OnceLock<f64>,
    tallied: OnceLock<Option<Tallied>>,
}

impl Numbers {
    /// Of a column of numbers, NaN where missing.
    pub fn new(mut values: Vec<f64>) -> Self {
        let rows = values.len();
        let mut range = finite_range(&values);
        if range.is_none() {
            values.retain(|value| value.is_finite());
            range = finite_range(&values);
        }
        Self {
            missing: rows - values.len(),
            range: range.unwrap_or_default(),
            values,
            is_sorted: false,
            all_integers: false,
            sorted: OnceLock::new(),
            standard_deviation: OnceLock::new(),
            tallied: OnceLock::new(),
        }
    }

    /// Of a column of 64-bit integers, `None` where missing.
    ///
    /// Bins of integers are never narrower than 1, as in NumPy, where the column has none missing
    /// (pandas makes floats of it where it has).
    pub fn integers(values: &[Option<i64>]) -> Self {
        let numbers: Vec<f64> = values.iter().flatten().map(|value| *value as f64).collect();
        let missing = values.len() - numbers.len();
        Self { missing, all_integers: missing == 0, ..Self::new(numbers) }
    }

    /// Of an integer or float column; `None` for other types.
    pub fn from_column(column: &Column) -> Option<Self> {
        match column {
            Column::Int(values) => Some(Self::integers(values)),
            Column::Float(values) => {
                Some(Self::new(values.iter().map(|value| value.unwrap_or(f64::NAN)).collect()))
            }
            Column::Bool(_) | Column::String(_) | Column::Timestamp(_) | Column::Date(_) => None,
        }
    }

    /// Computes now what every comparison asks for. The values are kept in order from here on.
    pub fn prepare(mut self) -> Self {
        if !self.is_sorted {
            self.is_sorted = self.values.is_sorted();
        }
        if !self.is_sorted {
            self.values = match self.sorted.take() {
                Some(sorted) => sorted,
                None => ordered(self.values),
            };
            self.is_sorted = true;
        }
        self.standard_deviation();
        self.tallied();
        self
    }

    /// In no particular order.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Ascending.
    pub fn sorted(&self) -> &[f64] {
        if self.is_sorted {
            return &self.values;
        }
        self.sorted.get_or_init(|| ordered(self.values.clone()))
    }

    /// How many values there are, those missing not counted.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Rows without a value, or with an infinite one.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Whether it was a column of integers with none missing.
    pub fn are_integers(&self) -> bool {
        self.all_integers
    }

    /// The lowest and the highest value; `None` without values.
    pub fn range(&self) -> Option<(f64, f64)> {
        (!self.values.is_empty()).then_some(self.range)
    }

    /// How many different values there are, or `limit` + 1 where there are more than `limit`.
    pub fn distinct_up_to(&self, limit: usize) -> usize {
        let mut found = Vec::new();
        add_distinct(&mut found, self, limit);
        found.len()
    }

    /// Population standard deviation (NumPy's default); NaN without values.
    pub fn standard_deviation(&self) -> f64 {
        *self.standard_deviation.get_or_init(|| {
            let rows = self.values.len() as f64;
            let mean = sum(&self.values, |value| value) / rows;
            (sum(&self.values, |value| (value - mean) * (value - mean)) / rows).sqrt()
        })
    }

    pub(crate) fn is_sorted(&self) -> bool {
        self.is_sorted
    }

    /// The values tallied on a grid of their own; `None` where a grid would not help.
    pub(crate) fn tallied(&self) -> Option<&Tallied> {
        self.tallied.get_or_init(|| Grid::over(self).map(|grid| Tallied::new(grid, &self.values))).as_ref()
    }
}

impl Clone for Numbers {
    fn clone(&self) -> Self {
        Self {
            values: self.values.clone(),
            is_sorted: self.is_sorted,
            all_integers: self.all_integers,
            missing: self.missing,
            range: self.range,
            sorted: OnceLock::new(),
            standard_deviation: OnceLock::new(),
            tallied: OnceLock::new(),
        }
    }
}

/// How many different values two columns have together, or `limit` + 1 where more than `limit`.
pub(crate) fn distinct_together(a: &Numbers, b: &Numbers, limit: usize) -> usize {
    let mut found = Vec::new();
    add_distinct(&mut found, a, limit);
    add_distinct(&mut found, b, limit);
    found.len()
}

/// Stops as soon as `found` holds more than `limit`, which most columns do after a handful of rows.
fn add_distinct(found: &mut Vec<f64>, numbers: &Numbers, limit: usize) {
    let mut last = f64::NAN;
    for value in &numbers.values {
        if found.len() > limit {
            return;
        }
        if *value != last && !found.contains(value) {
            found.push(*value);
        }
        last = *value;
    }
}

/// The lowest and the highest value; `None` where one is not finite. In lanes, since each comparison would
/// wait for the last otherwise.
fn finite_range(values: &[f64]) -> Option<(f64, f64)> {
    const LANES: usize = 8;
    let (mut low, mut high, mut zero) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES], [0.0; LANES]);
    let mut look = |lane: usize, value: f64| {
        low[lane] = if value < low[lane] { value } else { low[lane] };
        high[lane] = if value > high[lane] { value } else { high[lane] };
        // Infinite and missing values make NaN of it.
        zero[lane] += value * 0.0;
    };
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, value) in chunk.iter().enumerate() {
            look(lane, *value);
        }
    }
    for value in rest {
        look(0, *value);
    }
    let is_finite = zero.iter().all(|zero| *zero == 0.0);
    is_finite.then(|| (low.into_iter().fold(low[0], f64::min), high.into_iter().fold(high[0], f64::max)))
}

fn ordered(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}
