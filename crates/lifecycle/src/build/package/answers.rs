//! The model's own answers: of the whole validation part, and of the golden rows.

use modelyard_core::package::{Golden, Predictions, Signature, close, difference};
use modelyard_core::table::Table;
use modelyard_core::{Fault, Kind, Result};
use modelyard_serve::worker::Worker;
use modelyard_serve::{ErrorCode, Model, PredictError};
use serde_json::Map;

/// Rows that every copy of the package must answer alike, for ever.
const GOLDEN_ROWS: usize = 32;

pub(super) const MORE_TIME: &str = "a model that needs longer may have it: `timeout = \"1h\"` in [package]";

/// Rows that are scored at once.
const CHUNK_ROWS: usize = 10_000;

/// Places of the golden rows: spread evenly.
fn golden_rows(rows: &Table) -> Vec<usize> {
    let count = rows.rows().min(GOLDEN_ROWS);
    (0..count).map(|number| number * rows.rows() / count).collect()
}

/// The model's answers to all `rows`.
///
/// # Errors
/// If it fails on one, or answers NaN.
pub(super) async fn score(worker: &mut Worker, rows: &Table) -> Result<Predictions> {
    let mut all = None;
    for start in (0..rows.rows()).step_by(CHUNK_ROWS) {
        let chunk = rows.slice(start, (start + CHUNK_ROWS).min(rows.rows()));
        let answers = worker.score(&chunk).await.map_err(|error| refused(&error))?;
        all = Some(joined(all, answers));
    }
    finite(all.unwrap_or(Predictions::Values(Vec::new())))
}

/// As [`score`], of a served model.
pub(crate) async fn score_served(model: &Model, rows: &Table) -> Result<Predictions> {
    let mut all = None;
    for start in (0..rows.rows()).step_by(CHUNK_ROWS) {
        let chunk = rows.slice(start, (start + CHUNK_ROWS).min(rows.rows()));
        let answers = model.predict(chunk).await.map_err(|error| refused(&error))?;
        all = Some(joined(all, answers));
    }
    finite(all.unwrap_or(Predictions::Values(Vec::new())))
}

/// Asks the golden rows singly and as a batch.
///
/// # Errors
/// If the model differs from itself by more than `tolerance`.
pub(super) async fn golden(
    mut ask: impl AsyncFnMut(&Table) -> std::result::Result<Predictions, PredictError>,
    signature: &Signature,
    rows: &Table,
    classes: &[String],
    tolerance: f64,
) -> Result<Golden> {
    let places = golden_rows(rows);
    let mut batch = None;
    let mut singles = None;
    let mut objects = Vec::with_capacity(places.len());
    for place in &places {
        let row = rows.slice(*place, place + 1);
        let answer = ask(&row).await.map_err(|error| refused(&error))?;
        singles = Some(joined(singles, answer));
        let fields = signature.inputs.iter().zip(row.columns());
        objects.push(
            fields.map(|(input, (_, column))| (input.name.clone(), column.json(0))).collect::<Map<_, _>>(),
        );
        batch = Some(match batch {
            None => row,
            Some(batch) => stacked(&batch, &row),
        });
    }
    let (Some(batch), Some(singles)) = (batch, singles) else {
        return Err(Fault::new(Kind::Data, "there is no validation row to learn golden answers from"));
    };
    let together = ask(&batch).await.map_err(|error| refused(&error))?;
    let apart = largest_difference(&together, &singles);
    if apart > tolerance {
        return Err(Fault::new(
            Kind::Model,
            format!("the model answers a row otherwise alone than among others, by {apart:.1e}"),
        )
        .hint(format!("make it repeatable (for a forest `n_jobs=1` when predicting), or accept that: `tolerance = {:.0e}` in [package]", apart * 10.0)));
    }
    let answers = (0..together.rows()).map(|row| together.answer(row, classes)).collect();
    Ok(Golden { version: 1, rows: objects, answers })
}

/// The largest difference of two answers, relative above 1; a differing class counts as 1.
pub(super) fn largest_difference(a: &Predictions, b: &Predictions) -> f64 {
    let pairs = |a: &[f64], b: &[f64]| {
        let unequal = a.iter().zip(b).filter(|(a, b)| !close(**a, **b, 0.0));
        let largest = unequal.map(|(a, b)| difference(*a, *b)).map(|d| if d.is_nan() { 1.0 } else { d });
        largest.fold(0.0, f64::max)
    };
    match (a, b) {
        (Predictions::Values(a), Predictions::Values(b)) => pairs(a, b),
        (
            Predictions::Classes { labels: a, probabilities: pa },
            Predictions::Classes { labels: b, probabilities: pb },
        ) => match (pa, pb) {
            (Some(pa), Some(pb)) if a == b && pa.len() == pb.len() => pairs(pa, pb),
            (None, None) if a == b => 0.0,
            _ => 1.0,
        },
        _ => 1.0,
    }
}

fn stacked(a: &Table, b: &Table) -> Table {
    use modelyard_core::table::Column::{Bool, Date, Float, Int, String, Timestamp};
    let mut table = Table::new();
    for ((name, above), (_, below)) in a.columns().zip(b.columns()) {
        let column = match (above.clone(), below.clone()) {
            (Bool(a), Bool(b)) => Bool([a, b].concat()),
            (Int(a), Int(b)) => Int([a, b].concat()),
            (Float(a), Float(b)) => Float([a, b].concat()),
            (String(a), String(b)) => String([a, b].concat()),
            (Timestamp(a), Timestamp(b)) => Timestamp([a, b].concat()),
            (Date(a), Date(b)) => Date([a, b].concat()),
            (a, _) => a,
        };
        table.push(name, column);
    }
    table
}

fn joined(all: Option<Predictions>, more: Predictions) -> Predictions {
    match (all, more) {
        (None, more) => more,
        (Some(Predictions::Values(mut all)), Predictions::Values(more)) => {
            all.extend(more);
            Predictions::Values(all)
        }
        (
            Some(Predictions::Classes { mut labels, probabilities }),
            Predictions::Classes { labels: more, probabilities: more_probabilities },
        ) => {
            labels.extend(more);
            let probabilities = probabilities.zip(more_probabilities).map(|(mut all, more)| {
                all.extend(more);
                all
            });
            Predictions::Classes { labels, probabilities }
        }
        (_, more) => more,
    }
}

fn finite(answers: Predictions) -> Result<Predictions> {
    let wrong = match &answers {
        Predictions::Values(values) => values.iter().position(|value| !value.is_finite()),
        Predictions::Classes { labels, probabilities } => {
            let classes = probabilities.as_ref().map_or(1, |all| all.len() / labels.len().max(1)).max(1);
            let place = probabilities.iter().flatten().position(|probability| !probability.is_finite());
            place.map(|place| place / classes)
        }
    };
    match wrong {
        None => Ok(answers),
        Some(row) => Err(Fault::new(
            Kind::Model,
            format!("the model answers NaN or infinity to validation row {}", row + 1),
        )
        .hint("impute missing values inside the model, or keep such rows out by `sql` or `checks`")),
    }
}

fn refused(error: &PredictError) -> Fault {
    if error.code == ErrorCode::Timeout {
        return took_too_long("the model does not answer rows of the validation part", error);
    }
    let fault = Fault::new(Kind::Model, "the model fails on rows of the validation part")
        .because(error.message.clone());
    match &error.hint {
        Some(hint) => fault.hint(hint.clone()),
        None => fault,
    }
}

pub(super) fn took_too_long(what: &str, error: &PredictError) -> Fault {
    Fault::new(Kind::Timeout, what).because(error.message.clone()).hint(MORE_TIME)
}
