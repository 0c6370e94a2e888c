//! What the primary metric loses without each column, the most important on top.

use super::axis::{Scale, Unit, canvas, label, line, tick_texts, ticks};
use super::figure;
use super::markup::{Element, el, short};
use crate::importance::Importance;
use crate::text::{count, score};

/// More bars than these are no picture; the rest is in the report's JSON.
const MOST: usize = 16;
const LEFT: f64 = 128.0;
const ROW: f64 = 20.0;

/// `None` where no column was asked.
pub(super) fn importance(importance: &Importance) -> Option<Element> {
    let shown = &importance.columns[..importance.columns.len().min(MOST)];
    let reach = |found: &crate::importance::ColumnImportance| found.mean.abs() + found.standard_deviation;
    let most = shown.iter().map(reach).fold(0.0, f64::max);
    if shown.is_empty() {
        return None;
    }
    let low = shown.iter().map(|found| found.mean - found.standard_deviation).fold(0.0, f64::min);
    let x = Scale { low, high: most.max(1e-9), from: LEFT, to: 470.0 };
    let height = ROW * shown.len() as f64;
    let title = importance.headline();
    let mut drawing = canvas(480.0, height + 58.0, &title);
    let marks = ticks(x.low, x.high, 4);
    for (mark, text) in marks.iter().zip(tick_texts(&marks, Unit::Plain)) {
        let at = x.place(*mark);
        drawing = drawing.with(line((at, 4.0), (at, height + 6.0), "grid")).with(label(
            (at, height + 24.0),
            "tick middle",
            text,
        ));
    }
    let axis = format!("loss of {} when shuffled", importance.metric);
    drawing = drawing.with(label(((x.from + x.to) / 2.0, height + 50.0), "axis middle", axis));
    for (row, found) in shown.iter().enumerate() {
        let y = ROW * row as f64 + 4.0;
        let (zero, at) = (x.place(0.0), x.place(found.mean));
        let spread = found.standard_deviation;
        let text = format!("{}: {} ± {}", found.column, score(found.mean), score(spread));
        let name = label((LEFT - 10.0, y + 14.0), "name end", short(&found.column, 16));
        let bar = el("rect").class("bar").at("x", zero.min(at)).at("y", y + 3.0);
        let bar = bar.at("width", (at - zero).abs().max(0.5)).at("height", ROW - 6.0);
        let whisker = line(
            (x.place(found.mean - spread), y + ROW / 2.0),
            (x.place(found.mean + spread), y + ROW / 2.0),
            "quantile",
        );
        drawing = drawing.with(name.hint(found.column.as_str())).with(bar.hint(text)).with(whisker);
    }
    let more = importance.columns.len() - shown.len();
    let more =
        if more > 0 { format!(" {more} less important columns are not shown.") } else { String::new() };
    let late = match importance.left_out.len() {
        0 => String::new(),
        late => format!(" {late} columns were not reached in time."),
    };
    let note = format!(
        "Each column shuffled {} times over {} validation rows; lines: standard deviation. Columns that say the same \
         share their importance.{more}{late}",
        importance.repeats,
        count(importance.rows),
    );
    Some(figure(&title, el("g"), drawing).with(el("p").class("small").with(note)))
}
