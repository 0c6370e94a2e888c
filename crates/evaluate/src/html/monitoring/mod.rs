//! The page of a watched environment: has the world moved, are answers worse, and what was done about it.
//!
//! All pictures share one axis, the windows in their order. To add a part: a file here, a line in
//! [`monitor_html`].

mod bands;
mod events;
mod heat;
mod histograms;
mod lines;
mod summary;

use modelyard_core::Timestamp;
use modelyard_core::monitor::WindowRecord;

use super::axis::{Scale, canvas, label};
use super::facts::list;
use super::markup::{Element, el};
use crate::monitoring::{MonitorReport, day};
use crate::text::count;

/// `report` as a page, in the style of [`super::html`].
pub fn monitor_html(report: &MonitorReport) -> String {
    let starts = Starts::new(report);
    let mut main = el("main").with(summary::summary(report));
    if !report.windows.is_empty() {
        let pictures = [
            Some(bands::bands(report, &starts)),
            lines::metric(report, &starts),
            heat::heat(report, &starts),
            lines::latency(report, &starts),
            Some(lines::rows(report, &starts)),
        ];
        main = main
            .with(
                el("section")
                    .with(el("h2").with("Window by window"))
                    .with(el("div").class("figures").all(pictures.into_iter().flatten())),
            )
            .all(histograms::section(report));
    }
    let main = main.all(events::alerts(report)).all(events::causes(report)).with(footer(report));
    super::page(&format!("{}/{} · monitor", report.project, report.environment), main)
}

const WIDTH: f64 = 1160.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 16.0;

/// The begins of all windows, an equal width each.
struct Starts {
    all: Vec<Timestamp>,
    /// Length of a window, seconds.
    seconds: f64,
}

impl Starts {
    fn new(report: &MonitorReport) -> Self {
        let mut all: Vec<_> = report.windows.iter().map(|window| window.start).collect();
        all.dedup();
        let length = |window: &WindowRecord| (window.end.micros() - window.start.micros()) as f64 / 1e6;
        Self { all, seconds: report.windows.last().map_or(1.0, length) }
    }

    fn width(&self) -> f64 {
        (WIDTH - LEFT - RIGHT) / self.all.len().max(1) as f64
    }

    /// Where the window that begins at `start` lies: its left edge.
    fn left(&self, start: Timestamp) -> f64 {
        let place = self.all.partition_point(|known| *known < start);
        LEFT + self.width() * place as f64
    }

    fn middle(&self, start: Timestamp) -> f64 {
        self.left(start) + self.width() / 2.0
    }

    /// `drawing` with the names of windows below `y`, as many as there is room for.
    fn axis(&self, mut drawing: Element, y: f64) -> Element {
        let every = (90.0 / self.width()).ceil().max(1.0) as usize;
        for start in self.all.iter().step_by(every) {
            drawing = drawing.with(label((self.middle(*start), y), "tick middle", self.name(*start)));
        }
        drawing
    }

    /// `14 May`; the hour too where windows are shorter than a day.
    fn name(&self, start: Timestamp) -> String {
        let text = start.to_string();
        let day = day(start);
        match self.seconds < 86_400.0 {
            true => format!("{day} {}", text.get(11..16).unwrap_or_default()),
            false => day,
        }
    }
}

/// A picture as wide as the page, in a frame that scrolls on a narrow one.
fn wide(title: &str, drawing: Element) -> Element {
    el("figure")
        .class("wide")
        .with(el("h3").with(title))
        .with(el("div").class("scroll timeline").with(drawing))
}

/// A drawing of the page's width with room for `height` and the axis below.
fn drawing(height: f64, summary: &str) -> Element {
    canvas(WIDTH, height + 28.0, summary)
}

/// A value's scale over `low..=high`, top to bottom.
fn upwards(low: f64, high: f64, top: f64, bottom: f64) -> Scale {
    Scale { low, high, from: bottom, to: top }
}

fn footer(report: &MonitorReport) -> Element {
    let by = match &report.time {
        Some(column) => format!("the column {column}"),
        None => "when requests came".to_owned(),
    };
    let rows: u64 = report.windows.iter().map(|window| window.rows + window.failed).sum();
    let facts = vec![
        ("project", report.project.clone()),
        ("environment", report.environment.clone()),
        ("windows go by", by),
        ("rows", count(rows)),
        ("made", report.made_at.to_string()),
        ("again", format!("modelyard monitor report {}", report.environment)),
    ];
    el("footer").with(list("What was watched", facts))
}
