//! Calibration: whether what is called 30 % happens in 30 % of cases. For two classes of the
//! positive class's probability, for more of the highest one (is the answer right as often as the
//! model is sure?).

use serde::{Deserialize, Serialize};

use crate::interval::wilson_bounds;
use crate::numeric::{Z_95, mean};
use crate::sample::ClassSample;
use crate::text::decimals;

/// Bins of equally many rows.
const BINS: usize = 10;
/// A bin is called off when it is beyond 99.5 %: with ten bins at 95 % every third calibrated
/// model would have one that looks off.
const Z_OFF: f64 = 2.807;
/// Below this, thirty a bin, even a bin that is off by a quarter is within chance.
const FEW_ROWS: u64 = 300;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The positive class; absent where it is about the answer, whichever class that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// By rising probability.
    pub bins: Vec<CalibrationBin>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Least and greatest probability in the bin.
    pub from: f64,
    pub to: f64,
    pub rows: u64,
    pub mean_probability: f64,
    /// The share of rows where it came true, with its 95 % interval.
    pub observed: f64,
    pub low: f64,
    pub high: f64,
}

impl CalibrationBin {
    /// How far the model is off, where chance hardly explains it: positive where it claims too much.
    fn off(&self) -> Option<f64> {
        let hits = (self.observed * self.rows as f64).round() as u64;
        let (low, high) = wilson_bounds(hits, self.rows, Z_OFF);
        let is_off = self.mean_probability < low || self.mean_probability > high;
        is_off.then_some(self.mean_probability - self.observed)
    }
}

impl Calibration {
    /// `None` without probabilities or rows.
    pub(crate) fn of(sample: &ClassSample<'_>) -> Option<Self> {
        let n_classes = sample.n_classes();
        let (class, mut claims): (_, Vec<(f64, bool)>) = if n_classes == 2 {
            let (scores, positive) = sample.one_against_rest(sample.positive).ok()?;
            (Some(sample.names[sample.positive].clone()), scores.into_iter().zip(positive).collect())
        } else {
            let rows = sample.probabilities().ok()?.chunks_exact(n_classes);
            let claims = rows.zip(sample.predicted).zip(sample.truth);
            (None, claims.map(|((row, &label), &truth)| (row[label], label == truth)).collect())
        };
        claims.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let bins =
            bounds(&claims).into_iter().map(|(start, end)| bin(&claims[start..end])).collect::<Vec<_>>();
        (!bins.is_empty()).then_some(Self { class, bins })
    }

    pub fn headline(&self) -> String {
        let off: Vec<Option<f64>> = self.bins.iter().map(CalibrationBin::off).collect();
        let n_off = off.iter().flatten().count();
        let first = off.iter().position(Option::is_some);
        let last = off.iter().rposition(Option::is_some);
        let high = |bins: &[Option<f64>]| bins.iter().flatten().all(|off| *off > 0.0);
        let low = |bins: &[Option<f64>]| bins.iter().flatten().all(|off| *off < 0.0);
        let tendency = |bins: &[Option<f64>]| match (high(bins), low(bins)) {
            (true, _) => "too high",
            (_, true) => "too low",
            _ => "off",
        };
        let (Some(first), Some(last)) = (first, last) else {
            return self.headline_of_all();
        };
        if n_off == self.bins.len() {
            return format!("Probabilities are {} throughout", tendency(&off));
        }
        if last == off.len() - 1 && n_off == off.len() - first {
            let edge = decimals(self.bins[first - 1].to, 2);
            return format!("Probabilities are calibrated up to {edge}, {} above", tendency(&off));
        }
        if first == 0 && n_off == last + 1 {
            let edge = decimals(self.bins[last + 1].from, 2);
            return format!("Probabilities are calibrated from {edge} on, {} below", tendency(&off));
        }
        if n_off == 1 {
            let bin = &self.bins[first];
            let (from, to) = (decimals(bin.from, 2), decimals(bin.to, 2));
            return format!(
                "Probabilities are calibrated except from {from} to {to}, where they are {}",
                tendency(&off)
            );
        }
        let kind = tendency(&off);
        format!("Probabilities are {kind} in {n_off} of {} bins", self.bins.len())
    }
}

impl Calibration {
    /// Where no bin alone is off: of few rows none can be, so all are taken together.
    fn headline_of_all(&self) -> String {
        let rows: u64 = self.bins.iter().map(|bin| bin.rows).sum();
        let share = |of: fn(&CalibrationBin) -> f64| {
            self.bins.iter().map(|bin| of(bin) * bin.rows as f64).sum::<f64>() / rows as f64
        };
        let all = CalibrationBin {
            rows,
            mean_probability: share(|bin| bin.mean_probability),
            observed: share(|bin| bin.observed),
            ..self.bins[0]
        };
        match all.off() {
            Some(off) if off > 0.0 => "Probabilities are too high on average".to_owned(),
            Some(_) => "Probabilities are too low on average".to_owned(),
            None if rows < FEW_ROWS => "No sign that probabilities are off, in few rows".to_owned(),
            None => "Probabilities are calibrated over their whole range".to_owned(),
        }
    }
}

/// Start and end of each bin; equal probabilities share one.
fn bounds(claims: &[(f64, bool)]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = 0;
    for bin in 1..=BINS {
        let mut end = claims.len() * bin / BINS;
        while end > start && end < claims.len() && claims[end].0 == claims[end - 1].0 {
            end += 1;
        }
        if end > start {
            found.push((start, end));
            start = end;
        }
    }
    found
}

fn bin(claims: &[(f64, bool)]) -> CalibrationBin {
    let rows = claims.len() as u64;
    let hits = claims.iter().filter(|claim| claim.1).count() as u64;
    let (low, high) = wilson_bounds(hits, rows, Z_95);
    CalibrationBin {
        from: claims[0].0,
        to: claims[claims.len() - 1].0,
        rows,
        mean_probability: mean(&claims.iter().map(|claim| claim.0).collect::<Vec<_>>()),
        observed: hits as f64 / rows as f64,
        low,
        high,
    }
}
