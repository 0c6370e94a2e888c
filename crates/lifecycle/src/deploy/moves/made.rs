//! What a move makes of the release and of its environment's state.

use modelyard_core::deploy::release::Decision;
use modelyard_core::deploy::{Phase, ReleaseStatus, Role, Slow, StrategyKind};
use serde_json::Value;

use super::super::{judge, strategy};
use super::{Due, Moved, candidate, champion, is_serving_stable, percent, restored, serving_alone, without};

impl Due<'_> {
    pub(super) fn saw(&self, moved: &mut Moved, saw: Value) {
        if let Some(decision) = moved.release.decisions.last_mut() {
            decision.saw = saw;
        }
    }

    pub(super) fn stepped(&self, step: u32, why: &str, saw: Value) -> Moved {
        let (role, weight) = strategy::of(self.release.strategy.kind).placed(self.release, step);
        let what = match (self.release.strategy.kind, role) {
            (StrategyKind::Canary, _) => {
                format!("step {} of {}: {}", step + 1, self.release.strategy.weights.len(), percent(weight))
            }
            (_, Role::Shadow) => format!("copies of {}", percent(weight)),
            _ => percent(weight),
        };
        let mut moved = self.status(ReleaseStatus::Rolling, &what, why);
        let release = &mut moved.release;
        // The newest counts of the incumbent are those of the step that ends.
        if let Some(incumbent) = judge::incumbent(&release.before, release.package) {
            let all = self.view.counted(incumbent);
            let base = release.step_counts.get(&incumbent).cloned().unwrap_or_default();
            let slow = judge::slow([&all.since(&base), &all], self.view);
            release.slow = slow.map(|slow| Slow { since: self.compared_alone(slow.since), ..slow });
        }
        release.step = step;
        release.step_since = self.now;
        release.step_counts = self.compared_alone(self.view.counts.clone());
        release.reason = None;
        let state = &mut moved.environment.state;
        let mut placed = without(state, release.package);
        let served = if role == Role::Candidate { weight } else { 0.0 };
        for other in placed.iter_mut().filter(|other| is_serving_stable(other)) {
            other.weight = 1.0 - served;
        }
        placed.push(candidate(release, role, Phase::Serve, weight));
        state.placed = placed;
        state.release = Some(release.id);
        state.generation += 1;
        self.saw(&mut moved, saw);
        moved
    }

    pub(super) fn promoted(&self, why: &str, saw: Value) -> Moved {
        let mut moved = self.status(ReleaseStatus::Done, "all traffic", why);
        let Moved { environment, release, .. } = &mut moved;
        let serves = environment.state.stable().is_some_and(|stable| stable.package == release.package)
            && environment.state.placed.iter().filter(|placed| placed.phase == Phase::Serve).count() == 1;
        if !serves {
            let placed = candidate(release, Role::Stable, Phase::Serve, 1.0);
            environment.state = serving_alone(&environment.state, placed);
            environment.state.release = Some(release.id);
        }
        // A version that was only tested once more leaves the way back as it is.
        if release.before.stable().is_none_or(|stable| stable.package != release.package) {
            environment.previous = release.before.stable().map(|_| release.before.clone());
        }
        environment.release = None;
        release.ended_at = Some(self.now);
        release.reason = None;
        moved.aliases = champion(environment, &release.model, release.number);
        self.saw(&mut moved, saw);
        moved
    }

    pub(super) fn ended(&self, status: ReleaseStatus, what: &str, why: &str) -> Moved {
        let mut moved = self.status(status, what, why);
        let Moved { environment, release, .. } = &mut moved;
        if environment.state != release.before {
            environment.state = restored(&environment.state, release);
        }
        environment.release = None;
        release.ended_at = Some(self.now);
        release.reason = Some(why.to_owned());
        moved
    }

    /// A change of status with its decision.
    pub(super) fn status(&self, status: ReleaseStatus, what: &str, why: &str) -> Moved {
        let mut release = self.release.clone();
        release.status = status;
        release.decisions.push(Decision {
            at: self.now,
            what: what.to_owned(),
            why: why.to_owned(),
            by: self.by.to_owned(),
            saw: Value::Null,
        });
        Moved {
            environment: self.environment.clone(),
            cause: format!("release {}, {what}: {why}", release.id),
            release,
            aliases: Vec::new(),
            event: event(status),
            by: self.by.to_owned(),
        }
    }
}

fn event(status: ReleaseStatus) -> &'static str {
    match status {
        ReleaseStatus::Waiting => "release.waits",
        ReleaseStatus::Loading => "release.loads",
        ReleaseStatus::Testing => "release.tests",
        ReleaseStatus::Rolling => "release.moved",
        ReleaseStatus::Paused => "release.paused",
        ReleaseStatus::Held => "release.held",
        ReleaseStatus::Done => "release.done",
        ReleaseStatus::RolledBack => "release.rolled_back",
        ReleaseStatus::Aborted => "release.aborted",
        ReleaseStatus::Failed => "release.failed",
    }
}
