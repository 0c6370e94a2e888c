//! `preset = "evidently"`: which test judges a column, and where it calls drift, as the default preset of
//! Evidently 0.7.23 has it (`DataDriftPreset()`, types inferred).
//!
//! What its documentation and its code say differently, the code decides: a column's kind follows from the
//! **window's** values, the test from the reference's rows and from the different values of both together.

use modelyard_core::table::Column;
use modelyard_evaluate::Undefined;

use crate::drift::{self, DriftTest};
use crate::numbers::distinct_together;
use crate::pair::Sides;
use crate::{Kind, Numbers, Pair};

/// Up to this many rows with a value in the reference, columns are judged by p-values.
const MAX_ROWS_FOR_P_VALUES: u64 = 1000;
/// Up to this many different numbers are judged as if they were categories.
const MAX_FEW_NUMBERS: usize = 5;
/// An integer column with at most this many different values holds categories.
const MAX_INTEGER_CATEGORIES: usize = 10;

/// A column's judgement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The test's name.
    pub test: &'static str,
    pub score: f64,
    pub threshold: f64,
    pub drift: bool,
}

/// How the preset compares a column, by its values in the window; `None` where it does not, or by a model of
/// texts: times, mostly different texts, truth values of which some are missing.
pub fn kind(current: &Column) -> Option<Kind> {
    match current {
        Column::Float(_) => Some(Kind::Numeric),
        Column::Int(values) => {
            let numbers = Numbers::integers(values);
            // An integer column with missing values is one of floats in pandas.
            let is_categorical = numbers.are_integers()
                && numbers.distinct_up_to(MAX_INTEGER_CATEGORIES) <= MAX_INTEGER_CATEGORIES;
            Some(if is_categorical { Kind::Categorical } else { Kind::Numeric })
        }
        Column::String(values) => {
            let categories = crate::Categories::new(values.iter().map(Option::as_deref));
            let is_text = categories.distinct() as f64 > categories.rows() as f64 * 0.5;
            (categories.rows() > 0 && !is_text).then_some(Kind::Categorical)
        }
        Column::Bool(values) => values.iter().all(Option::is_some).then_some(Kind::Categorical),
        Column::Timestamp(_) | Column::Date(_) => None,
    }
}

/// The test that judges a pair.
pub fn test(pair: &Pair<'_>) -> &'static dyn DriftTest {
    let distinct = match pair.sides {
        Sides::Numbers(reference, current) => distinct_together(reference, current, MAX_FEW_NUMBERS),
        Sides::Categories(reference, current) => {
            let unseen = current.counts().keys().filter(|value| !reference.counts().contains_key(*value));
            reference.distinct() + unseen.count()
        }
    };
    let is_numeric = pair.kind() == Kind::Numeric && distinct > MAX_FEW_NUMBERS;
    if pair.rows().0 > MAX_ROWS_FOR_P_VALUES {
        return drift::effect(if is_numeric { Kind::Numeric } else { Kind::Categorical });
    }
    match distinct {
        _ if is_numeric => &drift::ks::KolmogorovSmirnov,
        ..=2 => &drift::z::Z,
        _ => &drift::chi_square::ChiSquare,
    }
}

/// Judges a pair by the preset's test under its threshold.
///
/// # Errors
/// As the test's.
pub fn judge(pair: &Pair<'_>) -> Result<Verdict, Undefined> {
    let test = test(pair);
    let (score, threshold) = (test.score(pair)?, test.threshold());
    Ok(Verdict { test: test.name(), score, threshold, drift: test.is_drift(score, threshold) })
}
