//! What a request must look like: the model's inputs, and what it answers of nulls and categories
//! it has not seen, tried out.

use std::collections::{BTreeMap, BTreeSet};

use modelyard_core::config::Features;
use modelyard_core::package::{Input, Predictions, Signature};
use modelyard_core::table::{Column, DataType, Field, Table};
use modelyard_core::{Fault, Kind, Result};
use modelyard_serve::ErrorCode;
use modelyard_serve::worker::{Description, Worker};

use super::Bench;
use super::answers::{self, took_too_long};

/// Rows on which nulls and unseen categories are tried.
const TRIED_ROWS: usize = 20;

/// A category that no data set has.
const UNSEEN: &str = "\u{fdd0}modelyard.unseen\u{fdd1}";

/// A hostile table that the model answered, with its answers.
pub(super) struct Tried {
    pub(super) what: String,
    pub(super) table: Table,
    pub(super) answers: Predictions,
}

/// The signature: the model's own feature names, else `[package] features`, else every column but
/// the target and those with a role.
///
/// # Errors
/// If an input is no column of the data set, or has a role.
pub(super) fn of_model(
    bench: &Bench<'_>,
    described: &Description,
    dtypes: &BTreeMap<String, String>,
) -> Result<Signature> {
    let configured = bench.project.package.features.as_ref();
    let series = matches!(configured, Some(Features::One(_)));
    let (names, whence) = match (&described.feature_names, configured) {
        (Some(names), _) if !series => (names.clone(), "the model's `feature_names_in_`"),
        (_, Some(Features::One(name))) => (vec![name.clone()], "`[package] features`"),
        (_, Some(Features::Many(names))) => (names.clone(), "`[package] features`"),
        _ => {
            let free = |name: &str| name != bench.project.target && !bench.roles.cover(name);
            let names = bench.schema.iter().map(|field| field.name.clone()).filter(|name| free(name));
            (names.collect(), "the data set")
        }
    };
    if let (Some(expected), None) = (described.n_features, &described.feature_names)
        && expected != names.len()
        && !series
    {
        return Err(Fault::new(
            Kind::Model,
            format!("the model takes {expected} columns, and {whence} gives {}", names.len()),
        )
        .hint("list them in `features` of [package], in the model's order"));
    }
    let mut inputs = Vec::with_capacity(names.len());
    for name in &names {
        let Some(field) = bench.schema.iter().find(|field| field.name == *name) else {
            return Err(Fault::new(Kind::Model, format!("`{name}` of {whence} is no column of the data set"))
                .hint("make the column in the data set's `sql`, or inside the model (a scikit-learn Pipeline), so that a request can bring what the model needs"));
        };
        if bench.roles.cover(name) || *name == bench.project.target {
            return Err(Fault::new(
                Kind::Model,
                format!("the model takes `{name}`, which can be no feature: it is the target or has a role"),
            )
            .hint("drop the column before fitting"));
        }
        inputs.push(Input {
            name: name.clone(),
            data_type: field.data_type,
            dtype: dtypes.get(name).cloned().unwrap_or_default(),
            nullable: false,
            unseen: true,
            categories: Vec::new(),
        });
    }
    let other = |name: &&String| !names.contains(name);
    let ignored = bench.schema.iter().map(|field| &field.name).filter(other).cloned().collect();
    let is_logged = |field: &&Field| {
        other(&&field.name)
            && field.name != bench.project.target
            && !bench.roles.private.contains(&field.name)
    };
    let meta = bench.schema.iter().filter(is_logged).cloned().collect();
    Ok(Signature { inputs, series, ignored, meta })
}

/// The signature's inputs of `table`, in their order.
///
/// # Errors
/// If one is missing.
pub(super) fn rows(signature: &Signature, table: &Table) -> Result<Table> {
    let names: Vec<_> = signature.inputs.iter().map(|input| input.name.clone()).collect();
    table
        .select(&names)
        .ok_or_else(|| Fault::new(Kind::Internal, "the validation part lacks an input's column"))
}

