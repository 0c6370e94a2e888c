//! The first screen: may it be released, and the numbers behind that.

use super::super::markup::{Element, el};
use super::{mark, ms};
use crate::application::{ApplicationReport, CheckResult};
use crate::text::{count, decimals};

pub(super) fn summary(report: &ApplicationReport) -> Element {
    let (class, word) =
        if report.verdict.passed { ("mark pass", "✓ Passed") } else { ("mark fail", "✕ Failed") };
    let environment = report.environment.rsplit('/').next().unwrap_or_default();
    el("header")
        .with(el("p").class("kicker").with(format!("Application test · {environment} · {}", report.runtime)))
        .with(el("h1").with(report.title()))
        .with(
            el("p")
                .class("verdict")
                .with(el("strong").class(class).with(word))
                .with(" ")
                .with(report.verdict.sentence.as_str()),
        )
        .with(el("div").class("numbers").all(numbers(report)))
        .with(el("section").with(el("h2").with("Checks")).with(checks(&report.checks)))
}

fn numbers(report: &ApplicationReport) -> Vec<Element> {
    let mut numbers = Vec::new();
    if let Some(parity) = report.checks.iter().find(|check| check.name == "parity" && check.cases > 0) {
        let equal = parity.cases - parity.failed;
        numbers.push(number(
            "answers equal to offline",
            &share(equal, parity.cases),
            &format!("{} of {}", count(equal), count(parity.cases)),
            "on the sealed test part",
        ));
    }
    if let Some(load) = &report.load {
        let rate = decimals(load.wanted.rate, 0);
        let others = format!("p50 {}, p99 {}", ms(load.p50_ms), ms(load.p99_ms));
        if load.answered < load.sent {
            numbers.push(number(
                &format!("answered, at {rate} requests/s"),
                &share(load.answered, load.sent),
                &format!("{} of {}", count(load.answered), count(load.sent)),
                &format!("p95 {}, {others}", ms(load.p95_ms)),
            ));
        } else {
            let limit = load.wanted.p95_ms.map_or("no limit".to_owned(), |most| format!("limit {most} ms"));
            let title = format!("95 % answered within, at {rate} requests/s");
            numbers.push(number(&title, &ms(load.p95_ms), &limit, &others));
        }
        if let Some(cpu) = load.cpu_us_per_request {
            let memory = load.memory_bytes.map(super::super::facts::size).unwrap_or_default();
            numbers.push(number(
                "CPU a request, under that load",
                &format!("{} µs", decimals(cpu, 0)),
                &memory,
                "",
            ));
        }
    }
    if let Some(robustness) = report.robustness.as_ref().filter(|_| numbers.len() < 3) {
        let column = robustness.columns.iter().find(|column| column.changed == Some(robustness.worst_share));
        let which = column.map(|column| format!("{} {}", column.column, column.change)).unwrap_or_default();
        numbers.push(number(
            "answers changed by a small move",
            &format!("{} %", decimals(robustness.worst_share * 100.0, 1)),
            &which,
            "the most sensitive column",
        ));
    }
    numbers
}

fn seconds(seconds: f64) -> String {
    if seconds < 0.1 { "< 0.1 s".to_owned() } else { format!("{} s", decimals(seconds, 1)) }
}

/// Never rounded to all of them where some are missing.
fn share(part: u64, of: u64) -> String {
    if part == of {
        return "100 %".to_owned();
    }
    let percent = (part as f64 / of as f64 * 100.0).min(99.99);
    format!("{} %", decimals((percent * 100.0).floor() / 100.0, 2))
}

fn number(title: &str, value: &str, spread: &str, against: &str) -> Element {
    el("div")
        .class("number")
        .with(el("p").class("kicker").with(title))
        .with(el("p").class("big").with(value).with(" ").with(el("span").class("spread").with(spread)))
        .with(el("p").class("against").with(el("span").class("baseline").with(against)))
}

fn checks(checks: &[CheckResult]) -> Element {
    let rows = checks.iter().map(|check| {
        let wanted =
            check.wanted.as_ref().map(|wanted| el("p").class("small").with(format!("wanted: {wanted}")));
        el("tr")
            .with(el("th").with(check.name.as_str()))
            .with(el("td").with(el("p").with(check.sentence.as_str())).all(wanted))
            .with(el("td").class("n faint").with(seconds(check.seconds)))
            .with(el("td").with(mark(check.outcome)))
    });
    el("table").class("checks").with(el("tbody").all(rows))
}
