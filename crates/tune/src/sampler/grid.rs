//! Every combination of the listed values.

use modelyard_core::config::{Search, Space};
use modelyard_core::{Fault, Kind, Result};
use serde_json::Value;

use super::{Point, Sampler};

/// More trials than this are a mistake in the file, not a search.
const MOST_TRIALS: u64 = 100_000;

pub(super) struct Grid;

impl Sampler for Grid {
    fn name(&self) -> &'static str {
        "grid"
    }

    fn trials(&self, search: &Search) -> Result<u32> {
        let mut count = 1_u64;
        for (name, space) in &search.space {
            let values = size(space).ok_or_else(|| {
                let Space::Float { min, max, .. } = space else {
                    return Fault::new(Kind::Config, format!("`{name}` has no value to try"));
                };
                let message = format!(
                    "a grid needs finitely many values, but `{name}` may take any between {min} and {max}"
                );
                Fault::new(Kind::Config, message)
                    .hint("list its values, give it a `step`, or search with method = \"random\"")
            })?;
            count = count.saturating_mul(values);
        }
        if count > MOST_TRIALS {
            return Err(Fault::new(
                Kind::Config,
                format!("the grid has {count} points, more than {MOST_TRIALS}"),
            )
            .hint("list fewer values, or search with method = \"random\" and `trials`"));
        }
        Ok(count as u32)
    }

    fn point(&self, search: &Search, index: u32) -> Point {
        let mut rest = u64::from(index);
        let mut point = Point::new();
        // The last name turns fastest, as nested loops in the order of the names would.
        for (name, space) in search.space.iter().rev() {
            let values = size(space).unwrap_or(1);
            point.insert(name.clone(), value(space, rest % values));
            rest /= values;
        }
        point
    }
}

/// How many values the space holds; `None` if infinitely many or none.
fn size(space: &Space) -> Option<u64> {
    let size = match space {
        Space::Choices(values) => values.len() as u64,
        Space::Float { step: None, .. } => return None,
        Space::Float { min, max, step: Some(step), .. } => super::lattice_steps(*min, *max, *step) + 1,
        Space::Int { min, max, step, .. } => max.abs_diff(*min) / step.unwrap_or(1).unsigned_abs().max(1) + 1,
    };
    (size > 0).then_some(size)
}

/// The value at `place` of a finite space.
fn value(space: &Space, place: u64) -> Value {
    match space {
        Space::Choices(values) => values[place as usize].clone(),
        Space::Float { min, step, .. } => (min + place as f64 * step.unwrap_or(0.0)).into(),
        Space::Int { min, step, .. } => {
            min.saturating_add_unsigned(place * step.unwrap_or(1).unsigned_abs()).into()
        }
    }
}
