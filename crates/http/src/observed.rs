//! What is counted of requests, and its Prometheus text.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use modelyard_serve::ErrorCode;

use crate::served::Served;

/// Upper ends of the latency buckets, in microseconds; one more bucket takes the rest. Fixed, so
/// that histograms of several processes can be added.
const BUCKETS_US: [u64; 16] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];

const CODES: usize = ErrorCode::ALL.len();

#[derive(Default)]
pub(crate) struct Observed {
    answered: AtomicU64,
    rows: AtomicU64,
    /// By the place of the code in [`ErrorCode::ALL`].
    refused: [AtomicU64; CODES],
    latency: [AtomicU64; BUCKETS_US.len() + 1],
    latency_sum_us: AtomicU64,
}

impl Observed {
    pub(crate) fn answered(&self, rows: usize, took: Duration) {
        self.answered.fetch_add(1, Relaxed);
        self.rows.fetch_add(rows as u64, Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_US.partition_point(|end| *end < micros);
        self.latency[bucket].fetch_add(1, Relaxed);
        self.latency_sum_us.fetch_add(micros, Relaxed);
    }

    pub(crate) fn refused(&self, code: ErrorCode) {
        if let Some(place) = ErrorCode::ALL.iter().position(|known| *known == code) {
            self.refused[place].fetch_add(1, Relaxed);
        }
    }
}

/// The Prometheus text of `served`.
pub(crate) fn text(served: &Served) -> String {
    let observed = &served.observed;
    let version = served.version.map(|number| number.to_string()).unwrap_or_default();
    let labels = format!("model=\"{}\",version=\"{version}\"", served.name);
    let mut text = String::with_capacity(4096);
    let mut line = |content: std::fmt::Arguments<'_>| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{content}");
    };
    line(format_args!(
        "# HELP modelyard_requests_total Requests for predictions, by outcome: ok, or the error's code."
    ));
    line(format_args!("# TYPE modelyard_requests_total counter"));
    line(format_args!(
        "modelyard_requests_total{{{labels},code=\"ok\"}} {}",
        observed.answered.load(Relaxed)
    ));
    for (code, count) in ErrorCode::ALL.iter().zip(&observed.refused) {
        line(format_args!(
            "modelyard_requests_total{{{labels},code=\"{}\"}} {}",
            code.as_str(),
            count.load(Relaxed)
        ));
    }
    line(format_args!("# HELP modelyard_predictions_total Rows that were answered."));
    line(format_args!("# TYPE modelyard_predictions_total counter"));
    line(format_args!("modelyard_predictions_total{{{labels}}} {}", observed.rows.load(Relaxed)));
    line(format_args!(
        "# HELP modelyard_request_seconds Time from the whole request to the answer, of answered requests."
    ));
    line(format_args!("# TYPE modelyard_request_seconds histogram"));
    let mut total = 0;
    for (end, count) in BUCKETS_US.iter().zip(&observed.latency) {
        total += count.load(Relaxed);
        line(format_args!(
            "modelyard_request_seconds_bucket{{{labels},le=\"{}\"}} {total}",
            *end as f64 / 1e6
        ));
    }
    total += observed.latency[BUCKETS_US.len()].load(Relaxed);
    line(format_args!("modelyard_request_seconds_bucket{{{labels},le=\"+Inf\"}} {total}"));
    let sum = observed.latency_sum_us.load(Relaxed) as f64 / 1e6;
    line(format_args!("modelyard_request_seconds_sum{{{labels}}} {sum}"));
    line(format_args!("modelyard_request_seconds_count{{{labels}}} {total}"));
    line(format_args!("# HELP modelyard_model_info The package that is served."));
    line(format_args!("# TYPE modelyard_model_info gauge"));
    line(format_args!("modelyard_model_info{{{labels},package=\"{}\"}} 1", served.model.package_digest()));
    text
}
