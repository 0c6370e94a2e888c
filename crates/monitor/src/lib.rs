//! Drift: how a window of rows differs from the rows that a model was trained on.
//!
//! Pure functions from columns to numbers and findings. This crate reads no file, knows no home and asks no
//! clock: whoever calls it brings the reference, the window and the state that the last window left.
//!
//! - [`Sample`] is a column in some rows; a reference's is prepared once and kept.
//! - [`drift`] compares two samples: one file a test, equal to SciPy's and Evidently's values.
//! - [`rule`] decides whether a column has moved, by effect, noise of the reference and the last windows;
//!   [`chunks`] cuts the reference for it. [`evidently`] decides as Evidently's default preset does.
//! - [`estimate`] says what a classifier's metrics are where labels are missing.
//! - [`findings`] are what needs no test: columns that vanished, values never seen before.
//! - [`whole`] compares all columns at once.
//!
//! All of it judges rows, exactly. What is merged or too long for that is judged on [`sketch`]es, with an error.

mod bins;
mod categories;
pub mod chunks;
pub mod drift;
pub mod estimate;
pub mod evidently;
pub mod findings;
mod grid;
mod kolmogorov;
mod numbers;
mod numeric;
mod pair;
pub mod rule;
mod sample;
pub mod sketch;
pub mod whole;

pub use categories::Categories;
pub use modelyard_evaluate::Undefined;
pub use numbers::Numbers;
pub use pair::Pair;
pub use sample::{Kind, Sample};
