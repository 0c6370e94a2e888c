//! Numbers by window: the metric with its interval, latency, rows and errors.

use modelyard_core::config::Goal;
use modelyard_core::monitor::WindowRecord;

use super::super::axis::{Unit, label, line, nice_range, tick_texts, ticks};
use super::super::markup::{Element, el};
use super::{LEFT, RIGHT, Starts, WIDTH, drawing, upwards, wide};
use crate::monitoring::MonitorReport;
use crate::text::{count, decimals, score};

const HEIGHT: f64 = 220.0;
const TOP: f64 = 12.0;

/// A value of a window.
struct Point<'a> {
    window: &'a WindowRecord,
    class: &'static str,
    value: f64,
    interval: Option<(f64, f64)>,
    text: String,
}

/// `None` where no window has a value, nor an estimate.
pub(super) fn metric(report: &MonitorReport, starts: &Starts) -> Option<Element> {
    let (name, goal) = report.metric.as_ref()?;
    let mut points = Vec::new();
    for window in &report.windows {
        let known = window.metrics.get(name).map(|found| (found, "model", "on"));
        let estimate = window.estimate.as_ref().map(|found| (found, "baseline", "estimated on"));
        let Some((found, class, how)) = known.or(estimate) else { continue };
        let text = format!(
            "{}@{} from {}: {name} {} ({} to {}), {how} {} rows",
            window.model,
            window.number,
            starts.name(window.start),
            score(found.value),
            score(found.low),
            score(found.high),
            count(found.rows)
        );
        let is_worse = class == "model" && window.decay.as_ref().is_some_and(|decay| decay.moved);
        let class = if is_worse { "fail" } else { class };
        points.push(Point {
            window,
            class,
            value: found.value,
            interval: Some((found.low, found.high)),
            text,
        });
    }
    let title = match points.last()? {
        Point { class: "fail", .. } => format!("{name} has got worse"),
        Point { class: "baseline", .. } => format!("{name} is estimated where labels are missing"),
        point => format!("{name} was {} in the last window", score(point.value)),
    };
    let better = match goal {
        Goal::Maximize => "higher is better",
        Goal::Minimize => "lower is better",
    };
    let axis = format!("{name}, {better}; lines are 95 % intervals, grey is an estimate without labels");
    Some(plot(&title, &axis, &points, starts, false))
}

/// `None` where no request's latency is known.
pub(super) fn latency(report: &MonitorReport, starts: &Starts) -> Option<Element> {
    let mut points = Vec::new();
    for window in &report.windows {
        let Some(p95) = window.p95_ms else { continue };
        let ms = |value: Option<f64>| value.map_or("?".to_owned(), |value| decimals(value, 2));
        points.push(Point {
            window,
            class: "model",
            value: p95,
            interval: window.p50_ms.zip(window.p99_ms),
            text: format!(
                "{}@{} from {}: p50 {} ms, p95 {} ms, p99 {} ms",
                window.model,
                window.number,
                starts.name(window.start),
                ms(window.p50_ms),
                ms(window.p95_ms),
                ms(window.p99_ms)
            ),
        });
    }
    let title =
        format!("95 % of the last window's requests took {} ms at most", decimals(points.last()?.value, 2));
    Some(plot(&title, "latency in ms: p95, and from p50 to p99", &points, starts, true))
}

pub(super) fn rows(report: &MonitorReport, starts: &Starts) -> Element {
    let failed: u64 = report.windows.iter().map(|window| window.failed).sum();
    let title = match failed {
        0 => "No request failed".to_owned(),
        1 => "1 request failed".to_owned(),
        failed => format!("{} requests failed", count(failed)),
    };
    let total = |window: &WindowRecord| window.rows + window.failed;
    let most_of =
        |start| report.windows.iter().filter(move |window| window.start == start).map(total).sum::<u64>();
    let most = starts.all.iter().map(|start| most_of(*start)).max().unwrap_or(1).max(1);
    let (low, high) = nice_range(0.0, most as f64);
    let y = upwards(low, high, TOP + 20.0, HEIGHT);
    let mut drawing = grid(
        drawing(HEIGHT, "rows and failed requests, by window"),
        &y,
        "rows in a window; failed ones orange",
    );
    for start in &starts.all {
        let failed: u64 =
            report.windows.iter().filter(|window| window.start == *start).map(|window| window.failed).sum();
        let all = most_of(*start);
        let text = format!("{} rows from {}, {} failed", count(all), starts.name(*start), count(failed));
        for (class, rows) in [("bar over", all), ("bar failed", failed)] {
            // A few among thousands are seen, too.
            let top = if rows == 0 { HEIGHT } else { y.place(rows as f64).min(HEIGHT - 2.0) };
            drawing = drawing.with(
                el("rect")
                    .class(class)
                    .at("x", starts.left(*start) + 0.5)
                    .at("y", top)
                    .at("width", (starts.width() - 1.0).max(0.5))
                    .at("height", (HEIGHT - top).max(0.0))
                    .hint(text.as_str()),
            );
        }
    }
    wide(&title, starts.axis(drawing, HEIGHT + 18.0))
}

fn plot(title: &str, axis: &str, points: &[Point<'_>], starts: &Starts, from_zero: bool) -> Element {
    let ends = points.iter().flat_map(|point| {
        let (low, high) = point.interval.unwrap_or((point.value, point.value));
        [point.value, low, high]
    });
    let ends: Vec<f64> = ends.filter(|end| end.is_finite()).collect();
    let low = ends.iter().copied().fold(f64::INFINITY, f64::min);
    let high = ends.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = if from_zero { nice_range(0.0, high.max(1e-6)) } else { nice_range(low, high) };
    let y = upwards(low, high, TOP + 20.0, HEIGHT);
    let mut drawing = grid(drawing(HEIGHT, title), &y, axis);
    for point in points.iter().filter(|point| point.value.is_finite()) {
        let x = starts.middle(point.window.start);
        if let Some((low, high)) = point.interval {
            let ends = ((x, y.place(low)), (x, y.place(high)));
            drawing = drawing.with(line(ends.0, ends.1, &format!("whisker {}", point.class)));
        }
        drawing = drawing.with(
            el("circle")
                .class(&format!("dot {}", point.class))
                .at("cx", x)
                .at("cy", y.place(point.value))
                .at("r", 5.0)
                .hint(point.text.as_str()),
        );
    }
    wide(title, starts.axis(drawing, HEIGHT + 18.0))
}

/// `drawing` with lines across, their values, and what they are.
fn grid(mut drawing: Element, y: &super::Scale, axis: &str) -> Element {
    let marks = ticks(y.low, y.high, 4);
    for (mark, text) in marks.iter().zip(tick_texts(&marks, Unit::Plain)) {
        let at = y.place(*mark);
        drawing = drawing.with(line((LEFT, at), (WIDTH - RIGHT, at), "grid")).with(label(
            (LEFT - 10.0, at + 4.0),
            "tick end",
            text,
        ));
    }
    drawing.with(label((LEFT, TOP), "axis", axis))
}
