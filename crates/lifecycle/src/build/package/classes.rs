//! What a classifier chooses from, by name.

use std::collections::BTreeSet;

use modelyard_core::config::{Project, Task};
use modelyard_core::fault::Attempt;
use modelyard_core::package::value_of;
use modelyard_core::table::DataType;
use modelyard_core::{Fault, Kind, Result};
use modelyard_serve::worker::Description;

use super::Bench;

/// The classes in the order of the probabilities: `[project] classes`, else `classes.json` in the
/// model's folder, else the model's own where they are the target's values. Empty for regression.
///
/// # Errors
/// If none of them is there, or they are not the model's.
pub(super) fn of_model(bench: &Bench<'_>, described: &Description) -> Result<Vec<String>> {
    if bench.project.task == Task::Regression {
        return Ok(Vec::new());
    }
    let declared = match &bench.project.classes {
        Some(classes) => Some(classes.clone()),
        None => from_file(bench)?,
    };
    let own = described.classes.clone();
    match (declared, own) {
        (Some(declared), Some(own)) if as_set(&declared) != as_set(&own) => Err(differ("declared", &declared, "the model's", &own)),
        // An exported graph gives its probabilities in the model's order.
        (_, Some(own)) if as_set(&own) == target_values(bench) || bench.project.classes.is_some() => Ok(own),
        (Some(declared), _) => Ok(declared),
        (None, Some(own)) => {
            let values: Vec<_> = target_values(bench).into_iter().collect();
            Err(differ("the model's", &own, "the target's", &values))
        }
        (None, None) => Err(Fault::new(Kind::Model, "nothing says which classes the model chooses from")
            .hint("set `classes` in [project], in the order of the model's probabilities, or write them to classes.json in the model's folder")),
    }
}

/// As [`of_model`], of a graph that says nothing of its classes: without any declared, the target's
/// values in sorted order.
pub(super) fn of_given(bench: &Bench<'_>) -> Result<Vec<String>> {
    if bench.project.task == Task::Regression {
        return Ok(Vec::new());
    }
    match &bench.project.classes {
        Some(classes) => Ok(classes.clone()),
        None => Ok(from_file(bench)?.unwrap_or_else(|| target_values(bench).into_iter().collect())),
    }
}

/// The target's type in the data, if that is what `classes` are.
pub(super) fn data_type(bench: &Bench<'_>, classes: &[String]) -> DataType {
    let target = bench.schema.iter().find(|field| field.name == bench.project.target);
    let data_type = target.map_or(DataType::String, |field| field.data_type);
    match classes.iter().all(|class| value_of(class, data_type).is_some()) {
        true if !classes.is_empty() => data_type,
        _ => DataType::String,
    }
}

/// `[project] positive`, else the last in sorted order. `None` unless there are two classes.
///
/// # Errors
/// If it is none of the classes.
pub(super) fn positive(project: &Project, classes: &[String]) -> Result<Option<String>> {
    match &project.positive {
        Some(positive) if !classes.contains(positive) => Err(Fault::new(
            Kind::Config,
            format!("`positive = \"{positive}\"` of [project] is none of the model's classes"),
        )
        .detail("classes", classes.join(", "))),
        Some(positive) => Ok(Some(positive.clone())),
        None if classes.len() == 2 => Ok(classes.iter().max().cloned()),
        None => Ok(None),
    }
}

fn from_file(bench: &Bench<'_>) -> Result<Option<Vec<String>>> {
    let Ok(bytes) = std::fs::read(bench.package.join("model/classes.json")) else { return Ok(None) };
    let failed = || "cannot read `classes.json` of the model: wanted a JSON list of the classes".to_owned();
    let values: Vec<serde_json::Value> = serde_json::from_slice(&bytes).attempt(Kind::Model, failed)?;
    let name = |value: serde_json::Value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(Some(values.into_iter().map(name).collect()))
}

fn target_values(bench: &Bench<'_>) -> BTreeSet<String> {
    let column = bench.learnt.column(&bench.project.target);
    column.map(|column| (0..column.len()).filter_map(|row| column.text(row)).collect()).unwrap_or_default()
}

fn as_set(classes: &[String]) -> BTreeSet<String> {
    classes.iter().cloned().collect()
}

fn differ(one: &str, classes: &[String], other: &str, others: &[String]) -> Fault {
    Fault::new(Kind::Model, format!("{one} classes are not {other}"))
        .detail(one, classes.join(", "))
        .detail(other, others.join(", "))
        .hint("set `classes` in [project] to the model's, in the order of its probabilities")
}
