//! Predicted against actual values: rows as points, means of tenths as dots.

use super::axis::{Axis, Frame, Unit, label, nice_range};
use super::figure;
use super::markup::{Element, el};
use crate::curve::predicted::Predicted;
use crate::text::{count, number};

pub(super) fn predicted(predicted: &Predicted, target: &str) -> Element {
    let values = || predicted.points.iter().flatten().copied();
    let (low, high) =
        nice_range(values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let target = super::short(target, 24);
    let (claimed, actual) = (format!("predicted {target}"), format!("actual {target}"));
    let x = Axis { low, high, unit: Unit::Plain, label: &claimed };
    let y = Axis { low, high, unit: Unit::Plain, label: &actual };
    let title = predicted.headline();
    let (frame, mut drawing) = Frame::new(&x, &y, &title);
    drawing = drawing.with(frame.line((low, low), (high, high), "line baseline"));
    drawing = drawing.all(predicted.points.iter().map(|[claimed, actual]| {
        let text = format!("predicted {}, actual {}", number(*claimed), number(*actual));
        frame.dot(*claimed, *actual, 2.6, "point").hint(text)
    }));
    drawing = drawing.with(
        frame.path(predicted.bins.iter().map(|bin| (bin.mean_predicted, bin.mean_actual)), "thin model"),
    );
    let dots = predicted.bins.iter().map(|bin| {
        let (claimed, actual) = (number(bin.mean_predicted), number(bin.mean_actual));
        let text = format!("{} rows: {claimed} predicted, {actual} actual on average", count(bin.rows));
        frame.dot(bin.mean_predicted, bin.mean_actual, 4.5, "dot model").hint(text)
    });
    let shown = predicted.points.len() as u64;
    let points = if shown < predicted.rows {
        format!("· {} of {} rows, ● means of tenths", count(shown), count(predicted.rows))
    } else {
        format!("· {} rows, ● means of tenths", count(shown))
    };
    drawing = drawing.with(label((frame.x.from + 8.0, frame.y.to + 16.0), "note", points));
    figure(&title, el("g").all(dots), drawing)
}
