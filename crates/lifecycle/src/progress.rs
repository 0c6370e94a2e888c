//! What a build tells whoever watches it. The binary shows it live, in plain lines, or not at all.

use modelyard_core::config::Goal;
use modelyard_pipeline::Node;

/// Receives what happens, from several tasks at once. Nothing here may block.
pub trait Progress: Send + Sync {
    /// `node` has work to do that takes time.
    fn began(&self, _node: &Node) {}

    /// How far `node` is, in words: `locking requirements`.
    fn note(&self, _node: &Node, _text: &str) {}

    /// Trial `number` (from 1) of `of` is now in `state`.
    fn trial(&self, _number: u32, _of: u32, _params: &str, _state: TrialState<'_>) {}

    /// `node` is done; `lines` say what came of it, the most important first.
    fn finished(&self, _node: &Node, _lines: &[String], _cached: bool, _wall_ms: u64) {}
}

/// Where a trial stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TrialState<'a> {
    Began,
    /// With the metric that the search compares, if it was reported.
    Finished {
        metric: Option<(&'a str, f64)>,
        /// What counts as better.
        goal: Goal,
        cached: bool,
    },
    Failed,
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {}

/// `milliseconds` for a person: `0.06 s`, `1.4 s`, `2 min 5 s`.
pub fn duration_text(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{:.2} s", milliseconds as f64 / 1e3),
        1_000..60_000 => format!("{:.1} s", milliseconds as f64 / 1e3),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1_000),
    }
}
