//! SQL over what was logged: `predictions`, and beside it `labels` and `figures`.

use std::collections::BTreeMap;

use modelyard_core::deploy::EnvironmentId;
use modelyard_core::fault::Attempt;
use modelyard_core::monitor::log::{OWN, PREDICTION};
use modelyard_core::ports::Home;
use modelyard_core::table::{Column, DataType, Field, Table};
use modelyard_core::{Fault, Kind, Result, Timestamp};
use serde_json::Value;

/// Labels that are read at a time.
const AT_ONCE: usize = 100_000;

/// What a query yields.
#[derive(Debug)]
pub struct Answer {
    pub rows: Table,
    /// Why segments were left out, a fault each.
    pub damaged: Vec<Fault>,
}

/// Answers `sql` over the log of `environment`: requests that came from `from` on and before `to` alone.
///
/// # Errors
/// If it is not one query over columns that are there, or the home can't be read.
pub async fn query(
    home: &Home,
    environment: &EnvironmentId,
    sql: &str,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
) -> Result<Answer> {
    let mut files = Vec::new();
    let mut damaged = Vec::new();
    for segment in home.log.segments(environment, 0).await? {
        let content = &segment.content;
        if from.is_none_or(|from| content.to >= from) && to.is_none_or(|to| content.from < to) {
            match home.log.file(&segment).await {
                Ok(file) => files.push(file),
                Err(fault) => damaged.push(fault),
            }
        }
    }
    let tables = vec![
        ("labels".to_owned(), labels(home, environment).await?),
        ("figures".to_owned(), figures(home, environment).await?),
    ];
    let sql = sql.to_owned();
    let rows = tokio::task::spawn_blocking(move || modelyard_data::query_log(&sql, &files, &empty(), tables))
        .await
        .attempt(Kind::Internal, || "the query was cut short".to_owned())??;
    Ok(Answer { rows, damaged })
}

/// The columns that every log has.
fn empty() -> Vec<Field> {
    let types = [
        DataType::String,
        DataType::Timestamp,
        DataType::String,
        DataType::Int,
        DataType::String,
        DataType::Float,
        DataType::String,
        DataType::String,
    ];
    let names = OWN.into_iter().chain([PREDICTION]);
    names
        .zip(types)
        .map(|(name, data_type)| Field { name: name.to_owned(), data_type, nullable: true })
        .collect()
}

/// The labels that count: `prediction_id`, `label`, `at`. Numbers where all of them are.
async fn labels(home: &Home, environment: &EnvironmentId) -> Result<Table> {
    let mut last: BTreeMap<String, (Value, Timestamp)> = BTreeMap::new();
    let mut after = 0;
    loop {
        let labels = home.labels.labels(environment, after, AT_ONCE).await?;
        let Some(newest) = labels.last() else { break };
        after = newest.number;
        last.extend(labels.into_iter().map(|label| (label.label.id, (label.label.label, label.at))));
    }
    let are_numbers = !last.is_empty() && last.values().all(|(label, _)| label.is_number());
    let mut table = Table::new();
    table.push("prediction_id", Column::String(last.keys().cloned().map(Some).collect()));
    let labels = last.values().map(|(label, _)| label);
    table.push(
        "label",
        match are_numbers {
            true => Column::Float(labels.map(Value::as_f64).collect()),
            false => Column::String(labels.map(text).collect()),
        },
    );
    table.push("at", Column::Timestamp(last.values().map(|(_, at)| Some(at.micros())).collect()));
    Ok(table)
}

fn text(label: &Value) -> Option<String> {
    match label {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// `name`, `value`, `prediction_id`, `at`.
async fn figures(home: &Home, environment: &EnvironmentId) -> Result<Table> {
    let (first, last) = (Timestamp::from_micros(i64::MIN / 2), Timestamp::from_micros(i64::MAX / 2));
    let figures = home.labels.figures(environment, first, last).await?;
    let mut table = Table::new();
    table.push("name", Column::String(figures.iter().map(|figure| Some(figure.name.clone())).collect()));
    table.push("value", Column::Float(figures.iter().map(|figure| Some(figure.value)).collect()));
    table.push("prediction_id", Column::String(figures.iter().map(|figure| figure.id.clone()).collect()));
    table.push("at", Column::Timestamp(figures.iter().map(|figure| Some(figure.at.micros())).collect()));
    Ok(table)
}
