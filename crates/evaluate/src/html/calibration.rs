//! Calibration: claimed against observed, ten bins with their 95 % intervals.

use super::axis::{Axis, Frame, Unit, label, nice_range};
use super::figure;
use super::markup::{Element, el};
use crate::curve::calibration::Calibration;
use crate::text::{count, percent};

pub(super) fn calibration(calibration: &Calibration) -> Element {
    let bins = &calibration.bins;
    let low = bins.iter().fold(1.0_f64, |low, bin| low.min(bin.low).min(bin.mean_probability));
    let high = bins.iter().fold(0.0_f64, |high, bin| high.max(bin.high).max(bin.mean_probability));
    let (low, high) = nice_range(low, high);
    let (low, high) = (low.max(0.0), high.min(1.0));
    let (claimed, observed) = match &calibration.class {
        Some(class) => {
            let class = super::short(class, 16);
            (
                format!("probability of class {class} according to the model"),
                format!("share of rows that are of class {class}"),
            )
        }
        None => (
            "probability of its answer according to the model".to_owned(),
            "share of answers that are right".to_owned(),
        ),
    };
    let x = Axis { low, high, unit: Unit::Percent, label: &claimed };
    let y = Axis { low, high, unit: Unit::Percent, label: &observed };
    let title = calibration.headline();
    let (frame, drawing) = Frame::new(&x, &y, &title);
    let from = low + (high - low) * 0.70;
    let (at_x, at_y) = frame.place(from, from);
    let drawing = drawing
        .with(frame.line((low, low), (high, high), "line baseline"))
        .with(label((at_x + 8.0, at_y + 16.0), "note", "as claimed"))
        .all(bins.iter().map(|bin| {
            frame.line((bin.mean_probability, bin.low), (bin.mean_probability, bin.high), "whisker model")
        }))
        .with(frame.path(bins.iter().map(|bin| (bin.mean_probability, bin.observed)), "thin model"));
    let dots = bins.iter().map(|bin| {
        let text = format!(
            "{} rows between {} and {}: {} claimed, {} observed ({} to {})",
            count(bin.rows),
            percent(bin.from),
            percent(bin.to),
            percent(bin.mean_probability),
            percent(bin.observed),
            percent(bin.low),
            percent(bin.high)
        );
        frame.dot(bin.mean_probability, bin.observed, 4.5, "dot model").hint(text)
    });
    figure(&title, el("g").all(dots), drawing)
}
