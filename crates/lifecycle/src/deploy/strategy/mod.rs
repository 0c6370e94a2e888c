//! Strategies: how a version that is ready takes over from the one that serves. A file each, a line in
//! [`of`].
//!
//! A strategy is pure: it sees the release's record, what replicas report and the time, and says what comes
//! next. That a version is loaded everywhere before it gets traffic, that one which is worse goes, that a
//! person may pause or end it, holds for all of them and is decided in [`super::moves`].

mod a_b;
mod all_at_once;
mod blue_green;
mod canary;
mod shadow;

use modelyard_core::Timestamp;
use modelyard_core::deploy::{OnTimeout, Release, Role, StrategyKind};

use super::judge::Findings;

pub(super) trait Strategy: Sync {
    /// The first move once every replica is ready.
    fn first(&self, _release: &Release) -> Next {
        Next::Step(0, "every replica is ready".to_owned())
    }

    /// In which role and with which share of traffic (of copies, for a shadow) the candidate is placed at
    /// a step.
    fn placed(&self, release: &Release, step: u32) -> (Role, f64);

    /// The move after that, while the candidate is not known to be worse.
    fn next(&self, at: &At<'_>) -> Next;
}

/// What is known when a move is due.
pub(super) struct At<'a> {
    pub(super) release: &'a Release,
    /// `None` where there is no incumbent to compare with.
    pub(super) findings: Option<&'a Findings>,
    /// Whether the candidate is better in something, for sure.
    pub(super) better: bool,
    /// Requests that the candidate got in this step.
    pub(super) requests: u64,
    pub(super) now: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Next {
    Stay,
    /// To this place in the weights.
    Step(u32, String),
    /// Waits for a person.
    Hold(String),
    Promote(String),
    RollBack(String),
}

pub(super) fn of(kind: StrategyKind) -> &'static dyn Strategy {
    match kind {
        StrategyKind::AllAtOnce => &all_at_once::AllAtOnce,
        StrategyKind::BlueGreen => &blue_green::BlueGreen,
        StrategyKind::Canary => &canary::Canary,
        StrategyKind::Shadow => &shadow::Shadow,
        StrategyKind::AB => &a_b::AB,
    }
}

impl At<'_> {
    /// How long the step lasts; none where the clock went back.
    fn elapsed_secs(&self) -> f64 {
        (self.now.micros().saturating_sub(self.release.step_since.micros())).max(0) as f64 / 1e6
    }

    /// Whether the candidate answered enough, for long enough, and is not worse.
    fn is_passed(&self) -> bool {
        let judge = &self.release.strategy.judge;
        self.requests >= judge.min_samples
            && self.elapsed_secs() >= judge.min_time_secs
            && self.findings.is_none_or(Findings::not_worse)
    }

    /// What is to happen where the step lasts too long; `Stay` until then.
    fn at_timeout(&self) -> Next {
        let judge = &self.release.strategy.judge;
        if self.elapsed_secs() < judge.max_time_secs {
            return Next::Stay;
        }
        let why = format!("undecided after {}", duration(judge.max_time_secs));
        match judge.on_timeout {
            OnTimeout::Hold => Next::Hold(why),
            OnTimeout::Promote => Next::Promote(why),
            OnTimeout::Rollback => Next::RollBack(why),
        }
    }

    /// The same where it is not ready everywhere: then it gets no more traffic, whatever was wanted.
    pub(super) fn unready(&self) -> Next {
        match self.at_timeout() {
            Next::Stay => Next::Stay,
            Next::RollBack(_) => Next::RollBack(self.not_ready()),
            _ => Next::Hold(self.not_ready()),
        }
    }

    fn not_ready(&self) -> String {
        format!("not ready in every replica after {}", duration(self.elapsed_secs()))
    }

    fn not_worse(&self) -> String {
        format!("not worse after {} requests", self.requests)
    }
}

fn duration(secs: f64) -> String {
    crate::duration_text((secs.max(0.0) * 1e3) as u64)
}
