//! The first screen: has anything moved, are answers worse, and the numbers behind that.

use super::super::markup::{Element, el};
use crate::monitoring::MonitorReport;
use crate::monitoring::day;
use crate::text::{count, decimals, percent, score};

pub(super) fn summary(report: &MonitorReport) -> Element {
    let has_open = report.alerts.iter().any(|alert| alert.is_open());
    let decay = report.newest().and_then(|window| window.decay.as_ref());
    let (class, word) = match () {
        () if report.windows.is_empty() => ("mark faint", "Nothing yet."),
        () if decay.is_some_and(|decay| decay.moved) => ("mark fail", "✕ Worse."),
        () if !report.moved().is_empty() => ("mark fail", "✕ Moved."),
        () if has_open => ("mark fail", "✕ Alerts."),
        () => ("mark pass", "✓ As before."),
    };
    el("header")
        .with(el("p").class("kicker").with(format!("Monitor · {}", report.project)))
        .with(el("h1").with(title(report)))
        .with(
            el("p")
                .class("verdict")
                .with(el("strong").class(class).with(word))
                .with(" ")
                .with(report.sentence()),
        )
        .with(el("div").class("numbers").all(numbers(report)))
}

fn title(report: &MonitorReport) -> String {
    match report.newest() {
        Some(window) => format!("{}@{} in {}", window.model, window.number, report.environment),
        None => report.environment.clone(),
    }
}

fn numbers(report: &MonitorReport) -> Vec<Element> {
    let Some(newest) = report.newest() else { return Vec::new() };
    let mut numbers = Vec::new();
    let metric = report.metric.as_ref().and_then(|(name, _)| Some((name, newest.metrics.get(name)?)));
    if let Some((name, found)) = metric {
        let interval = format!("{} to {}", score(found.low), score(found.high));
        let before = newest.decay.as_ref().map(|decay| {
            let (places, word) = (3, if decay.value > 0.0 { "worse" } else { "better" });
            format!("{} {word} than where it was tested", decimals(decay.value.abs(), places))
        });
        numbers.push(number(
            &format!("{name} in the last window"),
            &score(found.value),
            &interval,
            &before.unwrap_or_else(|| format!("on {} labelled rows", count(found.rows))),
        ));
    } else if let Some(estimate) = &newest.estimate {
        let interval = format!("{} to {}", score(estimate.low), score(estimate.high));
        let name = report.metric.as_ref().map_or("metric", |(name, _)| name.as_str());
        let title = format!("{name} in the last window, estimated");
        numbers.push(number(&title, &score(estimate.value), &interval, "without labels"));
    }
    let rows = newest.rows + newest.failed;
    let labelled = if rows == 0 { 0.0 } else { newest.labelled as f64 / rows as f64 };
    numbers.push(number(
        "rows in the last window",
        &count(rows),
        &format!("from {}", day(newest.start)),
        &format!("{} of them labelled", percent(labelled)),
    ));
    if let Some(p95) = newest.p95_ms {
        let failed = match newest.failed {
            0 => "no errors".to_owned(),
            failed => format!("{} failed", count(failed)),
        };
        numbers.push(number("95 % answered within", &format!("{} ms", decimals(p95, 2)), "", &failed));
    }
    numbers
}

fn number(title: &str, value: &str, spread: &str, against: &str) -> Element {
    el("div")
        .class("number")
        .with(el("p").class("kicker").with(title))
        .with(el("p").class("big").with(value).with(" ").with(el("span").class("spread").with(spread)))
        .with(el("p").class("against").with(el("span").class("baseline").with(against)))
}
