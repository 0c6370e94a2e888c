//! Drift: columns by windows.

use std::collections::BTreeMap;

use modelyard_core::monitor::ColumnFound;

use super::super::axis::label;
use super::super::markup::{Element, el, short};
use super::{LEFT, Starts, drawing, wide};
use crate::monitoring::MonitorReport;
use crate::text::number;

const ROW: f64 = 24.0;
/// More columns than these are those that moved least.
const ROWS: usize = 40;

/// `None` where no column was compared.
pub(super) fn heat(report: &MonitorReport, starts: &Starts) -> Option<Element> {
    let mut columns = BTreeMap::<&str, (usize, f64)>::new();
    for (name, found) in report.windows.iter().flat_map(|window| &window.columns) {
        let (moved, most) = columns.entry(name).or_default();
        *moved += usize::from(found.moved);
        *most = most.max(strength(found));
    }
    let mut columns: Vec<_> = columns.into_iter().collect();
    columns.sort_by(|(_, a), (_, b)| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)));
    let left_out = columns.len().saturating_sub(ROWS);
    columns.truncate(ROWS);
    let (first, (moved, _)) = columns.first()?;
    let title = match moved {
        0 => "No column was found to have moved".to_owned(),
        _ => format!("{first} moved the most"),
    };
    let title = if left_out == 0 { title } else { format!("{title}; {left_out} columns are not shown") };
    let height = ROW * columns.len() as f64;
    let mut drawing = drawing(height, "how far each column is from the reference, by window");
    for (row, (name, _)) in columns.iter().enumerate() {
        let top = ROW * row as f64;
        let shown = label((LEFT - 12.0, top + ROW / 2.0 + 4.0), "name end", short(name, 18));
        drawing = drawing.with(shown.hint(*name));
        for window in &report.windows {
            let Some(found) = window.columns.get(*name) else { continue };
            let class = if found.moved { "cell moved" } else { "cell right" };
            let judged = match found.above {
                Some(true) => "above",
                Some(false) => "not above",
                None => "too few rows for",
            };
            drawing = drawing.with(
                el("rect")
                    .class(class)
                    .at("x", starts.left(window.start) + 0.5)
                    .at("y", top + 1.0)
                    .at("width", (starts.width() - 1.0).max(0.5))
                    .at("height", ROW - 2.0)
                    .at("fill-opacity", 0.06 + 0.9 * strength(found))
                    .hint(format!(
                        "{name} from {}: {} {}, {judged} {}",
                        starts.name(window.start),
                        found.test,
                        number(found.value),
                        number(found.threshold)
                    )),
            );
        }
    }
    let drawing = starts.axis(drawing, height + 18.0);
    let note = "Blue: the distance from the rows that the model learnt from, up to three times what counts. \
                Orange: found to have moved.";
    Some(wide(&title, drawing).with(el("p").class("small").with(note)))
}

/// From 0 to 1, at three times the threshold. Where a small value is the conspicuous one (a p-value) it is 1
/// below the threshold.
fn strength(found: &ColumnFound) -> f64 {
    let share = found.value / found.threshold;
    match found.above {
        None => 0.0,
        Some(true) if share < 1.0 => 1.0,
        Some(false) if share > 1.0 => 0.0,
        Some(_) if share.is_finite() => (share / 3.0).clamp(0.0, 1.0),
        Some(_) => 0.0,
    }
}
