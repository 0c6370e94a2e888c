//! The ROC curve.

use super::axis::{Axis, Frame, Unit, label};
use super::figure;
use super::markup::{Element, el};
use crate::curve::Whose;
use crate::curve::roc::Roc;
use crate::text::{percent, score};

pub(super) fn roc(roc: &Roc) -> Element {
    let x = Axis { low: 0.0, high: 1.0, unit: Unit::Percent, label: "false alarms, share of all other rows" };
    let found = format!("found, share of all rows of class {}", super::short(&roc.class, 16));
    let y = Axis { low: 0.0, high: 1.0, unit: Unit::Percent, label: &found };
    let title = roc.headline();
    let (frame, mut drawing) = Frame::new(&x, &y, &title);
    drawing = drawing.with(frame.line((0.0, 0.0), (1.0, 1.0), "line baseline"));
    let mut key = Vec::new();
    // The model is drawn last, so that it lies on top; it is named first.
    for line in roc.lines.iter().rev() {
        let class = match line.whose {
            Whose::Model => "line model",
            Whose::Champion => "line champion",
        };
        let points = line.points.iter().map(|point| (point.false_positive_rate, point.true_positive_rate));
        drawing = drawing.with(frame.path(points, class));
        key.insert(0, (class, format!("{}, area {}", super::whose(line.whose), score(line.area))));
    }
    key.push(("line baseline", "guessing, area 0.500".to_owned()));
    drawing = drawing.all(frame.key(frame.place(0.43, 0.24), &key));
    let model = &roc.lines[0];
    if let Some(decision) = model.decision {
        let (at, hit) = (decision.false_positive_rate, decision.true_positive_rate);
        let text =
            format!("As it decides now: finds {}, alarms about {} of the others", percent(hit), percent(at));
        let (x, y) = frame.place(at, hit);
        drawing = drawing.with(frame.dot(at, hit, 5.0, "dot model").hint(text)).with(label(
            (x + 10.0, y + 14.0),
            "note",
            "as it decides now",
        ));
    }
    let hits = model.points.iter().step_by((model.points.len() / 50).max(1)).filter_map(|point| {
        let threshold = point.threshold?;
        let (at, hit) = (point.false_positive_rate, point.true_positive_rate);
        let text = format!(
            "From {} on: finds {}, alarms about {} of the others",
            score(threshold),
            percent(hit),
            percent(at)
        );
        Some(frame.dot(at, hit, 7.0, "hit").hint(text))
    });
    figure(&title, el("g").all(hits), drawing)
}
