//! `[monitor]`, with every default filled in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Sink;

/// What is watched, and when it is found to have moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MonitorSpec {
    /// The environment that is watched; default `production`, else the last of the file.
    pub environment: String,
    /// The span over which is aggregated, seconds.
    pub window_secs: f64,
    /// The column that says when a row happened (role `time`); `None`: windows go by arrival.
    pub time: Option<String>,
    /// How long after its end a window takes late rows and labels, seconds; counts the windows' clock.
    /// Default one window.
    pub grace_secs: f64,
    pub log: LogSpec,
    pub drift: Drift,
    pub decay: Decay,
    /// Where alerts go, by name.
    pub sinks: BTreeMap<String, Sink>,
    /// An alert that is resolved and opens again within this time tells nobody, seconds; counts arrival.
    pub cool_down_secs: f64,
    /// No row for so long alerts, seconds; counts arrival. `None`: it never does.
    pub silence_secs: Option<f64>,
    /// Age of the model above which it alerts, seconds since it was registered; counts arrival.
    pub max_age_secs: Option<f64>,
}

/// The inference log.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LogSpec {
    /// Share of predictions that are logged, by a hash of their id, in [0, 1]; 0 logs nothing.
    pub sample: f64,
    /// Rows after which a segment is closed …
    pub rows: u32,
    /// … or seconds.
    pub seconds: f64,
    /// Rows that may wait for the writer; further ones are dropped and counted.
    pub queue: u32,
    /// Rows older than this are removed, seconds; counts arrival.
    pub keep_secs: f64,
    /// The oldest segments are removed above this.
    pub keep_bytes: u64,
}

impl Default for LogSpec {
    fn default() -> Self {
        Self {
            sample: 1.0,
            rows: 100_000,
            seconds: 1.0,
            queue: 50_000,
            keep_secs: 365.0 * 86_400.0,
            keep_bytes: 20 << 30,
        }
    }
}

/// By which rules columns are found to have moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Drift {
    pub preset: Preset,
    /// Of the own rule: the distance that a window must reach.
    pub effect: f64,
    /// How many standard deviations above the mean of the reference's chunks the noise ends.
    pub deviations: f64,
    /// Rows with a value below which a window is not judged.
    pub min_rows: u64,
    /// Windows that must be above …
    pub windows: u32,
    /// … among this many.
    pub of: u32,
    /// Columns with a rule of their own.
    pub columns: BTreeMap<String, ColumnRule>,
}

impl Default for Drift {
    fn default() -> Self {
        Self {
            preset: Preset::Own,
            effect: 0.1,
            deviations: 3.0,
            min_rows: 200,
            windows: 2,
            of: 3,
            columns: BTreeMap::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Effect and noise of the reference, in enough of the last windows.
    #[default]
    Own,
    /// As Evidently 0.7.23's default preset decides, window by window.
    Evidently,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ColumnRule {
    /// False: the column is not compared.
    pub watch: bool,
    /// A drift test by name; `None`: the preset's.
    pub test: Option<String>,
    /// In place of the test's own threshold, or of `effect`.
    pub threshold: Option<f64>,
}

/// When answers are found to have got worse.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Decay {
    /// How much worse the first of `[test] metrics` must be than in the reference, in its own unit.
    pub by: f64,
    /// Labelled rows below which a window is not judged.
    pub min_labels: u64,
    /// Windows that must be worse …
    pub windows: u32,
    /// … among this many.
    pub of: u32,
}

impl Default for Decay {
    fn default() -> Self {
        Self { by: 0.02, min_labels: 200, windows: 2, of: 3 }
    }
}
