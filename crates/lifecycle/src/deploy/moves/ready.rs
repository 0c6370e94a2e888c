//! Whether every replica has what a release needs, and when it is given up because one has not.

use modelyard_core::Timestamp;
use modelyard_core::deploy::{Phase, ReleaseKind, ReleaseStatus};

use super::{DEATHS, DEATHS_MICROS, Due, FETCHING_SECS, INCUMBENT_DEATHS, LOADING_SECS, Moved, TROUBLE_SECS};

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
        let longest = LOADING_SECS.max(self.environment.spec.limits.start_secs + FETCHING_SECS);
        let too_long = (waited >= longest).then(|| {
            let who = if self.view.live.is_empty() { "no replica came up" } else { "it did not get ready" };
            format!("{who} within {longest} s")
        });
        let why = failure.or(dying).or(trouble).or(too_long)?;
        Some(self.ended(ReleaseStatus::Failed, "failed", &why))
    }

    pub(super) fn failure(&self) -> Option<&str> {
        self.view.failure(self.release.package, &self.environment.state)
    }

    /// Why it is given up, where replicas die with it again and again; the way back never is for that.
    pub(super) fn dying(&self) -> Option<String> {
        let loads = self.release.status == ReleaseStatus::Loading;
        // Deaths that go on from before it came are not its own.
        if self.release.kind == ReleaseKind::Rollback || (loads && self.broken_incumbent().is_some()) {
            return None;
        }
        let replica = self.died_often(DEATHS, |at| at >= self.release.step_since)?;
        Some(format!("replica {replica} died {DEATHS} times within {} while it was there", minutes()))
    }

    /// Why nothing can be compared with what serves: no replica that answers can load it, or they died with it
    /// before this release came. The way back has its own reasons.
    pub(super) fn broken_incumbent(&self) -> Option<String> {
        let release = self.release;
        let incumbent = release.before.stable().filter(|stable| stable.package != release.package)?;
        if release.kind == ReleaseKind::Rollback {
            return None;
        }
        let title = format!("{}@{}, which served before,", incumbent.model, incumbent.number);
        let fails = self.view.live.iter().find_map(|report| report.failed.get(&incumbent.package));
        if let Some(reason) = fails.filter(|_| !self.view.has(incumbent.package)) {
            return Some(format!("{title} can't be loaded: {reason}"));
        }
        let since = release.began_at.micros().saturating_sub(DEATHS_MICROS);
        let replica =
            self.died_often(INCUMBENT_DEATHS, |at| at < release.began_at && at.micros() >= since)?;
        Some(format!("{title} took replica {replica} down {INCUMBENT_DEATHS} times within {}", minutes()))
    }

    /// Whether what served before was given up: nothing is left to compare with.
    pub(super) fn is_given_up(&self) -> bool {
        let state = &self.environment.state;
        self.release.before.stable().is_some() && state.stable().is_none()
    }

    /// A replica that died `times` within [`DEATHS_MICROS`], at moments that `counts`.
    fn died_often(&self, times: usize, counts: impl Fn(Timestamp) -> bool) -> Option<u32> {
        let often = |died: &Vec<Timestamp>| {
            let mut at: Vec<i64> = died.iter().filter(|at| counts(**at)).map(|at| at.micros()).collect();
            at.sort_unstable();
            at.windows(times).any(|some| some[times - 1] - some[0] <= DEATHS_MICROS)
        };
        self.view.died.iter().find(|(_, died)| often(died)).map(|(replica, _)| *replica)
    }
}

fn minutes() -> String {
    format!("{} min", DEATHS_MICROS / 60_000_000)
}
