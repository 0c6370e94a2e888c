//! How far answers move: a table, the most sensitive column first.

use super::super::axis::canvas;
use super::super::markup::{Element, el};
use super::super::tables::{section as titled, table};
use crate::application::{Robustness, Sensitivity};
use crate::text::{count, decimals, number};

/// Columns before the fold.
const COLUMNS: usize = 15;

pub(super) fn section(robustness: &Robustness) -> Element {
    let note = format!(
        "{} rows of the test part, changed in one column at a time. An answer counts as changed {}.",
        count(robustness.rows),
        match robustness.measure.strip_prefix("by") {
            Some(_) => format!("where it moves {}", robustness.measure),
            None => format!("where it is {}", robustness.measure),
        }
    );
    let (small, missing): (Vec<_>, Vec<_>) = robustness.columns.iter().partition(|column| column.small);
    let parts = [("Small moves", small), ("Missing values", missing)];
    let parts = parts.into_iter().filter(|(_, columns)| !columns.is_empty());
    let tables = parts.map(|(title, columns)| el("div").with(el("h3").with(title)).all(folded(&columns)));
    titled("Robustness", Some(&note), el("div").class("side").all(tables))
}

fn folded(columns: &[&Sensitivity]) -> Vec<Element> {
    let head = [("column", false), ("change", false), ("changed", true), ("", false), ("largest", true)];
    let of = |columns: &[&Sensitivity]| table(&head, columns.iter().map(|column| row(column)));
    let (first, rest) = columns.split_at(columns.len().min(COLUMNS));
    let mut parts = vec![of(first)];
    if !rest.is_empty() {
        let summary = el("summary").with(format!("{} less sensitive columns", rest.len()));
        parts.push(el("details").with(summary).with(of(rest)));
    }
    parts
}

fn row(column: &Sensitivity) -> Element {
    let share = column.changed.unwrap_or(0.0);
    let text = match column.changed {
        None => "not answered".to_owned(),
        Some(share) => format!("{} %", decimals(share * 100.0, 1)),
    };
    let bar = canvas(100.0, 10.0, &text).with(
        el("rect").class("bar").at("x", 0.0).at("y", 0.0).at("width", share * 100.0).at("height", 10.0),
    );
    el("tr")
        .with(el("th").with(column.column.as_str()))
        .with(el("td").with(column.change.as_str()))
        .with(el("td").class("n").with(text))
        .with(el("td").class("share").with(bar))
        .with(el("td").class("n").with(column.largest.map_or("–".to_owned(), number)))
}
