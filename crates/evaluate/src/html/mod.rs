//! Reports as one self-contained HTML page each ([`html`] of a model's test, [`application_html`] of
//! application tests, [`monitor_html`] of a watched environment): no request to anywhere (its own
//! policy forbids it), no script, light and dark by the reader's setting, readable at 390 and 1,400
//! pixels, printable.
//!
//! Markup is a tree ([`markup`]), so that tags are balanced and every text is escaped. Charts are
//! inline SVG styled by the variables of `style.css`: the same colour for the same thing
//! everywhere. To add a picture: a file here, a line in [`pictures`].

mod application;
mod axis;
mod calibration;
mod classes;
mod confusion;
mod facts;
mod importance;
mod markup;
mod monitoring;
mod precision_recall;
mod predicted;
mod residuals;
mod roc;
mod strip;
mod summary;
mod tables;

pub use application::application_html;
use markup::{Element, Node, el, short};
pub use monitoring::monitor_html;

use crate::curve::Whose;
use crate::report::Report;

const STYLE: &str = include_str!("style.css");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// `report` as a page.
pub fn html(report: &Report) -> String {
    let main = el("main")
        .with(summary::summary(report))
        .all(section("What it looks like", pictures(report)))
        .all(tables::metrics(report))
        .all(tables::slices(report))
        .all(tables::worst(report))
        .with(facts::facts(report));
    page(&format!("{} · test report", report.title()), main)
}

/// A whole page.
fn page(title: &str, main: Element) -> String {
    let head = el("head")
        .with(el("meta").attr("charset", "utf-8"))
        .with(el("meta").attr("name", "viewport").attr("content", "width=device-width, initial-scale=1"))
        .with(el("meta").attr("name", "color-scheme").attr("content", "light dark"))
        .with(el("meta").attr("http-equiv", "Content-Security-Policy").attr("content", POLICY))
        .with(el("title").with(title))
        .with(el("style").with(Node::Raw(STYLE)));
    let page = el("html").attr("lang", "en").with(head).with(el("body").with(main));
    format!("<!DOCTYPE html>\n{page}\n")
}

fn pictures(report: &Report) -> Vec<Element> {
    let curves = &report.evaluation.curves;
    let target = &report.model.target;
    [
        curves.roc.as_ref().map(roc::roc),
        curves.precision_recall.as_ref().map(precision_recall::precision_recall),
        curves.calibration.as_ref().map(calibration::calibration),
        curves.confusion.as_ref().map(confusion::confusion),
        curves.predicted.as_ref().map(|curve| predicted::predicted(curve, target)),
        curves.residuals.as_ref().map(|curve| residuals::residuals(curve, target)),
        report.importance.as_ref().and_then(importance::importance),
        curves.classes.as_ref().map(classes::classes),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn section(title: &str, figures: Vec<Element>) -> Option<Element> {
    if figures.is_empty() {
        return None;
    }
    Some(el("section").with(el("h2").with(title)).with(el("div").class("figures").all(figures)))
}

/// A picture under the sentence that says what is seen; `on_top` is drawn over the rest.
fn figure(title: &str, on_top: Element, drawing: Element) -> Element {
    el("figure").with(el("h3").with(title)).with(drawing.with(on_top))
}

fn whose(whose: Whose) -> &'static str {
    match whose {
        Whose::Model => "this model",
        Whose::Champion => "champion",
    }
}
