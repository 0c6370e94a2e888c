//! Sketches: a column of any length in little memory, mergeable, from which drift tests are asked with an error.
//!
//! Windows of up to 50,000 rows are judged on rows, exactly ([`crate::drift`]). Longer ones, and ranges of several
//! windows, are sketched piece by piece and merged; what a test says of them comes with the bounds that the exact
//! value lies in (with 99 % confidence, a sketch: those of Apache DataSketches, whose sketches they are). In any
//! order and grouping merged sketches are as good; they differ by less than their error, since KLL flips coins.
//!
//! - [`NumberSketch`]: quantiles (KLL), moments and range exactly, and every value with its count while there are few.
//! - [`CategorySketch`]: counts, exact up to a bound of different values; above it the frequent ones.

mod categories;
mod compare;
mod numbers;

use modelyard_evaluate::Undefined;
use serde::{Deserialize, Serialize};

pub use categories::{CategorySketch, Frequent};
pub use compare::{Bounded, score};
pub use numbers::NumberSketch;

use crate::{Kind, Sample};

/// A column of any number of rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Sketch {
    Numbers(NumberSketch),
    Categories(CategorySketch),
}

impl Sketch {
    /// Of some rows.
    ///
    /// # Errors
    /// As [`Sketch::add`].
    pub fn of(sample: &Sample) -> Result<Self, Undefined> {
        let mut found = match sample {
            Sample::Numbers(_) => Self::Numbers(NumberSketch::default()),
            Sample::Categories(_) => Self::Categories(CategorySketch::default()),
        };
        found.add(sample)?;
        Ok(found)
    }

    /// Takes in more rows.
    ///
    /// # Errors
    /// [`Undefined`] where they are of the other kind.
    pub fn add(&mut self, sample: &Sample) -> Result<(), Undefined> {
        match (self, sample) {
            (Self::Numbers(sketch), Sample::Numbers(numbers)) => sketch.add(numbers),
            (Self::Categories(sketch), Sample::Categories(categories)) => sketch.add(categories),
            (sketch, sample) => Err(other_kind(sketch.kind(), sample.kind())),
        }
    }

    /// Takes in the rows of another sketch.
    ///
    /// # Errors
    /// As [`Sketch::add`].
    pub fn merge(&mut self, other: &Self) -> Result<(), Undefined> {
        match (self, other) {
            (Self::Numbers(sketch), Self::Numbers(other)) => sketch.merge(other),
            (Self::Categories(sketch), Self::Categories(other)) => {
                sketch.merge(other);
                Ok(())
            }
            (sketch, other) => Err(other_kind(sketch.kind(), other.kind())),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::Numbers(_) => Kind::Numeric,
            Self::Categories(_) => Kind::Categorical,
        }
    }

    /// Rows with a value.
    pub fn rows(&self) -> u64 {
        match self {
            Self::Numbers(sketch) => sketch.rows(),
            Self::Categories(sketch) => sketch.rows(),
        }
    }

    /// Rows without one.
    pub fn missing(&self) -> u64 {
        match self {
            Self::Numbers(sketch) => sketch.missing(),
            Self::Categories(sketch) => sketch.missing(),
        }
    }
}

fn other_kind(before: Kind, now: Kind) -> Undefined {
    Undefined::new(format!("the column was {} and is {} now", before.name(), now.name()))
}

/// A sketch's own bytes as text, in JSON.
mod bytes {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn write<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        STANDARD.decode(String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
