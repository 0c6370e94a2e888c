//! The primary metric of model, champion and baseline on one axis.

use super::axis::{Scale, Unit, canvas, label, line, tick_texts, ticks};
use super::markup::{Element, el};
use crate::evaluation::MetricResult;
use crate::text::score;
use modelyard_core::config::Goal;

const LEFT: f64 = 96.0;
const ROW: f64 = 44.0;

/// `None` where the metric has no value.
pub(super) fn strip(metric: &MetricResult) -> Option<Element> {
    let value = metric.value?;
    let mut rows =
        vec![("this model", "model", value, metric.interval.map(|interval| (interval.low, interval.high)))];
    rows.extend(metric.champion.map(|champion| ("champion", "champion", champion, None)));
    rows.extend(metric.baseline.map(|baseline| ("baseline", "baseline", baseline, None)));
    let ends = || {
        rows.iter().flat_map(|(.., value, interval)| {
            [*value, interval.map_or(*value, |ends| ends.0), interval.map_or(*value, |ends| ends.1)]
        })
    };
    let (low, high) = (ends().fold(f64::INFINITY, f64::min), ends().fold(f64::NEG_INFINITY, f64::max));
    let room = ((high - low) * 0.12).max(high.abs() * 1e-3).max(1e-9);
    let x = Scale { low: low - room, high: high + room, from: LEFT, to: 470.0 };
    let height = ROW * rows.len() as f64;
    let better = match metric.goal {
        Goal::Maximize => "higher is better",
        Goal::Minimize => "lower is better",
    };
    let summary = format!("{} of this model beside what it is compared with", metric.name);
    let mut drawing = canvas(480.0, height + 58.0, &summary);
    let marks = ticks(x.low, x.high, 5);
    for (mark, text) in marks.iter().zip(tick_texts(&marks, Unit::Plain)) {
        let at = x.place(*mark);
        drawing = drawing.with(line((at, 4.0), (at, height + 6.0), "grid")).with(label(
            (at, height + 24.0),
            "tick middle",
            text,
        ));
    }
    let middle = (x.from + x.to) / 2.0;
    drawing =
        drawing.with(label((middle, height + 50.0), "axis middle", format!("{}, {better}", metric.name)));
    for (row, (name, class, value, interval)) in rows.iter().enumerate() {
        let y = ROW * (row as f64 + 0.5) + 8.0;
        let at = x.place(*value);
        drawing = drawing.with(label((LEFT - 12.0, y + 4.0), "name end", *name));
        let mut text = format!("{name}: {}", score(*value));
        if let Some((low, high)) = interval {
            text.push_str(&format!(", 95 % interval {} to {}", score(*low), score(*high)));
            drawing =
                drawing.with(line((x.place(*low), y), (x.place(*high), y), &format!("whisker {class}")));
        }
        // The number stands above its dot, kept inside the drawing.
        let text_at = at.clamp(x.from + 20.0, x.to - 20.0);
        drawing = drawing
            .with(
                el("circle").class(&format!("dot {class}")).at("cx", at).at("cy", y).at("r", 6.0).hint(text),
            )
            .with(label((text_at, y - 11.0), &format!("value middle {class}"), score(*value)));
    }
    Some(drawing)
}
