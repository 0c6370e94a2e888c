//! Columns as they were where the model learnt, and as they are in the last window.

use super::super::axis::{canvas, label};
use super::super::markup::{Element, el, short};
use crate::monitoring::{Compared, MonitorReport};
use crate::text::percent;

const WIDTH: f64 = 480.0;
const ROW: f64 = 26.0;
const LEFT: f64 = 150.0;

pub(super) fn section(report: &MonitorReport) -> Option<Element> {
    if report.compared.is_empty() {
        return None;
    }
    let note = "Grey: the rows that the model learnt from. Blue: the last window.";
    Some(
        el("section")
            .with(el("h2").with("Then and now"))
            .with(el("p").class("small").with(note))
            .with(el("div").class("figures").all(report.compared.iter().map(figure))),
    )
}

fn figure(compared: &Compared) -> Element {
    let most = compared.bins.iter().map(|(_, was, is)| was.max(*is)).fold(1e-9, f64::max);
    let height = ROW * compared.bins.len() as f64;
    let mut drawing = canvas(WIDTH, height, &format!("shares of rows by {}", compared.column));
    for (row, (name, was, is)) in compared.bins.iter().enumerate() {
        let top = ROW * row as f64;
        let text = format!("{name}: {} then, {} now", percent(*was), percent(*is));
        drawing = drawing.with(
            label((LEFT - 10.0, top + ROW / 2.0 + 4.0), "tick end", short(name, 20)).hint(name.as_str()),
        );
        for (class, share, y) in [("bar over", was, 3.0), ("bar", is, 13.0)] {
            drawing = drawing.with(
                el("rect")
                    .class(class)
                    .at("x", LEFT)
                    .at("y", top + y)
                    .at("width", (WIDTH - LEFT - 4.0) * share / most)
                    .at("height", 10.0)
                    .hint(text.as_str()),
            );
        }
    }
    el("figure").with(el("h3").with(compared.column.as_str())).with(drawing)
}
