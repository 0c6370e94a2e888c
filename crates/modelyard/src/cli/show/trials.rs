//! The trials of a search, the best first.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use modelyard_core::config::{Goal, Search};
use modelyard_core::run::{Run, RunStatus};
use modelyard_lifecycle::duration_text;

use super::super::table::{Column, Table};
use super::super::text;

/// Sorts as the search chose: by its metric, ties to the earlier, those without a value last.
pub(super) fn sort(trials: &mut [Run], search: &Search) {
    let value = |run: &Run| run.metrics.get(&search.metric).copied().filter(|value| !value.is_nan());
    trials.sort_by(|a, b| match (value(a), value(b)) {
        (Some(a), Some(b)) => match search.goal {
            Goal::Maximize => b.total_cmp(&a),
            Goal::Minimize => a.total_cmp(&b),
        },
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    });
}

/// A row a trial: its parameters that are not the same in all, then its metrics, `metric` first.
pub(super) fn table(trials: &[Run], metric: Option<&str>) -> String {
    let Some(first) = trials.first() else { return String::new() };
    let params: BTreeSet<&String> = trials.iter().flat_map(|trial| trial.params.keys()).collect();
    let searched: Vec<&String> = params
        .into_iter()
        .filter(|name| {
            trials.len() == 1 || trials.iter().any(|trial| trial.params.get(*name) != first.params.get(*name))
        })
        .collect();
    let metrics: BTreeSet<&String> = trials.iter().flat_map(|trial| trial.metrics.keys()).collect();
    let mut metrics: Vec<&String> = metrics.into_iter().collect();
    metrics.sort_by_key(|name| Some(name.as_str()) != metric);
    let mut columns = vec![Column::left("trial", Column::KEEP)];
    columns.extend(searched.iter().map(|name| Column::right(name.as_str(), 8)));
    columns.extend(metrics.iter().map(|name| {
        let importance = if Some(name.as_str()) == metric { Column::KEEP } else { 4 };
        Column::right(name.as_str(), importance)
    }));
    let all_finished = trials.iter().all(|trial| trial.status == RunStatus::Finished);
    if !all_finished {
        columns.push(Column::left("status", 7));
    }
    columns.push(Column::right("wall", 6));
    columns.push(Column::left("run", 5));
    let mut table = Table::new(columns);
    for trial in trials {
        let mut cells = vec![trial.name.trim_start_matches("trial ").to_owned()];
        cells.extend(searched.iter().map(|name| trial.params.get(*name).map(short).unwrap_or_default()));
        cells.extend(
            metrics
                .iter()
                .map(|name| trial.metrics.get(*name).map(|value| text::score(*value)).unwrap_or_default()),
        );
        if !all_finished {
            cells.push(text::status(trial.status).to_owned());
        }
        cells.push(trial.usage.map(|usage| duration_text(usage.wall_ms)).unwrap_or_default());
        cells.push(trial.id.to_string());
        table.row(cells);
    }
    table.text()
}

/// A parameter as a table shows it: six digits of it; whole in the trial's own `show`.
fn short(value: &serde_json::Value) -> String {
    let whole = text::value(value);
    match value.as_f64() {
        Some(number) if whole.len() > 9 && number != 0.0 => {
            let places = (5 - number.abs().log10().floor() as i32).clamp(0, 12).unsigned_abs() as usize;
            let rounded = format!("{number:.places$}");
            if number.abs() < 1e-5 || number.abs() >= 1e15 { format!("{number:.5e}") } else { rounded }
        }
        _ => whole,
    }
}
