//! Which version answered, as bands over time.

use std::collections::BTreeMap;

use modelyard_core::Timestamp;

use super::super::axis::label;
use super::super::markup::{Element, el};
use super::{LEFT, Starts, drawing, wide};
use crate::monitoring::MonitorReport;
use crate::text::{count, percent};

const ROW: f64 = 34.0;

pub(super) fn bands(report: &MonitorReport, starts: &Starts) -> Element {
    let mut totals = BTreeMap::<Timestamp, u64>::new();
    let mut versions = Vec::new();
    for window in &report.windows {
        *totals.entry(window.start).or_default() += window.rows + window.failed;
        let version = (window.model.as_str(), window.number);
        if !versions.contains(&version) {
            versions.push(version);
        }
    }
    let title = match &versions[..] {
        [(model, number)] => format!("{model}@{number} answered all the time"),
        several => format!("{} versions answered", several.len()),
    };
    let height = ROW * versions.len() as f64;
    let mut drawing = drawing(height, "the share of rows that each version answered, by window");
    for (row, (model, number)) in versions.iter().enumerate() {
        let top = ROW * row as f64;
        let name = format!("{model}@{number}");
        let shown = super::super::short(&name, 20);
        drawing =
            drawing.with(label((LEFT - 12.0, top + ROW / 2.0 + 4.0), "name end", shown).hint(name.clone()));
        for window in
            report.windows.iter().filter(|window| (window.model.as_str(), window.number) == (*model, *number))
        {
            let rows = window.rows + window.failed;
            let share = rows as f64 / totals[&window.start].max(1) as f64;
            let high = (ROW - 8.0) * share;
            drawing = drawing.with(
                el("rect")
                    .class("bar")
                    .at("x", starts.left(window.start))
                    .at("y", top + ROW - 4.0 - high)
                    .at("width", (starts.width() + 0.3).max(0.5))
                    .at("height", high)
                    .hint(format!(
                        "{name} answered {} of the {} rows from {}",
                        percent(share),
                        count(totals[&window.start]),
                        starts.name(window.start)
                    )),
            );
        }
    }
    wide(&title, starts.axis(drawing, height + 18.0))
}
