//! Each class against the rest: small ROC curves of one size, the hardest class first.

use super::axis::{canvas, line};
use super::markup::{Element, el};
use crate::curve::classes::{ClassFacts, Classes};
use crate::text::{count, score};

const SIZE: f64 = 120.0;

pub(super) fn classes(classes: &Classes) -> Element {
    let omitted = (classes.omitted > 0)
        .then(|| el("p").class("small").with(format!("{} easier classes are not shown.", classes.omitted)));
    el("figure")
        .class("wide")
        .with(el("h3").with(classes.headline()))
        .with(el("p").class("small").with(
            "Each class against the rest, lowest F1 first. Curves: found (upwards, 0 to 100 %) against false alarms \
             (to the right, 0 to 100 %); the further to the top left the better, the diagonal is guessing.",
        ))
        .with(el("div").class("multiples").all(classes.classes.iter().map(class)))
        .all(omitted)
}

fn class(facts: &ClassFacts) -> Element {
    let mut drawing = canvas(SIZE, SIZE, &format!("ROC curve of class {}", facts.class))
        .with(
            el("rect")
                .class("plane")
                .at("x", 0.5)
                .at("y", 0.5)
                .at("width", SIZE - 1.0)
                .at("height", SIZE - 1.0),
        )
        .with(line((0.0, SIZE), (SIZE, 0.0), "line baseline"));
    if let Some(roc) = &facts.roc {
        let d: Vec<String> = roc
            .points
            .iter()
            .map(|point| {
                format!(
                    "{:.1} {:.1}",
                    point.false_positive_rate * SIZE,
                    (1.0 - point.true_positive_rate) * SIZE
                )
            })
            .collect();
        drawing = drawing.with(el("path").class("line model").attr("d", format!("M{}", d.join("L"))));
    }
    let area = facts.roc.as_ref().map_or("undefined".to_owned(), |roc| score(roc.area));
    let row =
        |name: &'static str, value: String| el("tr").with(el("th").with(name)).with(el("td").with(value));
    el("div").class("multiple").with(el("h4").with(facts.class.as_str())).with(drawing).with(
        el("table")
            .with(row("rows", count(facts.rows)))
            .with(row("area", area))
            .with(row("precision", score(facts.precision)))
            .with(row("recall", score(facts.recall)))
            .with(row("F1", score(facts.f1))),
    )
}
