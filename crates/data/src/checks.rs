//! Declared checks: all that the data break, in one fault.

use datafusion::arrow::array::{Array, RecordBatch};
use modelyard_core::config::{Checks, ColumnChecks};
use modelyard_core::data::Roles;
use modelyard_core::table::{Column, DataType};
use modelyard_core::{Fault, Kind, Result};

use crate::{bridge, cell, names};

/// Rows shown for each rule that is broken.
const EXAMPLES: usize = 3;
/// Columns shown of such a row.
const SHOWN_COLUMNS: usize = 6;

/// Checks `table`, of data set `data_set`.
///
/// # Errors
/// [`Kind::Config`] where a rule names no column or means nothing for its type; [`Kind::Check`]
/// with every rule that is broken: column, rule, how many rows, up to three of them. Private
/// columns are never shown.
pub(crate) fn check(data_set: &str, table: &RecordBatch, checks: &Checks, roles: &Roles) -> Result<()> {
    let mut broken: Vec<(String, String)> = Vec::new();
    let rows = table.num_rows() as u64;
    if let Some(min) = checks.min_rows.filter(|min| rows < *min) {
        broken.push((
            "rows".to_owned(),
            format!("at least {} wanted, {} found", names::thousands(min), names::thousands(rows)),
        ));
    }
    if let Some(max) = checks.max_rows.filter(|max| rows > *max) {
        broken.push((
            "rows".to_owned(),
            format!("at most {} wanted, {} found", names::thousands(max), names::thousands(rows)),
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
            for row in violation.rows.iter().take(EXAMPLES) {
                if let Some(example) = example(table, *row, name, roles) {
                    text.push_str(&format!("\n  {example}"));
                }
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
    if rules.min.is_some() || rules.max.is_some() {
        let values = numbers(column).ok_or_else(|| {
            Fault::new(
                Kind::Config,
                format!(
                    "a check of data set `{data_set}` bounds column `{name}`, which is {}",
                    column.data_type().name()
                ),
            )
            .hint("`min` and `max` are for numbers")
        })?;
        let breaking = |broken: &dyn Fn(f64) -> bool| -> Vec<usize> {
            values
                .iter()
                .enumerate()
                .filter(|(_, value)| value.is_some_and(broken))
                .map(|(row, _)| row)
                .collect()
        };
        if let Some(min) = rules.min {
            add(format!("at least {min}"), breaking(&|value| value < min));
        }
        if let Some(max) = rules.max {
            add(format!("at most {max}"), breaking(&|value| value > max));
        }
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

/// `visib 12, time_hour 2013-01-01T05:00:00, …`: the column first, then those with a role, then
/// the others, none of them private.
fn example(table: &RecordBatch, row: usize, name: &str, roles: &Roles) -> Option<String> {
    let schema = table.schema_ref();
    let mut columns = vec![name];
    columns.extend(roles.id.as_deref());
    columns.extend(roles.time.as_deref());
    columns.extend(schema.fields().iter().map(|field| field.name().as_str()));
    let mut seen = Vec::new();
    for column in columns {
        let private = roles.private.iter().any(|private| private == column);
        if !private && !seen.contains(&column) && seen.len() < SHOWN_COLUMNS {
            seen.push(column);
        }
    }
    let mut parts = Vec::new();
    for column in seen {
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
