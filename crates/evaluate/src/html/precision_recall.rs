//! Precision against recall.

use super::axis::{Axis, Frame, Unit};
use super::figure;
use super::markup::{Element, el};
use crate::curve::Whose;
use crate::curve::precision_recall::PrecisionRecall;
use crate::text::{percent, score};

pub(super) fn precision_recall(curve: &PrecisionRecall) -> Element {
    let found = format!("found, share of all rows of class {} (recall)", super::short(&curve.class, 16));
    let x = Axis { low: 0.0, high: 1.0, unit: Unit::Percent, label: &found };
    let y = Axis {
        low: 0.0,
        high: 1.0,
        unit: Unit::Percent,
        label: "right alarms, share of all alarms (precision)",
    };
    let title = curve.headline();
    let (frame, mut drawing) = Frame::new(&x, &y, &title);
    drawing = drawing.with(frame.line((0.0, curve.prevalence), (1.0, curve.prevalence), "line baseline"));
    let mut key = Vec::new();
    for line in curve.lines.iter().rev() {
        let class = match line.whose {
            Whose::Model => "line model",
            Whose::Champion => "line champion",
        };
        drawing =
            drawing.with(frame.path(line.points.iter().map(|point| (point.recall, point.precision)), class));
        key.insert(0, (class, super::whose(line.whose).to_owned()));
    }
    key.push(("line baseline", format!("guessing, {}", percent(curve.prevalence))));
    // Good curves fill the top right, so their key goes to the bottom left.
    let is_high = curve.lines[0].points.iter().any(|point| point.recall > 0.55 && point.precision > 0.7);
    let corner = if is_high { (0.04, 0.24 + curve.prevalence.min(0.3)) } else { (0.62, 0.92) };
    drawing = drawing.all(frame.key(frame.place(corner.0, corner.1), &key));
    let points = &curve.lines[0].points;
    let hits = points.iter().step_by((points.len() / 50).max(1)).map(|point| {
        let (right, found) = (percent(point.precision), percent(point.recall));
        let text =
            format!("From {} on: {right} of alarms are right, {found} are found", score(point.threshold));
        frame.dot(point.recall, point.precision, 7.0, "hit").hint(text)
    });
    figure(&title, el("g").all(hits), drawing)
}
