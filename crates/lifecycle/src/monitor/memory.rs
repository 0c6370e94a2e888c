//! What the monitor of an environment remembers between looks: how far it has read, which windows are to be judged,
//! and what the last ones left. Kept with what was found, in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use modelyard_core::monitor::{MonitorSpec, Severity};
use modelyard_core::{Digest, Fault, Kind, Result, Timestamp};
use modelyard_monitor::rule::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::span::Spans;

const VERSION: u32 = 1;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Format version, 1.
    pub(crate) version: u32,
    /// Length of the windows and the column they go by, as long as which this holds.
    pub(crate) window_secs: f64,
    pub(crate) time: Option<String>,
    /// The last segment whose rows are known.
    pub(crate) segment: u64,
    /// The last label that was judged.
    pub(crate) label: u64,
    /// The latest time of a row, on the windows' clock.
    pub(crate) watermark: Option<Timestamp>,
    /// Begins of windows that have rows, or labels, that no judgement knows.
    pub(crate) pending: BTreeSet<Timestamp>,
    /// Windows that are closed and still take what is late, by their begins: the last segment known at their end.
    pub(crate) closed: BTreeMap<Timestamp, u64>,
    /// Begin of the latest window that was judged.
    pub(crate) last: Option<Timestamp>,
    /// The version whose rows were the most in the last window that had any.
    pub(crate) served: Option<ServedBy>,
    /// Of each package what its last windows left.
    pub(crate) states: BTreeMap<Digest, States>,
    /// What holds and should not, as of the last window of what serves.
    pub(crate) standing: Vec<Standing>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServedBy {
    pub(crate) model: String,
    pub(crate) number: u32,
    pub(crate) package: Digest,
}

/// What the last windows of one package left.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct States {
    pub(crate) columns: BTreeMap<String, State>,
    pub(crate) output: State,
    pub(crate) decay: State,
    /// Of the first labelled window, where the version has no value of its own.
    #[serde(default)]
    pub(crate) first_metric: Option<f64>,
}

/// What people are to be told as long as it holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Standing {
    pub(crate) rule: String,
    pub(crate) subject: String,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) since: Timestamp,
}

impl Memory {
    /// Of what the home keeps, as far as it holds under `spec`.
    ///
    /// # Errors
    /// If a newer program wrote it.
    pub(crate) fn read(kept: Option<Value>, spec: &MonitorSpec) -> Result<Self> {
        let memory: Option<Self> = kept.map(serde_json::from_value).transpose().map_err(|error| {
            Fault::new(Kind::Store, "cannot read what the monitor remembers")
                .because(error)
                .hint("was it written by a newer modelyard?")
        })?;
        let mut memory = memory.unwrap_or_default();
        memory.version = VERSION;
        if memory.window_secs != spec.window_secs || memory.time != spec.time {
            // Other windows: nothing that was found of the old ones says anything about them.
            memory = Self {
                version: VERSION,
                window_secs: spec.window_secs,
                time: spec.time.clone(),
                segment: memory.segment,
                label: memory.label,
                ..Self::default()
            };
        }
        Ok(memory)
    }

    /// Forgets windows that take nothing any more at `now`, on the windows' clock.
    pub(crate) fn tidy(&mut self, spans: Spans, grace_micros: i64, now: Timestamp) {
        let takes = |start: &Timestamp| super::span::later(spans.end(*start), grace_micros) >= now;
        self.closed.retain(|start, _| takes(start));
    }
}