/// Tries, column by column, whether the model answers a null and an unseen category, and writes
/// that into the signature. Answers what was answered, for whoever must answer the same.
///
/// # Errors
/// If the worker died.
pub(super) async fn try_hostile(
    worker: &mut Worker,
    signature: &mut Signature,
    rows: &Table,
    learnt: &Table,
) -> Result<Vec<Tried>> {
    let base = rows.slice(0, rows.rows().min(TRIED_ROWS));
    // So that a model that answers nothing at all is not said to fail on what was tried.
    answers::score(worker, &base).await?;
    let mut tried = Vec::new();
    for place in 0..signature.inputs.len() {
        let input = &signature.inputs[place];
        let name = input.name.clone();
        let nulls = with_column(&base, &name, nulls(input.data_type, base.rows()));
        let what = format!("`{name}` missing");
        let answers = answered(worker, &nulls, &what).await?;
        signature.inputs[place].nullable = answers.is_some();
        tried.extend(answers.map(|answers| Tried { what, table: nulls, answers }));
        let unseen = unseen(learnt.column(&name), base.rows());
        let refused = unseen.len();
        let before = tried.len();
        for column in unseen {
            let table = with_column(&base, &name, column);
            let what = format!("`{name}` not seen in training");
            let answers = answered(worker, &table, &what).await?;
            tried.extend(answers.map(|answers| Tried { what, table, answers }));
        }
        if refused > 0 && tried.len() == before {
            signature.inputs[place].unseen = false;
            signature.inputs[place].categories = categories(learnt, &name);
        }
    }
    Ok(tried)
}

/// Columns of values that were not there in training: a text; of whole numbers one beyond the largest,
/// and one in between where there is a gap (a model may refuse what is out of its range alone).
fn unseen(learnt: Option<&Column>, rows: usize) -> Vec<Column> {
    match learnt {
        Some(Column::String(_)) => vec![Column::String(vec![Some(UNSEEN.to_owned()); rows])],
        Some(Column::Int(values)) => unseen_numbers(values.iter().flatten().copied().collect())
            .map(|number| Column::Int(vec![Some(number); rows]))
            .collect(),
        // Integers with missing values among them are floats in many a table.
        Some(Column::Float(values)) if values.iter().flatten().all(|value| is_whole(*value)) => {
            unseen_numbers(values.iter().flatten().map(|value| *value as i64).collect())
                .map(|number| Column::Float(vec![Some(number as f64); rows]))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn unseen_numbers(seen: BTreeSet<i64>) -> impl Iterator<Item = i64> {
    let gap = seen.iter().zip(seen.iter().skip(1)).find(|(a, b)| a.checked_add(1) != Some(**b));
    let gap = gap.map(|(before, _)| before + 1);
    let beyond = seen.last().and_then(|largest| largest.checked_add(1));
    gap.into_iter().chain(beyond)
}

/// Whether an integer's text says the same; below 2^53 every whole float is an integer of its own.
fn is_whole(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0
}

/// The different values of a column as text, sorted: what a model that refuses others was fitted on.
fn categories(learnt: &Table, name: &str) -> Vec<String> {
    let texts: BTreeSet<_> = match learnt.column(name) {
        Some(Column::String(values)) => values.iter().flatten().cloned().collect(),
        Some(Column::Int(values)) => values.iter().flatten().map(i64::to_string).collect(),
        Some(Column::Float(values)) => {
            values.iter().flatten().map(|value| (*value as i64).to_string()).collect()
        }
        _ => BTreeSet::new(),
    };
    texts.into_iter().collect()
}

/// The model's answers to rows with `what`; `None` if it refuses or answers NaN.
///
/// # Errors
/// If such rows end its process, or are never answered: they would do so to whoever serves it.
async fn answered(worker: &mut Worker, table: &Table, what: &str) -> Result<Option<Predictions>> {
    let answers = match worker.score(table).await {
        Ok(answers) => answers,
        Err(error) if error.code == ErrorCode::Timeout => {
            return Err(took_too_long(&format!("the model does not answer rows with {what}"), &error));
        }
        Err(error) if worker.has_ended() => {
            let fault = Fault::new(Kind::Model, format!("the model does not survive rows with {what}"));
            let fault = fault.because(error.message);
            return Err(match error.hint {
                Some(hint) => fault.detail("printed", hint),
                None => fault,
            });
        }
        Err(_) => return Ok(None),
    };
    let finite = match &answers {
        Predictions::Values(values) => values.iter().all(|value| value.is_finite()),
        Predictions::Classes { probabilities, .. } => {
            probabilities.iter().flatten().all(|probability| probability.is_finite())
        }
    };
    Ok(finite.then_some(answers))
}

fn nulls(data_type: DataType, rows: usize) -> Column {
    match data_type {
        DataType::Bool => Column::Bool(vec![None; rows]),
        DataType::Int => Column::Int(vec![None; rows]),
        DataType::Float => Column::Float(vec![None; rows]),
        DataType::String => Column::String(vec![None; rows]),
        DataType::Timestamp => Column::Timestamp(vec![None; rows]),
        DataType::Date => Column::Date(vec![None; rows]),
    }
}

fn with_column(table: &Table, name: &str, column: Column) -> Table {
    let mut changed = Table::new();
    for (known, values) in table.columns() {
        changed.push(known, if known == name { column.clone() } else { values.clone() });
    }
    changed
}
