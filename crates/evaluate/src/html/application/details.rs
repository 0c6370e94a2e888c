//! What failed, with examples; sorts of hostile bodies; what commands printed.

use super::super::markup::{Element, el, short};
use super::super::tables::{section, table};
use crate::application::{ApplicationReport, CheckResult, Example};
use crate::text::count;
use serde_json::Value;

/// Characters of a row that are shown.
const SENT: usize = 300;

/// Of an answer.
const GOT: usize = 240;

pub(super) fn failures(report: &ApplicationReport) -> Option<Element> {
    let failed: Vec<_> = report.checks.iter().filter(|check| !check.examples.is_empty()).collect();
    if failed.is_empty() {
        return None;
    }
    let parts = failed.into_iter().flat_map(of_check);
    let note =
        "The first of each check. Rows hold what the model is asked with; private columns are not among it.";
    Some(
        el("section")
            .with(el("h2").with("What went wrong"))
            .with(el("p").class("small").with(note))
            .all(parts),
    )
}

fn of_check(check: &CheckResult) -> [Element; 2] {
    let title = format!("{}: {} of {} cases", check.name, count(check.failed), count(check.cases));
    let sends = check.examples.iter().any(|example| !example.sent.is_null());
    let mut head = vec![("case", false), ("wanted", false), ("got", false)];
    if sends {
        head.push(("sent", false));
    }
    let rows = check.examples.iter().map(|example| row(example, sends));
    [el("h3").with(title), el("div").class("examples").with(table(&head, rows))]
}

fn row(example: &Example, sends: bool) -> Element {
    let sent = match &example.sent {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let sent = sends.then(|| el("td").class("code").with(short(&sent, SENT)));
    el("tr")
        .with(el("td").with(example.what.as_str()))
        .with(el("td").with(short(&example.wanted, GOT)))
        .with(el("td").class("fail").with(short(&example.got, GOT)))
        .all(sent)
}

pub(super) fn groups(report: &ApplicationReport) -> Option<Element> {
    let check = report.checks.iter().find(|check| !check.groups.is_empty())?;
    let head = [("sort of body", false), ("answered", true), ("refused", true), ("not as promised", true)];
    let rows = check.groups.iter().map(|group| {
        let failed = el("td").class(if group.failed > 0 { "n fail strong" } else { "n" });
        el("tr")
            .with(el("th").with(group.name.as_str()))
            .with(el("td").class("n").with(count(group.answered)))
            .with(el("td").class("n").with(count(group.refused)))
            .with(failed.with(count(group.failed)))
    });
    let note = "Each column of the signature wrong in every way its type knows of, and bodies that are no row: \
                answered, or refused with the field that is to blame.";
    Some(section("Hostile input", Some(note), table(&head, rows)))
}

pub(super) fn outputs(report: &ApplicationReport) -> Option<Element> {
    let check = report.checks.iter().find(|check| check.output.is_some())?;
    let printed = check.output.clone().unwrap_or_default();
    Some(section("What the project's own test printed", None, el("pre").with(printed)))
}
