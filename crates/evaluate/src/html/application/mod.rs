//! The page of application tests: may this version leave the environment, and what it was asked.
//!
//! To add a part: a file here, a line in [`application_html`].

mod details;
mod latency;
mod robustness;
mod summary;

use super::facts::{Fact, list};
use super::markup::{Element, el};
use crate::application::{ApplicationReport, Outcome};
use crate::text::decimals;

/// `report` as a page, in the style of [`super::html`].
pub fn application_html(report: &ApplicationReport) -> String {
    let main = el("main")
        .with(summary::summary(report))
        .all(details::failures(report))
        .all(report.load.as_ref().map(latency::section))
        .all(report.robustness.as_ref().map(robustness::section))
        .all(details::groups(report))
        .all(details::outputs(report))
        .with(footer(report));
    super::page(&format!("{} in {} · application test", report.title(), report.environment), main)
}

fn mark(outcome: Outcome) -> Element {
    let (class, text) = match outcome {
        Outcome::Passed => ("mark pass", "✓ passed"),
        Outcome::Failed => ("mark fail", "✕ failed"),
        Outcome::Reported => ("mark faint", "reported"),
        Outcome::Skipped => ("mark faint", "not told"),
    };
    el(if outcome == Outcome::Failed || outcome == Outcome::Passed { "strong" } else { "span" })
        .class(class)
        .with(text)
}

/// Milliseconds with just enough digits.
fn ms(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{} ms", decimals(value, 0)),
        value if value >= 10.0 => format!("{} ms", decimals(value, 1)),
        value => format!("{} ms", decimals(value, 2)),
    }
}

fn footer(report: &ApplicationReport) -> Element {
    let tested = vec![
        ("version", report.title()),
        ("package", report.package.to_string()),
        ("runtime", report.runtime.clone()),
        ("environment", report.environment.clone()),
        ("release", report.release.clone()),
        ("asked at", report.url.clone()),
        ("began", report.began_at.to_string()),
        ("took", format!("{} s", decimals(report.seconds, 1))),
    ];
    el("footer").with(
        el("div")
            .class("pair")
            .with(list("What was tested", tested))
            .with(list("What must be equal in production", facts(report))),
    )
}

fn facts(report: &ApplicationReport) -> Vec<Fact> {
    let facts = &report.facts;
    let limits = &facts.limits;
    let variables: Vec<_> = facts.env.keys().cloned().collect();
    let mut shown = vec![
        ("runs on", format!("{:?}", facts.target).to_lowercase()),
        ("program", facts.program.to_string()),
    ];
    shown.extend(facts.onnx_library.map(|library| ("ONNX Runtime", library.to_string())));
    shown.push(("Python", facts.python.clone().unwrap_or_else(|| "each package's own".to_owned())));
    shown.push(("sandbox", if facts.sandbox { "on" } else { "off" }.to_owned()));
    shown.push((
        "limits",
        format!(
            "{}{} requests in flight, {} s a batch",
            limits.memory_bytes.map(|bytes| format!("{}, ", super::facts::size(bytes))).unwrap_or_default(),
            decimals(f64::from(limits.requests), 0),
            limits.timeout_secs
        ),
    ));
    shown.push(("batch", format!("{} rows", facts.batch.rows)));
    shown.push(("variables", if variables.is_empty() { "none".to_owned() } else { variables.join(", ") }));
    shown
}
