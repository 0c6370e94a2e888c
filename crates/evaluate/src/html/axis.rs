//! What charts share: scales, ticks, the frame with labelled axes, lines and labels.

use super::markup::{Element, el};
use crate::text;

/// Values to places on the page, linearly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    /// Where `low` and `high` lie.
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Scale {
    pub(super) fn place(&self, value: f64) -> f64 {
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }
}

/// About `count` round numbers that lie in `low..=high`.
pub(super) fn ticks(low: f64, high: f64, count: usize) -> Vec<f64> {
    let step = nice_step((high - low) / count as f64);
    let first = (low / step - 1e-9).ceil() as i64;
    let last = (high / step + 1e-9).floor() as i64;
    (first..=last).map(|tick| tick as f64 * step).collect()
}

/// 1, 2 or 5 times a power of ten, at least about `raw`.
fn nice_step(raw: f64) -> f64 {
    if !(raw.is_finite() && raw > 0.0) {
        return 1.0;
    }
    let power = 10_f64.powf(raw.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| raw <= factor * power * 1.000_001).unwrap_or(10.0);
    factor * power
}

/// `low..=high` widened to round numbers.
pub(super) fn nice_range(low: f64, high: f64) -> (f64, f64) {
    if high <= low {
        let room = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
        return nice_range(low - room, low + room);
    }
    let step = nice_step((high - low) / 5.0);
    ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step)
}

/// How an axis writes its ticks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    Plain,
    Percent,
}

/// The texts of `ticks`, with equally many decimals.
pub(super) fn tick_texts(ticks: &[f64], unit: Unit) -> Vec<String> {
    let factor = if unit == Unit::Percent { 100.0 } else { 1.0 };
    let step = ticks.windows(2).map(|pair| pair[1] - pair[0]).next().unwrap_or(1.0) * factor;
    let places = (-(step.log10() + 1e-9).floor()).clamp(0.0, 9.0) as usize;
    let suffix = if unit == Unit::Percent { " %" } else { "" };
    ticks.iter().map(|tick| format!("{}{suffix}", text::decimals(tick * factor, places))).collect()
}

pub(super) const WIDTH: f64 = 480.0;
pub(super) const HEIGHT: f64 = 360.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 52.0;

/// A chart's plane with its axes.
pub(super) struct Frame {
    pub(super) x: Scale,
    pub(super) y: Scale,
}

pub(super) struct Axis<'a> {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) unit: Unit,
    /// What it shows, with the unit.
    pub(super) label: &'a str,
}

impl Frame {
    /// The plane, and the drawing it is on: grid, ticks and labels.
    pub(super) fn new(x: &Axis<'_>, y: &Axis<'_>, summary: &str) -> (Self, Element) {
        let frame = Self {
            x: Scale { low: x.low, high: x.high, from: LEFT, to: WIDTH - RIGHT },
            y: Scale { low: y.low, high: y.high, from: HEIGHT - BOTTOM, to: TOP },
        };
        let mut drawing = canvas(WIDTH, HEIGHT, summary);
        let x_ticks = ticks(x.low, x.high, 5);
        for (tick, text) in x_ticks.iter().zip(tick_texts(&x_ticks, x.unit)) {
            let place = frame.x.place(*tick);
            drawing = drawing.with(line((place, frame.y.from), (place, frame.y.to), "grid")).with(label(
                (place, frame.y.from + 18.0),
                "tick middle",
                text,
            ));
        }
        let y_ticks = ticks(y.low, y.high, 5);
        for (tick, text) in y_ticks.iter().zip(tick_texts(&y_ticks, y.unit)) {
            let place = frame.y.place(*tick);
            drawing = drawing.with(line((frame.x.from, place), (frame.x.to, place), "grid")).with(label(
                (frame.x.from - 8.0, place + 4.0),
                "tick end",
                text,
            ));
        }
        let middle = (frame.x.from + frame.x.to) / 2.0;
        let drawing = drawing.with(label((middle, HEIGHT - 8.0), "axis middle", x.label)).with(label(
            (4.0, 14.0),
            "axis",
            y.label,
        ));
        (frame, drawing)
    }

    pub(super) fn place(&self, x: f64, y: f64) -> (f64, f64) {
        (self.x.place(x), self.y.place(y))
    }

    /// A line from value to value.
    pub(super) fn line(&self, from: (f64, f64), to: (f64, f64), class: &str) -> Element {
        line(self.place(from.0, from.1), self.place(to.0, to.1), class)
    }

    /// A line through values.
    pub(super) fn path(&self, points: impl IntoIterator<Item = (f64, f64)>, class: &str) -> Element {
        let mut d = String::new();
        for (index, (x, y)) in points.into_iter().enumerate() {
            let (x, y) = self.place(x, y);
            d.push_str(&format!("{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' }));
        }
        el("path").class(class).attr("d", d)
    }

    pub(super) fn dot(&self, x: f64, y: f64, radius: f64, class: &str) -> Element {
        let (x, y) = self.place(x, y);
        el("circle").class(class).at("cx", x).at("cy", y).at("r", radius)
    }

    /// A key in the plane's corner: a line sample in the class's colour, and its text.
    pub(super) fn key(&self, (x, y): (f64, f64), entries: &[(&str, String)]) -> Vec<Element> {
        entries
            .iter()
            .enumerate()
            .flat_map(|(row, (class, text))| {
                let y = y + 20.0 * row as f64;
                [line((x, y - 4.0), (x + 22.0, y - 4.0), class), label((x + 29.0, y), "name", text.as_str())]
            })
            .collect()
    }
}

/// An SVG of this size in its own units, scaled to the width there is.
pub(super) fn canvas(width: f64, height: f64, summary: &str) -> Element {
    el("svg")
        .attr("viewBox", format!("0 0 {width} {height}"))
        .attr("role", "img")
        .attr("aria-label", summary)
        .class("chart")
}

pub(super) fn line(from: (f64, f64), to: (f64, f64), class: &str) -> Element {
    el("line").class(class).at("x1", from.0).at("y1", from.1).at("x2", to.0).at("y2", to.1)
}

pub(super) fn label((x, y): (f64, f64), class: &str, text: impl Into<String>) -> Element {
    el("text").class(class).at("x", x).at("y", y).with(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(
            tick_texts(&ticks(0.0, 1.0, 5), Unit::Percent),
            ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]
        );
        assert_eq!(tick_texts(&ticks(-12.0, 31.0, 5), Unit::Plain), ["−10", "0", "10", "20", "30"]);
        assert_eq!(tick_texts(&ticks(0.12, 0.38, 5), Unit::Plain), ["0.2", "0.3"]);
        assert_eq!(ticks(3.0, 3.0, 5), [3.0]);
    }

    #[test]
    fn ranges_are_widened_to_round_numbers() {
        assert_eq!(nice_range(0.02, 0.93), (0.0, 1.0));
        assert_eq!(nice_range(25.0, 346.0), (0.0, 400.0));
        let (low, high) = nice_range(2.0, 2.0);
        assert!(low < 2.0 && high > 2.0);
    }
}
