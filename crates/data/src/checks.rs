//! Declared checks: all that the data break, in one fault.

use datafusion::arrow::array::{Array, RecordBatch};
use modelyard_core::config::{Checks, ColumnChecks, Limit};
use modelyard_core::data::Roles;
use modelyard_core::table::{Column, DataType};
use modelyard_core::text::thousands;
use modelyard_core::{Fault, Kind, Result};

use crate::{bridge, cell, names};

/// Rows shown for each rule that is broken.
const EXAMPLES: usize = 3;

/// Checks `table`, of data set `data_set`.
///
/// # Errors
/// [`Kind::Config`] where a rule names no column or means nothing for its type; [`Kind::Check`]
/// with every rule that is broken: column, rule, how many rows, and of up to three of them the value,
/// id and time. Private columns are never shown.
pub(crate) fn check(data_set: &str, table: &RecordBatch, checks: &Checks, roles: &Roles) -> Result<()> {
    let mut broken: Vec<(String, String)> = Vec::new();
    let rows = table.num_rows() as u64;
    if let Some(min) = checks.min_rows.filter(|min| rows < *min) {
        broken.push((
            "rows".to_owned(),
            format!("at least {} wanted, {} found", thousands(min), thousands(rows)),
        ));
    }
    if let Some(max) = checks.max_rows.filter(|max| rows > *max) {
        broken.push((
            "rows".to_owned(),
            format!("at most {} wanted, {} found", thousands(max), thousands(rows)),
        ));
    }
    for (name, rules) in &checks.columns {
        let array = table.column_by_name(name).ok_or_else(|| {
            let fault = Fault::new(
                Kind::Config,
                format!("a check of data set `{data_set}` names column `{name}`, which it does not have"),
            );
            names::suggest(fault, name, table.schema_ref().fields().iter().map(|field| field.name().as_str()))
        })?;
        for violation in violations(data_set, name, &bridge::column(array), rules)? {
            let mut text = violation.found;
            let mut examples = Vec::new();
            for row in violation.rows {
                let Some(example) = example(table, row, name, roles) else { break };
                if !examples.contains(&example) {
                    examples.push(example);
                }
                if examples.len() == EXAMPLES {
                    break;
                }
            }
            for example in examples {
                text.push_str(&format!("\n  {example}"));
            }
            broken.push((name.clone(), text));
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    let count = match broken.len() {
        1 => "a check".to_owned(),
        several => format!("{several} checks"),
    };
    let fault = Fault::new(Kind::Check, format!("data set `{data_set}` breaks {count}"));
    Err(broken.into_iter().fold(fault, |fault, (label, text)| fault.detail(label, text)))
}

struct Violation {
    found: String,
    /// The rows that break the rule, in order.
    rows: Vec<usize>,
}

fn violations(data_set: &str, name: &str, column: &Column, rules: &ColumnChecks) -> Result<Vec<Violation>> {
    let mut violations = Vec::new();
    let mut add = |wanted: String, rows: Vec<usize>| {
        if !rows.is_empty() {
            let verb = if rows.len() == 1 { "breaks" } else { "break" };
            let found = format!("{wanted} wanted, {} {verb} it", names::rows(rows.len() as u64));
            violations.push(Violation { found, rows });
        }
    };
    if let Some(wanted) = rules.data_type.filter(|wanted| *wanted != column.data_type()) {
        let found = format!("type {} wanted, {} found", wanted.name(), column.data_type().name());
        return Ok(vec![Violation { found, rows: Vec::new() }]);
    }
    for (wanted, bound, is_min) in [("at least", &rules.min, true), ("at most", &rules.max, false)] {
        let Some(bound) = bound else { continue };
        let (shown, rows) = match bound {
            Limit::Number(bound) => {
                (bound.to_string(), numbers(column).map(|values| beyond(&values, *bound, is_min)))
            }
            Limit::Time(text) => {
                let micros = if is_min { cell::lowest_micros(text) } else { cell::highest_micros(text) };
                (
                    text.clone(),
                    times(column).zip(micros).map(|(values, bound)| beyond(&values, bound, is_min)),
                )
            }
        };
        let rows = rows.ok_or_else(|| {
            let found = column.data_type();
            Fault::new(
                Kind::Config,
                format!(
                    "a check of data set `{data_set}` bounds column `{name}` by {shown}, which is {}",
                    found.name()
                ),
            )
            .hint(match found {
                DataType::Date | DataType::Timestamp => {
                    "`min` and `max` of a time are a date or a time in quotes: \"2013-01-31\""
                }
                DataType::Int | DataType::Float => "`min` and `max` of a number stand without quotes",
                DataType::Bool | DataType::String => "`min` and `max` are for numbers, dates and timestamps",
            })
        })?;
        add(format!("{wanted} {shown}"), rows);
    }
    if let Some(allowed) = &rules.values {
        let rows = rows_where(column, |row| column.text(row).is_some_and(|text| !allowed.contains(&text)));
        add(format!("one of {}", names::list(allowed)), rows);
    }
    if rules.unique {
        add("each value once".to_owned(), repeated(column));
    }
    if let Some(share) = rules.nulls {
        let rows = rows_where(column, |row| column.json(row).is_null());
        let found = rows.len() as f64 / column.len().max(1) as f64;
        if found > share {
            let found = format!(
                "at most {} % missing wanted, {:.1} % found ({})",
                percent(share),
                found * 100.0,
                names::rows(rows.len() as u64)
            );
            violations.push(Violation { found, rows });
        }
    }
    Ok(violations)
}

/// A share in percent without the dust of the multiplication: `5`, `0.1`.
fn percent(share: f64) -> f64 {
    (share * 1e8).round() / 1e6
}

fn numbers(column: &Column) -> Option<Vec<Option<f64>>> {
    match column {
        Column::Int(values) => Some(values.iter().map(|value| value.map(|value| value as f64)).collect()),
        Column::Float(values) => Some(values.clone()),
        _ => None,
    }
}

/// Microseconds since 1970; of a date its midnight.
fn times(column: &Column) -> Option<Vec<Option<i64>>> {
    match column {
        Column::Timestamp(values) => Some(values.clone()),
        Column::Date(values) => {
            Some(values.iter().map(|day| day.map(|day| i64::from(day) * 86_400_000_000)).collect())
        }
        _ => None,
    }
}

/// The rows whose value lies below `bound`, or above it where it is no minimum.
fn beyond<T: PartialOrd + Copy>(values: &[Option<T>], bound: T, is_min: bool) -> Vec<usize> {
    let broken = |value: T| if is_min { value < bound } else { value > bound };
    (0..values.len()).filter(|row| values[*row].is_some_and(broken)).collect()
}

fn rows_where(column: &Column, broken: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..column.len()).filter(|row| broken(*row)).collect()
}

/// The rows whose value stands in another row too; missing values repeat nothing.
fn repeated(column: &Column) -> Vec<usize> {
    let mut bytes = Vec::new();
    let keys: Vec<Vec<u8>> = (0..column.len())
        .map(|row| {
            bytes.clear();
            crate::digest::encode(column, row, &mut bytes);
            bytes.clone()
        })
        .collect();
    let mut counts = std::collections::HashMap::new();
    for key in &keys {
        *counts.entry(key).or_insert(0_u64) += 1;
    }
    rows_where(column, |row| keys[row] != [0] && counts[&keys[row]] > 1)
}

/// `visib 12, time_hour 2013-01-01T05:00:00`: the value that breaks the rule, and what the row is called,
/// as far as that is not private. Nothing else: the split comes later, so this may be a test row.
fn example(table: &RecordBatch, row: usize, name: &str, roles: &Roles) -> Option<String> {
    let mut shown: Vec<&str> = Vec::new();
    for column in [Some(name), roles.id.as_deref(), roles.time.as_deref()].into_iter().flatten() {
        let private = roles.private.iter().any(|private| private == column);
        if !private && !shown.contains(&column) {
            shown.push(column);
        }
    }
    let mut parts = Vec::new();
    for column in shown {
        let array = table.column_by_name(column)?;
        let mut text = Vec::new();
        if array.is_null(row) {
            text.extend_from_slice(b"missing");
        } else {
            let value = bridge::column(&array.slice(row, 1));
            cell::write(&value, 0, &mut text);
            if value.data_type() == DataType::String {
                text = format!("`{}`", String::from_utf8_lossy(&text)).into_bytes();
            }
        }
        parts.push(format!("{column} {}", String::from_utf8_lossy(&text)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}
