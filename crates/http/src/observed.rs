//! The Prometheus text of what is counted: by version, and what no version was asked.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use modelyard_core::deploy::LATENCY_ENDS_US;
use modelyard_serve::ErrorCode;
use modelyard_serve::fleet::VersionCounts;

use crate::served::Served;

/// Every how many of the latency buckets is told: a scrape needs no resolution of a fifth.
const BUCKET_STEP: usize = 4;

/// Requests that were refused before a version was chosen, by the place of the code in
/// [`ErrorCode::ALL`].
#[derive(Default)]
pub(crate) struct Unrouted([AtomicU64; ErrorCode::ALL.len()]);

impl Unrouted {
    pub(crate) fn refused(&self, code: ErrorCode) {
        if let Some(place) = ErrorCode::ALL.iter().position(|known| *known == code) {
            self.0[place].fetch_add(1, Relaxed);
        }
    }
}

/// The Prometheus text of `served`.
pub(crate) fn text(served: &Served) -> String {
    let versions = served.fleet().versions();
    let mut text = String::with_capacity(8192);
    let mut line = |content: std::fmt::Arguments<'_>| {
        // Writing to a String can't fail.
        let _ = writeln!(text, "{content}");
    };
    let name = served.fleet().serving().0.unwrap_or_default();
    line(format_args!(
        "# HELP modelyard_requests_total Requests for predictions, by outcome: ok, or the error's code."
    ));
    line(format_args!("# TYPE modelyard_requests_total counter"));
    for version in &versions {
        let labels = labels(version);
        line(format_args!("modelyard_requests_total{{{labels},code=\"ok\"}} {}", version.counts.answered));
        for (code, count) in version.codes {
            let code = code.as_str();
            line(format_args!("modelyard_requests_total{{{labels},code=\"{code}\"}} {count}"));
        }
    }
    for (code, count) in ErrorCode::ALL.iter().zip(&served.unrouted.0) {
        let (code, count) = (code.as_str(), count.load(Relaxed));
        if count > 0 {
            line(format_args!(
                "modelyard_requests_total{{model=\"{name}\",version=\"none\",code=\"{code}\"}} {count}"
            ));
        }
    }
    for (metric, help, count) in COUNTERS {
        line(format_args!("# HELP {metric} {help}"));
        line(format_args!("# TYPE {metric} counter"));
        for version in &versions {
            line(format_args!("{metric}{{{}}} {}", labels(version), count(version)));
        }
    }
    let (taken, dropped) = served.fleet().log().counts();
    for (metric, help, count) in [
        ("modelyard_logged_total", "Predictions that the inference log took.", taken),
        (
            "modelyard_log_dropped_total",
            "Predictions that it dropped since too many waited, or for want of room.",
            dropped,
        ),
    ] {
        line(format_args!("# HELP {metric} {help}"));
        line(format_args!("# TYPE {metric} counter"));
        line(format_args!("{metric} {count}"));
    }
    line(format_args!(
        "# HELP modelyard_request_seconds Time from the whole request to the answer, or until the client went away."
    ));
    line(format_args!("# TYPE modelyard_request_seconds histogram"));
    for version in &versions {
        let labels = labels(version);
        let latency = &version.counts.latency;
        let mut total = 0;
        for (place, end) in LATENCY_ENDS_US.iter().enumerate() {
            total += latency.get(place).copied().unwrap_or(0);
            if place % BUCKET_STEP == BUCKET_STEP - 1 {
                let end = *end as f64 / 1e6;
                line(format_args!("modelyard_request_seconds_bucket{{{labels},le=\"{end}\"}} {total}"));
            }
        }
        total += latency.get(LATENCY_ENDS_US.len()).copied().unwrap_or(0);
        line(format_args!("modelyard_request_seconds_bucket{{{labels},le=\"+Inf\"}} {total}"));
        let sum = version.latency_sum_us as f64 / 1e6;
        line(format_args!("modelyard_request_seconds_sum{{{labels}}} {sum}"));
        line(format_args!("modelyard_request_seconds_count{{{labels}}} {total}"));
    }
    line(format_args!("# HELP modelyard_model_info Packages that are or were served."));
    line(format_args!("# TYPE modelyard_model_info gauge"));
    for version in &versions {
        let (labels, package) = (labels(version), version.package);
        line(format_args!("modelyard_model_info{{{labels},package=\"{package}\"}} 1"));
    }
    text
}

type Counter = (&'static str, &'static str, fn(&VersionCounts) -> u64);

const COUNTERS: [Counter; 5] = [
    ("modelyard_predictions_total", "Rows that were answered.", |version| version.counts.rows),
    ("modelyard_not_finite_total", "Requests whose answer was no number.", |version| {
        version.counts.not_finite
    }),
    (
        "modelyard_shadow_dropped_total",
        "Copies that were dropped since too many waited, of a shadow.",
        |version| version.counts.dropped,
    ),
    ("modelyard_shadow_different_total", "Copies answered otherwise than served, of a shadow.", |version| {
        version.counts.different
    }),
    ("modelyard_restarts_total", "Times the model's process was replaced.", |version| {
        version.counts.restarts
    }),
];

fn labels(version: &VersionCounts) -> String {
    let number = version.number.map(|number| number.to_string()).unwrap_or_default();
    format!("model=\"{}\",version=\"{number}\"", version.name)
}
