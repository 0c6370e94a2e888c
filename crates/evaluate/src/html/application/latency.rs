//! Latencies under load, as a histogram whose bins are equally wide in the logarithm.

use super::super::axis::{canvas, label, line};
use super::super::facts::{Fact, list, size};
use super::super::markup::{Element, el};
use super::ms;
use crate::application::LoadResult;
use crate::text::{count, decimals};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 8.0;
/// Below the names of the quantiles, a row each.
const TOP: f64 = 66.0;
const BOTTOM: f64 = 48.0;

pub(super) fn section(load: &LoadResult) -> Element {
    let title = match load.sent - load.answered {
        0 => format!("95 % of {} requests were answered within {}", count(load.sent), ms(load.p95_ms)),
        lost => format!("{} of {} requests were not answered", count(lost), count(load.sent)),
    };
    let picture = el("figure").with(el("h3").with(title)).all(histogram(load));
    let note = "From the moment at which each request was due, however slow the answers before it.";
    el("section")
        .with(el("h2").with("Under load"))
        .with(el("p").class("small").with(note))
        .with(el("div").class("figures").with(picture).with(list("In numbers", facts(load))))
}

fn facts(load: &LoadResult) -> Vec<Fact> {
    let declared = if load.declared { "" } else { ", not declared: nothing is required of it" };
    let mut facts = vec![
        (
            "load",
            format!("{} requests/s for {} s{declared}", decimals(load.wanted.rate, 0), load.wanted.seconds),
        ),
        ("answered", format!("{} of {}", count(load.answered), count(load.sent))),
    ];
    let others = [("refused", load.refused), ("failed", load.failed), ("timed out", load.timed_out)];
    facts.extend(others.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name, count(n))));
    facts.extend([
        ("throughput", format!("{} answers/s", decimals(load.throughput, 1))),
        ("p50", ms(load.p50_ms)),
        ("p95", format!("{}{}", ms(load.p95_ms), limit(load.wanted.p95_ms))),
        ("p99", format!("{}{}", ms(load.p99_ms), limit(load.wanted.p99_ms))),
        ("slowest", ms(load.max_ms)),
        ("sent late (p99)", format!("{}, part of the latencies", ms(load.late_p99_ms))),
        ("connections", load.connections.to_string()),
    ]);
    facts.extend(
        load.cpu_us_per_request
            .map(|cpu| ("CPU a request", format!("{} µs, of the replicas", decimals(cpu, 0)))),
    );
    facts.extend(load.memory_bytes.map(|bytes| ("memory", format!("{}, of all replicas", size(bytes)))));
    facts
}

fn limit(most: Option<f64>) -> String {
    most.map(|most| format!(", at most {most} ms wanted")).unwrap_or_default()
}

fn histogram(load: &LoadResult) -> Option<Element> {
    let bins = &load.histogram;
    let most = bins.iter().map(|(_, count)| *count).max().filter(|most| *most > 0)?;
    // A lone bin has neighbours, so that it does not fill the plane.
    let room = (12_usize.saturating_sub(bins.len())).div_ceil(2) as f64;
    let width = (WIDTH - 2.0 * LEFT) / (bins.len() as f64 + 2.0 * room);
    let floor = HEIGHT - BOTTOM;
    let low = bins.first().map(|(end, _)| end / 1.2)?;
    // Bins are a fifth apart but for the rounding of small ends, so their logarithm is their place.
    let place = |value: f64| {
        let bin = (value / low).max(1e-9).ln() / 1.2_f64.ln();
        LEFT + (room + bin) * width
    };
    let (from, to) = (place(low) - room * width, WIDTH - LEFT);
    let summary = format!("requests by latency, from {} to {}", ms(low), ms(load.max_ms));
    let mut drawing = canvas(WIDTH, HEIGHT, &summary).with(line((from, floor), (to, floor), "reference"));
    for tick in decades(low / 1.2_f64.powf(room), low * 1.2_f64.powf(bins.len() as f64 + room)) {
        let at = place(tick);
        drawing = drawing.with(line((at, TOP), (at, floor), "grid"));
        drawing = drawing.with(label((at, floor + 18.0), "tick middle", tick_text(tick)));
    }
    for (number, (end, count_of)) in bins.iter().enumerate() {
        let high = (floor - TOP) * *count_of as f64 / most as f64;
        let over = load.wanted.p95_ms.is_some_and(|most| end / 1.2 >= most);
        let text = format!("{} requests from {} to {}", count(*count_of), ms(end / 1.2), ms(*end));
        drawing = drawing.with(
            el("rect")
                .class(if over { "bar over" } else { "bar" })
                .at("x", LEFT + (room + number as f64) * width + 0.5)
                .at("y", floor - high)
                .at("width", (width - 1.0).max(0.5))
                .at("height", high)
                .hint(text),
        );
    }
    // Each has a row, since they may be as close as one likes; no line crosses the name of another.
    for (row, (name, value)) in
        [("p50", load.p50_ms), ("p95", load.p95_ms), ("p99", load.p99_ms)].into_iter().enumerate()
    {
        let at = place(value).clamp(from, to);
        let y = 14.0 + 19.0 * row as f64;
        let end = if at > WIDTH - 90.0 { "value end" } else { "value" };
        let text_at = if at > WIDTH - 90.0 { at - 5.0 } else { at + 5.0 };
        drawing = drawing.with(line((at, y - 10.0), (at, floor), "quantile")).with(label(
            (text_at, y),
            end,
            format!("{name} {}", ms(value)),
        ));
    }
    if let Some(limit) = load.wanted.p95_ms.map(place).filter(|at| (from..=to).contains(at)) {
        drawing = drawing.with(line((limit, TOP), (limit, floor), "limit").hint("the limit of p95"));
    }
    Some(drawing.with(label(((from + to) / 2.0, HEIGHT - 6.0), "axis middle", "latency, logarithmic")))
}

/// 1, 2 and 5 times powers of ten within `low..=high`; powers of ten alone where these are many.
fn decades(low: f64, high: f64) -> Vec<f64> {
    let (from, to) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let factors: &[f64] = if high / low > 300.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let all = (from..=to).flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)));
    all.filter(|tick| (low..=high).contains(tick)).collect()
}

fn tick_text(tick: f64) -> String {
    match tick {
        tick if tick >= 1000.0 => format!("{} s", tick / 1000.0),
        tick if tick >= 0.999 => format!("{tick:.0} ms"),
        tick => format!("{:.0} µs", tick * 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(decades(0.8, 12.0), [1.0, 2.0, 5.0, 10.0]);
        assert_eq!(
            decades(0.5, 2000.0).into_iter().map(tick_text).collect::<Vec<_>>(),
            ["1 ms", "10 ms", "100 ms", "1 s"]
        );
    }
}
