use std::collections::BTreeMap;

use modelyard_core::table::Table;
use modelyard_evaluate::Undefined;
use serde::{Deserialize, Serialize};

use super::linear::{dot, eigen};
use super::{Rows, rows};

/// Share of the reference's variance that the kept directions explain.
const EXPLAINED: f64 = 0.65;

/// The reference's main directions (principal component analysis). Rows of another kind, such as values
/// that don't go together, lie further from them.
///
/// Numbers are standardised by the reference's mean and standard deviation, missing ones being the mean;
/// categories stand as their share in the reference (0 if unseen) and are treated likewise. Constant columns and
/// times are left out. Kept are the fewest directions that explain more than 65 % of the variance, as NannyML does;
/// equal to scikit-learn's `PCA(0.65)` (`tests/scipy.rs`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pca {
    columns: Vec<Encoding>,
    /// One a direction, a number a column.
    directions: Vec<Vec<f64>>,
    /// Mean distance of the reference's own rows.
    reference: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Encoding {
    name: String,
    mean: f64,
    standard_deviation: f64,
    /// By category; none for numbers.
    shares: Option<BTreeMap<String, f64>>,
}

impl Pca {
    /// # Errors
    /// If there are no rows, or all columns are constant.
    pub fn fit(reference: &Table) -> Result<Self, Undefined> {
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for (name, column) in reference.columns() {
            if let Some(rows) = rows(column)
                && let Some((encoding, encoded)) = Encoding::fit(name, &rows)
            {
                columns.push(encoding);
                values.push(encoded);
            }
        }
        let count = reference.rows() as f64;
        let size = columns.len();
        if size == 0 {
            return Err(Undefined::new("no column of the reference varies"));
        }
        let mut covariance = vec![0.0; size * size];
        for (row, a) in values.iter().enumerate() {
            for (column, b) in values.iter().enumerate().take(row + 1) {
                covariance[row * size + column] = dot(a, b) / count;
                covariance[column * size + row] = covariance[row * size + column];
            }
        }
        let axes = eigen(covariance, size);
        let total: f64 = axes.iter().map(|(variance, _)| variance).sum();
        let mut explained = 0.0;
        let mut directions = Vec::new();
        for (variance, direction) in axes {
            directions.push(direction);
            explained += variance / total;
            if explained > EXPLAINED {
                break;
            }
        }
        let mut found = Self { columns, directions, reference: 0.0 };
        found.reference = found.distance(&values);
        Ok(found)
    }

    /// How many directions are kept.
    pub fn components(&self) -> usize {
        self.directions.len()
    }

    /// Mean distance of a table's rows from what the directions make of them, in standard deviations.
    ///
    /// # Errors
    /// If it has no rows, or lacks a column or has another type for it.
    pub fn error(&self, window: &Table) -> Result<f64, Undefined> {
        if window.rows() == 0 {
            return Err(Undefined::new("the window has no rows"));
        }
        let encoded: Result<Vec<_>, _> = self.columns.iter().map(|column| column.apply(window)).collect();
        Ok(self.distance(&encoded?))
    }

    /// By what share the error differs from that of the reference's own rows: the distance for the rule.
    ///
    /// # Errors
    /// As [`Pca::error`], and where the directions describe the reference without error.
    pub fn change(&self, window: &Table) -> Result<f64, Undefined> {
        if self.reference <= 0.0 {
            return Err(Undefined::new("the reference has no more directions than are kept"));
        }
        Ok((self.error(window)? / self.reference - 1.0).abs())
    }

    fn distance(&self, columns: &[Vec<f64>]) -> f64 {
        let rows = columns.first().map_or(0, Vec::len);
        let mut row = vec![0.0; columns.len()];
        let mut total = 0.0;
        for place in 0..rows {
            for (value, column) in row.iter_mut().zip(columns) {
                *value = column[place];
            }
            let lengths: Vec<f64> = self.directions.iter().map(|direction| dot(direction, &row)).collect();
            for (direction, length) in self.directions.iter().zip(lengths) {
                for (value, part) in row.iter_mut().zip(direction) {
                    *value -= length * part;
                }
            }
            total += dot(&row, &row).sqrt();
        }
        total / rows as f64
    }
}

impl Encoding {
    /// With the standardised values; `None` where they are constant.
    fn fit(name: &str, rows: &Rows<'_>) -> Option<(Self, Vec<f64>)> {
        let shares = match rows {
            Rows::Numbers(_) => None,
            Rows::Names(names) => {
                let mut shares: BTreeMap<String, f64> = BTreeMap::new();
                for name in names.iter().flatten() {
                    *shares.entry(name.clone().into_owned()).or_default() += 1.0 / names.len() as f64;
                }
                Some(shares)
            }
        };
        let mut found = Self { name: name.to_owned(), mean: 0.0, standard_deviation: 1.0, shares };
        let plain = found.plain(rows)?;
        let known = crate::Numbers::new(plain.clone());
        found.mean = crate::numeric::sum(known.values(), |value| value) / known.len().max(1) as f64;
        found.standard_deviation = known.standard_deviation();
        (found.standard_deviation > 0.0).then(|| {
            let values = found.standardised(plain);
            (found, values)
        })
    }

    fn apply(&self, window: &Table) -> Result<Vec<f64>, Undefined> {
        let column = window.column(&self.name);
        let plain = column.and_then(rows).and_then(|rows| self.plain(&rows));
        match plain {
            Some(plain) => Ok(self.standardised(plain)),
            None => {
                Err(Undefined::new(format!("the window lacks `{}` as it was in the reference", self.name)))
            }
        }
    }

    /// `None` for categories where numbers were, or numbers where categories were.
    fn plain(&self, rows: &Rows<'_>) -> Option<Vec<f64>> {
        match (rows, &self.shares) {
            (Rows::Numbers(values), None) => Some(values.clone()),
            (Rows::Names(names), Some(shares)) => {
                let share = |name: &Option<_>| match name {
                    Some(name) => shares.get(AsRef::<str>::as_ref(name)).copied().unwrap_or_default(),
                    None => f64::NAN,
                };
                Some(names.iter().map(share).collect())
            }
            _ => None,
        }
    }

    fn standardised(&self, plain: Vec<f64>) -> Vec<f64> {
        let scaled = |value: f64| (value - self.mean) / self.standard_deviation;
        plain.into_iter().map(|value| if value.is_nan() { 0.0 } else { scaled(value) }).collect()
    }
}
