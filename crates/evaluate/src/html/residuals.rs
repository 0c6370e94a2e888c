//! The histogram of errors.

use super::axis::{Axis, Frame, Unit, label, nice_range};
use super::figure;
use super::markup::{Element, el};
use crate::curve::residuals::Residuals;
use crate::text::{count, number};

pub(super) fn residuals(residuals: &Residuals, target: &str) -> Element {
    let most = residuals.counts.iter().copied().max().unwrap_or_default().max(1) as f64;
    let (low, high) = (residuals.edges[0], residuals.edges[residuals.edges.len() - 1]);
    let error = format!("error of {}: prediction less truth", super::short(target, 24));
    let x = Axis { low, high, unit: Unit::Plain, label: &error };
    let y = Axis { low: 0.0, high: nice_range(0.0, most).1, unit: Unit::Plain, label: "rows" };
    let title = residuals.headline();
    let (frame, mut drawing) = Frame::new(&x, &y, &title);
    let bars = residuals.counts.iter().zip(residuals.edges.windows(2)).map(|(&rows, edges)| {
        let (left, top) = frame.place(edges[0], rows as f64);
        let right = frame.x.place(edges[1]);
        let text = format!("{} rows between {} and {}", count(rows), number(edges[0]), number(edges[1]));
        el("rect")
            .class("bar")
            .at("x", left + 0.5)
            .at("y", top)
            .at("width", (right - left - 1.0).max(0.5))
            .at("height", frame.y.from - top)
            .hint(text)
    });
    let bars: Vec<Element> = bars.collect();
    drawing = drawing.all(bars).with(frame.line((0.0, y.low), (0.0, y.high), "line baseline"));
    let beyond = residuals.below + residuals.above;
    if beyond > 0 {
        let text = match beyond {
            1 => "1 row lies beyond".to_owned(),
            beyond => format!("{} rows lie beyond", count(beyond)),
        };
        drawing = drawing.with(label((frame.x.to - 4.0, frame.y.to + 16.0), "note end", text));
    }
    figure(&title, el("g"), drawing)
}
