//! The small type: remarks, packaging, provenance.

use modelyard_core::Digest;

use super::markup::{Element, el};
use crate::report::{Packaging, Report};
use crate::text::{count, decimals};

pub(super) fn facts(report: &Report) -> Element {
    let mut remarks = vec![uses(report.data.test_uses)];
    if !report.data.sealed {
        remarks.push("The test rows were not sealed: a step could have read them.".to_owned());
    }
    remarks.extend(report.remarks.iter().cloned());
    el("footer")
        .with(el("h2").with("Remarks"))
        .with(el("ul").class("prose").all(remarks.into_iter().map(|remark| el("li").with(remark))))
        .with(
            el("div")
                .class("pair")
                .with(list("What serves", packaging(&report.packaging)))
                .with(list("Where it comes from", provenance(report))),
        )
}

fn uses(packages: u64) -> String {
    match packages {
        0 | 1 => "This is the first package that was scored on this test split.".to_owned(),
        n => format!(
            "{n} packages were scored on this test split. Choosing among them by these numbers wears it out: \
             they look better than new rows will."
        ),
    }
}

pub(super) type Fact = (&'static str, String);

fn packaging(packaging: &Packaging) -> Vec<Fact> {
    let mut facts = vec![("runtime", packaging.runtime.clone())];
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add("library", packaging.library.clone());
    add("graph", packaging.origin.clone());
    add("why not onnx", packaging.reason.clone());
    add(
        "largest difference",
        packaging.largest_difference.map(|difference| {
            let rows =
                packaging.compared_rows.map(|rows| format!(" on {} rows", count(rows))).unwrap_or_default();
            let allowed = packaging.tolerance.map(|most| format!(", {most:e} allowed")).unwrap_or_default();
            match difference {
                0.0 => format!("none{rows}{allowed}"),
                _ => format!("{difference:.1e}{rows}{allowed}"),
            }
        }),
    );
    add("size", packaging.size_bytes.map(size));
    facts
}

pub(super) fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes >= 1e6 => format!("{} MB", decimals(bytes / 1e6, 1)),
        bytes if bytes >= 1e3 => format!("{} kB", decimals(bytes / 1e3, 0)),
        bytes => format!("{} bytes", decimals(bytes, 0)),
    }
}

fn provenance(report: &Report) -> Vec<Fact> {
    let from = &report.provenance;
    let digest = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
    let mut facts = Vec::new();
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    let split = report.data.split.as_ref().map(|split| format!(", test part: {split}")).unwrap_or_default();
    let learnt =
        report.data.train_rows.map(|rows| format!(", learnt from {} rows", count(rows))).unwrap_or_default();
    add("data", Some(format!("{}{split}{learnt}", report.data.version)));
    add("package", digest(from.package));
    add("training", digest(from.training));
    for (name, found) in &from.data {
        add("data digest", Some(format!("{name} {found}")));
    }
    add("code", digest(from.code));
    add("environment", digest(from.environment));
    add("commit", from.commit.clone());
    add("command", from.command.clone());
    let params: Vec<String> = from.params.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    add("parameters", (!params.is_empty()).then(|| params.join(", ")));
    add("run", report.model.run.clone());
    add("tested", report.model.tested_at.map(|at| at.to_string()));
    add("program", from.program.clone());
    add("again", from.reproduce.clone());
    facts
}

pub(super) fn list(title: &str, facts: Vec<Fact>) -> Element {
    let entries = facts.into_iter().flat_map(|(name, value)| [el("dt").with(name), el("dd").with(value)]);
    el("div").with(el("h2").with(title)).with(el("dl").all(entries))
}
