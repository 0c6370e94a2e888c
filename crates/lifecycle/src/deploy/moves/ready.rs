//! Whether every replica has what a release needs, and when it is given up because one has not.

use modelyard_core::Timestamp;
use modelyard_core::deploy::{Phase, ReleaseKind, ReleaseStatus};

use super::{DEATHS, Due, LOADING_SECS, Moved, TROUBLE_SECS};

impl Due<'_> {
    pub(super) fn is_ready(&self) -> bool {
        let generation = self.environment.state.generation;
        if self.failure().is_some() {
            return false;
        }
        // The way back does not wait for the version that is to go.
        if self.release.kind == ReleaseKind::Rollback {
            return self.view.is_ready(self.release.package, 0);
        }
        self.environment
            .state
            .wanted()
            .filter(|placed| placed.phase != Phase::Warm)
            .map(|placed| placed.package)
            .chain([self.release.package])
            .all(|package| self.view.is_ready(package, generation))
    }

    /// Why it is not ready ends the release, once it is known or has taken too long.
    pub(super) fn unready(&self) -> Option<Moved> {
        let waited = self.now.micros().saturating_sub(self.release.step_since.micros()) as f64 / 1e6;
        let failure = self.failure().map(str::to_owned);
        let dying = self.dying();
        let trouble = self.view.trouble.clone().filter(|_| waited >= TROUBLE_SECS);
        let too_long = (waited >= LOADING_SECS).then(|| {
            let who = if self.view.live.is_empty() { "no replica came up" } else { "it did not get ready" };
            format!("{who} within {LOADING_SECS} s")
        });
        let why = failure.or(dying).or(trouble).or(too_long)?;
        Some(self.ended(ReleaseStatus::Failed, "failed", &why))
    }

    pub(super) fn failure(&self) -> Option<&str> {
        self.view.failure(self.release.package, &self.environment.state)
    }

    /// Why it is given up, where replicas die with it again and again; the way back never is for that.
    pub(super) fn dying(&self) -> Option<String> {
        if self.release.kind == ReleaseKind::Rollback {
            return None;
        }
        let in_step =
            |died: &Vec<Timestamp>| died.iter().filter(|at| **at >= self.release.step_since).count();
        let (replica, deaths) = self
            .view
            .died
            .iter()
            .map(|(replica, died)| (replica, in_step(died)))
            .max_by_key(|(_, deaths)| *deaths)?;
        (deaths >= DEATHS).then(|| format!("replica {replica} died {deaths} times while it was there"))
    }
}
