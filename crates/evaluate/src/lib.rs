//! How good a model is: metrics with intervals, a trivial baseline, comparison with the champion,
//! gates, slices, and the report that shows them.
//!
//! Pure functions from truth and answers to numbers, documents and one HTML page: this crate loads
//! no model, reads no file and draws no number that is not seeded. [`evaluate`] computes all that
//! follows from the answers, [`gates::judge`] judges it, [`Report`] holds both and [`html`] shows
//! them. To add a metric see [`metric`], a picture [`curve`] and [`html()`].

pub mod application;
mod baseline;
pub mod compare;
pub mod curve;
mod evaluation;
pub mod gates;
mod html;
pub mod importance;
pub mod interval;
pub mod metric;
pub mod monitoring;
pub mod numeric;
pub mod random;
pub mod report;
mod sample;
pub mod sequential;
pub mod slices;
mod text;
mod verdict;
mod worst;

pub use application::ApplicationReport;
pub use baseline::{Baseline, Centre};
pub use compare::Difference;
pub use evaluation::{
    Champion, ChampionOutcome, Evaluation, Evidence, MetricResult, evaluate, wanted_metrics,
};
pub use gates::GateVerdict;
pub use html::{application_html, html, monitor_html};
pub use importance::Importance;
pub use interval::Interval;
pub use metric::Metric;
pub use monitoring::MonitorReport;
pub use report::Report;
pub use sample::{ClassSample, Sample, Truth, Undefined};
pub use slices::Slice;
pub use verdict::Verdict;
pub use worst::WorstRow;
