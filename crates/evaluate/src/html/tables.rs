//! Tables: all metrics, slices worst first, worst rows.

use modelyard_core::config::Goal;
use serde_json::Value;

use super::axis::{Scale, canvas, line};
use super::markup::{Element, el, short};
use super::summary::FIGURES;
use crate::report::Report;
use crate::slices::{ENOUGH_ROWS, Slice};
use crate::text::{count, number, plain, score};
use crate::worst::measure_title;

/// Slices before the fold.
const SLICES: usize = 15;

/// All metrics, where there are more than the first screen shows.
pub(super) fn metrics(report: &Report) -> Option<Element> {
    let metrics = &report.evaluation.metrics;
    if metrics.len() <= FIGURES {
        return None;
    }
    let optional = |value: Option<f64>| el("td").class("n").with(value.map_or("–".to_owned(), score));
    let rows = metrics.iter().map(|metric| {
        let spread = match (metric.interval, &metric.undefined) {
            (Some(interval), _) => format!("{} to {}", score(interval.low), score(interval.high)),
            (None, Some(reason)) => reason.clone(),
            (None, None) => "–".to_owned(),
        };
        let better = match metric.goal {
            Goal::Maximize => "higher",
            Goal::Minimize => "lower",
        };
        el("tr")
            .with(el("th").with(metric.name.as_str()))
            .with(optional(metric.value))
            .with(el("td").class("n").with(spread))
            .with(optional(metric.champion))
            .with(optional(metric.baseline))
            .with(el("td").with(better))
    });
    let head = [
        ("metric", false),
        ("this model", true),
        ("95 % interval", true),
        ("champion", true),
        ("baseline", true),
        ("better", false),
    ];
    Some(section("All metrics", None, table(&head, rows)))
}

pub(super) fn slices(report: &Report) -> Option<Element> {
    let slices = &report.evaluation.slices;
    let primary = report.evaluation.metrics.first()?;
    if slices.is_empty() {
        return None;
    }
    let ends =
        slices.iter().filter_map(|slice| slice.interval).flat_map(|interval| [interval.low, interval.high]);
    let ends: Vec<f64> = ends.chain(primary.value).collect();
    let (low, high) = (
        ends.iter().copied().fold(f64::INFINITY, f64::min),
        ends.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    );
    let room = ((high - low) * 0.04).max(1e-9);
    let x = Scale { low: low - room, high: high + room, from: 2.0, to: 178.0 };
    let head = [("slice", false), ("rows", true), (primary.name.as_str(), true), ("95 % interval", false)];
    let row = |slice: &Slice| {
        let value = match (slice.score, &slice.undefined) {
            (Some(value), _) => score(value),
            (None, Some(reason)) => reason.clone(),
            (None, None) => "–".to_owned(),
        };
        let class = match (slice.clearly_worse, slice.rows < ENOUGH_ROWS || slice.score.is_none()) {
            (true, _) => "worse",
            (_, true) => "faint",
            _ => "",
        };
        el("tr")
            .class(class)
            .with(
                el("th")
                    .with(el("span").class("column").with(format!("{} ", slice.column)))
                    .with(short(&slice.value, 48))
                    .all(slice.clearly_worse.then(|| el("span").class("tag").with("clearly worse"))),
            )
            .with(el("td").class("n").with(count(slice.rows)))
            .with(el("td").class("n").with(value))
            .with(el("td").with(whisker(slice, x, primary.value)))
    };
    let note = format!(
        "Worst first; the upright line is the value over all rows. Of forty slices that are no worse than the whole, about one looks clearly worse by chance. \
         Slices of fewer than {ENOUGH_ROWS} rows have no interval and come last."
    );
    let first = table(&head, slices.iter().take(SLICES).map(row));
    let mut found = section(&slices_title(slices), Some(&note), first);
    if slices.len() > SLICES {
        let rest = table(&head, slices.iter().skip(SLICES).map(row));
        let summary = el("summary").with(format!("{} more slices", slices.len() - SLICES));
        found = found.with(el("details").with(summary).with(rest));
    }
    Some(found)
}

