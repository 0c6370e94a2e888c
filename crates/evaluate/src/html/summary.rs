//! The first screen: is it good, is it better than what we have?

use modelyard_core::config::{Goal, Task};

use super::markup::{Element, el};
use super::strip;
use crate::evaluation::MetricResult;
use crate::gates::GateVerdict;
use crate::report::Report;
use crate::text::score;

/// Numbers beside the verdict; the others are in a table below.
pub(super) const FIGURES: usize = 3;

pub(super) fn summary(report: &Report) -> Element {
    let evaluation = &report.evaluation;
    let kind = match (evaluation.task, evaluation.classes.len()) {
        (Task::Regression, _) => "Regression".to_owned(),
        (Task::Classification, n) => format!("Classification into {n} classes"),
    };
    let (class, mark) = match (report.gates.is_empty(), report.verdict.passed) {
        (true, _) => ("mark", "No gates"),
        (_, true) => ("mark pass", "✓ Passed"),
        (_, false) => ("mark fail", "✕ Stopped"),
    };
    let target = &report.model.target;
    let mut below = el("div").class("pair").all(gates(&report.gates));
    if let Some(primary) = evaluation.metrics.first() {
        below = below.all(strip::strip(primary).map(|drawing| {
            let title = match primary.champion {
                Some(_) => "Beside champion and baseline",
                None => "Beside the baseline",
            };
            el("div").with(el("h2").with(title)).with(drawing)
        }));
    }
    el("header")
        .with(el("p").class("kicker").with(format!("Test report · {kind} · target {target}")))
        .with(el("h1").with(report.title()))
        .with(
            el("p")
                .class("verdict")
                .with(el("strong").class(class).with(mark))
                .with(" ")
                .with(report.verdict.sentence.as_str()),
        )
        .with(el("div").class("numbers").all(evaluation.metrics.iter().take(FIGURES).map(figure)))
        .with(below)
}

fn figure(metric: &MetricResult) -> Element {
    let better = match metric.goal {
        Goal::Maximize => "higher is better",
        Goal::Minimize => "lower is better",
    };
    let value = metric.value.map_or_else(|| "undefined".to_owned(), score);
    let spread = match (metric.interval, &metric.undefined) {
        (Some(interval), _) => format!("{} to {}", score(interval.low), score(interval.high)),
        (None, Some(reason)) => reason.clone(),
        (None, None) => "no interval".to_owned(),
    };
    let compared = |name: &'static str, value: Option<f64>| {
        value.map(|value| el("span").class(name).with(format!("{name} {}", score(value))))
    };
    el("div")
        .class("number")
        .with(el("p").class("kicker").with(format!("{}, {better}", metric.name)))
        .with(el("p").class("big").with(value).with(" ").with(el("span").class("spread").with(spread)))
        .with(
            el("p")
                .class("against")
                .all(compared("champion", metric.champion))
                .all(compared("baseline", metric.baseline)),
        )
}

fn gates(gates: &[GateVerdict]) -> Option<Element> {
    if gates.is_empty() {
        return None;
    }
    let head = el("tr").all(["gate", "wanted", "got", ""].map(|name| el("th").with(name)));
    let rows = gates.iter().map(|gate| {
        let (class, mark) =
            if gate.passed { ("mark pass", "✓ passed") } else { ("mark fail", "✕ failed") };
        // The note has the whole width, below what it is about.
        let note = gate.note.as_deref().map(|note| el("span").class("small").with(note));
        let row = el("tr")
            .class(if note.is_some() { "noted" } else { "" })
            .with(el("th").with(gate.name.as_str()))
            .with(el("td").with(gate.wanted.as_str()))
            .with(el("td").with(gate.got.as_str()))
            .with(el("td").with(el("strong").class(class).with(mark)));
        [Some(row), note.map(|note| el("tr").with(el("td").class("note").attr("colspan", 4).with(note)))]
    });
    let table = el("table")
        .class("gates")
        .with(el("thead").with(head))
        .with(el("tbody").all(rows.flatten().flatten()));
    Some(el("div").with(el("h2").with("Gates")).with(table))
}
