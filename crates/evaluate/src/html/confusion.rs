//! The confusion matrix.

use super::axis::{canvas, label};
use super::figure;
use super::markup::{Element, el, short};
use crate::curve::confusion::Confusion;
use crate::text::{count, percent};

/// Beyond so many classes cells are too small for numbers.
const NUMBERS_UP_TO: usize = 12;
const LEFT: f64 = 104.0;
const TOP: f64 = 58.0;

pub(super) fn confusion(confusion: &Confusion) -> Element {
    let n_classes = confusion.classes.len();
    let title = confusion.headline();
    let width = (480.0 - LEFT - 4.0) / n_classes as f64;
    let height = (width * 0.62).min(132.0).max(if n_classes > NUMBERS_UP_TO { 10.0 } else { 24.0 });
    let bottom = TOP + height * n_classes as f64;
    let mut drawing = canvas(480.0, bottom + 12.0, &title)
        .with(label((LEFT, 16.0), "axis", "answered"))
        .with(label((LEFT - 12.0, TOP - 10.0), "axis end", "truth"));
    let letters = ((width / 8.5) as usize).max(2);
    for (class, name) in confusion.classes.iter().enumerate() {
        let x = LEFT + width * (class as f64 + 0.5);
        let y = TOP + height * (class as f64 + 0.5);
        if n_classes <= NUMBERS_UP_TO {
            drawing =
                drawing.with(label((x, TOP - 10.0), "name middle", short(name, letters)).hint(name.as_str()));
        }
        if height >= 10.0 {
            drawing =
                drawing.with(label((LEFT - 12.0, y + 4.0), "name end", short(name, 12)).hint(name.as_str()));
        }
    }
    for (truth, row) in confusion.counts.iter().enumerate() {
        let all: u64 = row.iter().sum();
        for (answer, &rows) in row.iter().enumerate() {
            let share = if all == 0 { 0.0 } else { rows as f64 / all as f64 };
            let (x, y) = (LEFT + width * answer as f64, TOP + height * truth as f64);
            let (truth_name, answer_name) = (&confusion.classes[truth], &confusion.classes[answer]);
            let text = format!(
                "{} of {} rows of class {truth_name} answered {answer_name} ({})",
                count(rows),
                count(all),
                percent(share)
            );
            let mut cell = el("g").with(
                el("rect")
                    .class(if truth == answer { "cell right" } else { "cell wrong" })
                    .at("x", x + 1.0)
                    .at("y", y + 1.0)
                    .at("width", width - 2.0)
                    .at("height", height - 2.0)
                    .at("fill-opacity", 0.06 + 0.9 * share),
            );
            if n_classes <= NUMBERS_UP_TO {
                let (x, y) = (x + width / 2.0, y + height / 2.0);
                let ink = if share > 0.55 { "on" } else { "off" };
                if height >= 56.0 {
                    cell = cell
                        .with(label((x, y - 1.0), &format!("number middle {ink}"), count(rows)))
                        .with(label((x, y + 19.0), &format!("note middle {ink}"), percent(share)));
                } else if rows > 0 || truth == answer {
                    cell = cell.with(label((x, y + 5.0), &format!("name middle {ink}"), count(rows)));
                }
            }
            drawing = drawing.with(cell.hint(text));
        }
    }
    figure(&title, el("g"), drawing)
}