fn slices_title(slices: &[Slice]) -> String {
    match slices.iter().filter(|slice| slice.clearly_worse).collect::<Vec<_>>().as_slice() {
        [] => "No slice is clearly worse than the whole".to_owned(),
        [slice] => format!("Clearly worse in one slice: {} {}", slice.column, short(&slice.value, 32)),
        many => format!("Clearly worse in {} slices", many.len()),
    }
}

fn whisker(slice: &Slice, x: Scale, overall: Option<f64>) -> Element {
    let mut drawing = canvas(180.0, 16.0, &format!("{} {}", slice.column, slice.value));
    if let Some(overall) = overall {
        let at = x.place(overall);
        drawing = drawing.with(line((at, 0.0), (at, 16.0), "reference"));
    }
    let (Some(value), Some(interval)) = (slice.score, slice.interval) else { return drawing };
    let text = format!("{}, {} to {}", score(value), score(interval.low), score(interval.high));
    let class = if slice.clearly_worse { "fail" } else { "model" };
    drawing
        .with(line((x.place(interval.low), 8.0), (x.place(interval.high), 8.0), &format!("whisker {class}")))
        .with(
            el("circle")
                .class(&format!("dot {class}"))
                .at("cx", x.place(value))
                .at("cy", 8.0)
                .at("r", 4.0)
                .hint(text),
        )
}

pub(super) fn worst(report: &Report) -> Option<Element> {
    let rows = &report.evaluation.worst;
    let first = rows.first()?;
    let measure = measure_title(report.evaluation.task);
    let columns: Vec<&str> =
        first.values.keys().map(String::as_str).filter(|name| *name != report.model.target).collect();
    let is_number = |name: &str| rows.iter().any(|row| row.values.get(name).is_some_and(Value::is_number));
    let truth_is_number = first.truth.is_number();
    let mut head =
        vec![("row", true), ("truth", truth_is_number), ("answer", truth_is_number), (measure, true)];
    head.extend(columns.iter().map(|name| (*name, is_number(name))));
    let body = rows.iter().map(|row| {
        let measure = row.measure.map_or("–".to_owned(), number);
        el("tr")
            .with(el("td").class("n").with(count(row.row)))
            .with(cell(&row.truth))
            .with(cell(&row.prediction))
            .with(el("td").class("n strong").with(measure))
            .all(columns.iter().map(|name| cell(row.values.get(*name).unwrap_or(&Value::Null))))
    });
    let note = "As numbered in the test part. Look for what they share, and for wrong labels.";
    Some(section("The worst rows", Some(note), table(&head, body)))
}

fn cell(value: &Value) -> Element {
    match value {
        Value::Null => el("td").class("faint").with("missing"),
        Value::Number(known) => {
            // Identifiers and years are integers: no separators there.
            let text = if known.is_f64() {
                known.as_f64().map(plain).unwrap_or_default()
            } else {
                known.to_string()
            };
            el("td").class("n").with(text)
        }
        Value::String(text) => el("td").with(short(text, 40)),
        other => el("td").with(short(&other.to_string(), 40)),
    }
}

pub(super) fn section(title: &str, note: Option<&str>, content: Element) -> Element {
    let note = note.map(|note| el("p").class("small").with(note));
    el("section").with(el("h2").with(title)).all(note).with(content)
}

/// A heading, and whether numbers stand below it.
pub(super) type Head<'a> = (&'a str, bool);

/// A table that scrolls by itself where the page is narrow.
pub(super) fn table(head: &[Head<'_>], rows: impl IntoIterator<Item = Element>) -> Element {
    let heading =
        |(name, is_number): &Head<'_>| el("th").class(if *is_number { "n" } else { "" }).with(*name);
    let head = el("tr").all(head.iter().map(heading));
    let table = el("table").with(el("thead").with(head)).with(el("tbody").all(rows));
    el("div").class("scroll").with(table)
}
