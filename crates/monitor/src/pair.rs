//! Two samples of one column that can be compared.

use modelyard_evaluate::Undefined;

use crate::{Categories, Kind, Numbers, Sample};

/// A column in the reference and in a window: both have values, of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    pub(crate) sides: Sides<'a>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Sides<'a> {
    Numbers(&'a Numbers, &'a Numbers),
    Categories(&'a Categories, &'a Categories),
}

impl<'a> Pair<'a> {
    /// # Errors
    /// [`Undefined`] where a sample has no values, and where one holds numbers and the other categories.
    pub fn new(reference: &'a Sample, current: &'a Sample) -> Result<Self, Undefined> {
        for (sample, whose) in [(reference, "reference"), (current, "window")] {
            if sample.rows() == 0 {
                return Err(Undefined::new(format!("the {whose} has no values")));
            }
        }
        let sides = match (reference, current) {
            (Sample::Numbers(reference), Sample::Numbers(current)) => Sides::Numbers(reference, current),
            (Sample::Categories(reference), Sample::Categories(current)) => {
                Sides::Categories(reference, current)
            }
            (reference, current) => {
                let (before, now) = (reference.kind().name(), current.kind().name());
                return Err(Undefined::new(format!("the column was {before} and is {now} now")));
            }
        };
        Ok(Self { sides, kind: reference.kind() })
    }

    /// The same, numbers compared as names: a code of an airport is neither large nor small.
    pub fn as_categories(self) -> Self {
        Self { kind: Kind::Categorical, ..self }
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Rows with a value, of the reference and of the window.
    pub fn rows(&self) -> (u64, u64) {
        match self.sides {
            Sides::Numbers(reference, current) => (reference.len() as u64, current.len() as u64),
            Sides::Categories(reference, current) => (reference.rows(), current.rows()),
        }
    }

    /// Both samples, if they are compared by size.
    ///
    /// # Errors
    /// If they are not.
    pub(crate) fn numbers(&self) -> Result<(&'a Numbers, &'a Numbers), Undefined> {
        match (self.sides, self.kind) {
            (Sides::Numbers(reference, current), Kind::Numeric) => Ok((reference, current)),
            _ => Err(Undefined::new("it compares numbers, and the column holds categories")),
        }
    }
}
