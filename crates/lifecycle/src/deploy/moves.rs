//! A release's next move, as a pure function of its record, its environment, what is seen, and the time.
//!
//! ```text
//! waiting   approvals are missing
//! loading   replicas load and prove the version
//! testing   application tests, where the environment has them: the version serves alone there
//! rolling   traffic moves as the strategy says; paused and held: it stays where it is
//! done, rolled back, aborted, failed
//! ```
//!
//! Whatever a release does with traffic, it waits until every replica that answers has both versions loaded
//! and follows the state before. A version that is worse goes at once, also while the release is paused.

mod made;
mod ready;

use std::collections::BTreeMap;

use modelyard_core::deploy::{
    Counts, Environment, EnvironmentState, Phase, Placed, Release, ReleaseKind, ReleaseStatus, Role, Slow,
    StrategyKind, Wish,
};
use modelyard_core::{Digest, Timestamp};
use serde_json::{Value, json};

use super::judge::{self, Compared, Comparison, Findings};
use super::strategy::{self, At, Next};
use super::{Tested, View};

/// A version that is not ready everywhere by then has failed: longer than a model and its Python environment
/// take, short enough for whoever waits.
pub const LOADING_SECS: f64 = 300.0;

/// Beside what `limits.start` allows: fetching a package, making its Python environment.
pub const FETCHING_SECS: f64 = 60.0;

/// A replica whose process ends so often without a word, as one does that a model takes down with it, ends the
/// release: once may have any cause.
pub const DEATHS: usize = 2;

/// What serves is taken for broken only where a replica ended so often with it: to be released over, it is
/// compared with no more, and machines kill processes in twos and threes.
pub const INCUMBENT_DEATHS: usize = 5;

/// Within so long in one step: over a test of weeks, machines have their own deaths.
pub const DEATHS_MICROS: i64 = 10 * 60 * 1_000_000;

/// How long the target may be unable to do what is wanted before a release gives up on it.
pub const TROUBLE_SECS: f64 = 15.0;

/// Who decides where no person does.
pub const ACTOR: &str = "modelyard";

/// What a move changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    pub environment: Environment,
    pub release: Release,
    /// Model, version and alias.
    pub aliases: Vec<(String, u32, String)>,
    pub event: &'static str,
    pub cause: String,
    /// Who decided: whoever wished it, else [`ACTOR`].
    pub by: String,
}

/// The next move of `release`, if one is due. An ended release never moves.
pub fn next(release: &Release, environment: &Environment, view: &View, now: Timestamp) -> Option<Moved> {
    if release.status.has_ended() || environment.release != Some(release.id) {
        return None;
    }
    let due = Due { release, environment, view, now, by: ACTOR };
    if !environment.running {
        let what = if environment.removed { "removed from the project" } else { "stopped" };
        let why = format!("`{}` was {what}", environment.id.name);
        return Some(due.ended(ReleaseStatus::Aborted, "aborted", &why));
    }
    if let Some(wish) = release.wish {
        // A version that is not ready everywhere is not promoted, whoever wishes it.
        if wish == Wish::Promote && due.is_moving() && !due.is_ready() {
            return due.rolling();
        }
        let by = release.wished_by.as_deref().unwrap_or(ACTOR);
        return Some(Due { by, ..due }.wished(wish));
    }
    match release.status {
        ReleaseStatus::Waiting => due.waiting(),
        ReleaseStatus::Loading => due.loading(),
        ReleaseStatus::Testing => due.testing(),
        ReleaseStatus::Rolling | ReleaseStatus::Paused | ReleaseStatus::Held => due.rolling(),
        _ => None,
    }
}

/// Without versions that have left every replica; `None` where nothing is to be tidied.
pub fn tidied(environment: &Environment, view: &View) -> Option<Environment> {
    if environment.release.is_some() || view.live.is_empty() {
        return None;
    }
    let generation = environment.state.generation;
    let follow = view.live.iter().all(|report| report.generation >= generation);
    let gone = |placed: &Placed| placed.phase == Phase::Leave && follow && !view.has(placed.package);
    if !environment.state.placed.iter().any(gone) {
        return None;
    }
    let mut environment = environment.clone();
    environment.state.placed.retain(|placed| !gone(placed));
    environment.state.generation += 1;
    Some(environment)
}

/// The state in which the version of `placed` serves alone; who served before stays warm, what was warm
/// leaves.
pub(super) fn serving_alone(state: &EnvironmentState, placed: Placed) -> EnvironmentState {
    let before = state.stable().map(|stable| stable.package);
    let mut others = without(state, placed.package);
    for other in &mut others {
        let warm = Some(other.package) == before;
        other.role = Role::Stable;
        other.phase = if warm { Phase::Warm } else { Phase::Leave };
        other.weight = 0.0;
    }
    let mut all = vec![Placed { role: Role::Stable, phase: Phase::Serve, weight: 1.0, ..placed }];
    all.extend(others);
    EnvironmentState { generation: state.generation + 1, release: state.release, placed: all }
}

/// `state` with what served before `release` again, and its candidate leaving.
pub(super) fn restored(state: &EnvironmentState, release: &Release) -> EnvironmentState {
    let stable = release.before.stable();
    let mut placed: Vec<Placed> = stable.cloned().into_iter().collect();
    for stable in &mut placed {
        stable.weight = 1.0;
    }
    for other in without(state, stable.map_or(release.package, |stable| stable.package)) {
        let phase = match other.phase {
            Phase::Warm => Phase::Warm,
            _ => Phase::Leave,
        };
        placed.push(Placed { role: Role::Stable, phase, weight: 0.0, ..other });
    }
    if stable.is_none() {
        placed.push(candidate(release, Role::Stable, Phase::Leave, 0.0));
    }
    EnvironmentState { generation: state.generation + 1, release: state.release, placed }
}

/// `state` with the version of `release` being loaded.
pub(super) fn with_candidate(state: &EnvironmentState, release: &Release) -> EnvironmentState {
    let mut placed = without(state, release.package);
    placed.push(candidate(release, Role::Candidate, Phase::Load, 0.0));
    EnvironmentState { generation: state.generation + 1, release: state.release, placed }
}

fn without(state: &EnvironmentState, package: Digest) -> Vec<Placed> {
    state.placed.iter().filter(|placed| placed.package != package).cloned().collect()
}

fn candidate(release: &Release, role: Role, phase: Phase, weight: f64) -> Placed {
    Placed {
        package: release.package,
        model: release.model.clone(),
        number: release.number,
        role,
        phase,
        weight,
    }
}

/// The alias that follows what serves in production.
pub(super) fn champion(environment: &Environment, model: &str, number: u32) -> Vec<(String, u32, String)> {
    if environment.id.name == "production" {
        vec![(model.to_owned(), number, "champion".to_owned())]
    } else {
        Vec::new()
    }
}

struct Due<'a> {
    release: &'a Release,
    environment: &'a Environment,
    view: &'a View,
    now: Timestamp,
    by: &'a str,
}

impl Due<'_> {
    fn is_moving(&self) -> bool {
        use ReleaseStatus::{Held, Paused, Rolling};
        matches!(self.release.status, Rolling | Paused | Held)
    }

    fn wished(&self, wish: Wish) -> Moved {
        let mut moved = match wish {
            Wish::Abort => self.ended(ReleaseStatus::Aborted, "aborted", "asked for"),
            // Nothing but ending it is possible before it moves: neither approvals nor tests are passed over.
            _ if !self.is_moving() => {
                self.status(self.release.status, "not heeded", "it does not move traffic yet")
            }
            Wish::Promote | Wish::Resume if self.view.rejected.is_some() => {
                let why = self.view.rejected.as_deref().unwrap_or_default();
                self.status(self.release.status, "not heeded", why)
            }
            Wish::Promote => self.promoted("asked for", Value::Null),
            Wish::Pause => self.status(ReleaseStatus::Paused, "paused", "asked for"),
            // What was seen while nothing could move is no part of the next step.
            Wish::Resume => self.stepped(self.release.step, "asked for", Value::Null),
        };
        moved.release.wish = None;
        moved.release.wished_by = None;
        moved
    }

    fn waiting(&self) -> Option<Moved> {
        // A freeze that came while it waited holds it like one that was there before.
        if self.view.missing.is_some() || self.environment.is_frozen(self.now) {
            return None;
        }
        let mut moved = self.status(ReleaseStatus::Loading, "loading", "nothing is missing");
        moved.release.step_since = self.now;
        // A version that serves already is not loaded once more.
        let serves = self.environment.state.stable().is_some_and(|it| it.package == self.release.package);
        if !serves {
            moved.environment.state = with_candidate(&moved.environment.state, self.release);
        }
        Some(moved)
    }

    fn loading(&self) -> Option<Moved> {
        if let Some(no) = &self.view.rejected {
            return Some(self.ended(ReleaseStatus::Aborted, "aborted", no));
        }
        let broken = self.broken_incumbent();
        // Replicas that can't have it would follow nothing. Where some answer with it, they go on.
        if let Some(why) = broken.as_ref().filter(|_| !self.is_given_up() && !self.answers_with_incumbent()) {
            return Some(self.given_up(why));
        }
        // The way back waits for no replacement.
        let settled = self.release.kind == ReleaseKind::Rollback || self.view.is_settled();
        if !self.is_ready() || !settled || self.dying().is_some() {
            return self.unready();
        }
        let tests = self.environment.spec.tests.on;
        if tests {
            return Some(self.tested_alone());
        }
        // Nothing serves that traffic could be taken from.
        let no_comparison = |why: &str| format!("every replica is ready; nothing to compare with: {why}");
        if let Some(why) = broken {
            return Some(self.promoted(&no_comparison(&why), Value::Null));
        }
        if self.is_given_up() {
            return Some(self.promoted(&no_comparison("what served before was given up"), Value::Null));
        }
        if judge::incumbent(&self.environment.state, self.release.package).is_none() {
            return Some(self.promoted("every replica is ready", Value::Null));
        }
        self.carried_out(strategy::of(self.release.strategy.kind).first(self.release), Value::Null)
    }

    fn answers_with_incumbent(&self) -> bool {
        self.release.before.stable().is_some_and(|stable| self.view.has(stable.package))
    }

    /// What served before is broken: replicas are to load the version alone.
    fn given_up(&self, why: &str) -> Moved {
        let mut moved =
            self.status(ReleaseStatus::Loading, "alone", &format!("nothing to compare with: {why}"));
        let state = &mut moved.environment.state;
        for placed in state.placed.iter_mut().filter(|placed| placed.package != self.release.package) {
            placed.phase = Phase::Leave;
            placed.weight = 0.0;
        }
        state.generation += 1;
        moved
    }

    /// The version serves alone in a test environment while it is tested.
    fn tested_alone(&self) -> Moved {
        let mut moved = self.status(ReleaseStatus::Testing, "testing", "every replica is ready");
        moved.release.step_since = self.now;
        let state = &self.environment.state;
        let serves = state.stable().is_some_and(|stable| stable.package == self.release.package);
        if !serves {
            let placed = candidate(self.release, Role::Stable, Phase::Serve, 1.0);
            moved.environment.state = serving_alone(state, placed);
            moved.environment.state.release = Some(self.release.id);
        }
        moved
    }

    fn testing(&self) -> Option<Moved> {
        let Some(tested) = self.view.tested.as_ref() else {
            // Tests begin once it answers everywhere; while they run it is theirs to say what fails.
            let begins = self.is_ready() && self.view.is_settled();
            return if self.view.testing || begins { None } else { self.unready() };
        };
        let Tested { report, passed, failures, facts } = match tested {
            Ok(tested) => tested,
            Err(reason) => {
                return Some(self.ended(
                    ReleaseStatus::Failed,
                    "failed",
                    &format!("the application tests could not be run: {reason}"),
                ));
            }
        };
        let mut moved = if *passed {
            self.promoted("its application tests passed", json!({ "report": report }))
        } else {
            let why = match failures.as_slice() {
                [] => "its application tests failed".to_owned(),
                [only] => format!("its application tests failed: {only}"),
                [first, rest @ ..] => {
                    format!("its application tests failed: {first}, and {} more", rest.len())
                }
            };
            let mut moved = self.ended(ReleaseStatus::Failed, "failed", &why);
            if let Some(decision) = moved.release.decisions.last_mut() {
                decision.saw = json!({ "report": report, "failures": failures });
            }
            moved
        };
        moved.release.report = Some(*report);
        moved.release.passed = Some(*passed);
        moved.release.facts = Some(facts.clone());
        Some(moved)
    }

    fn rolling(&self) -> Option<Moved> {
        if let Some(reason) = self.failure() {
            let why = format!("a replica lost it: {reason}");
            return Some(self.ended(ReleaseStatus::RolledBack, "rolled back", &why));
        }
        if let Some(why) = self.dying() {
            return Some(self.ended(ReleaseStatus::RolledBack, "rolled back", &why));
        }
        let compared = self.compared();
        let (limits, alphas) = (&self.release.strategy.judge, judge::alphas(self.release));
        let findings = compared.as_ref().map(|compared| judge::judge(compared, limits, &alphas));
        let saw = || Comparison::of(self.release, self.view).map_or(Value::Null, |seen| json!(seen));
        if let Some(reason) = findings.as_ref().and_then(Findings::worse) {
            let mut moved = self.ended(ReleaseStatus::RolledBack, "rolled back", &format!("worse: {reason}"));
            self.saw(&mut moved, saw());
            return Some(moved);
        }
        if self.release.status != ReleaseStatus::Rolling {
            return None;
        }
        if let Some(no) = &self.view.rejected {
            return self.carried_out(Next::Hold(no.clone()), saw());
        }
        let is_ready = self.is_ready();
        if let Some(moved) = self.slow_fixed().filter(|_| is_ready) {
            return Some(moved);
        }
        let at = At {
            release: self.release,
            better: compared.is_some_and(|compared| judge::is_better(&compared, limits, &alphas)),
            findings: findings.as_ref(),
            requests: self.requests(),
            now: self.now,
        };
        let next = if is_ready { strategy::of(self.release.strategy.kind).next(&at) } else { at.unready() };
        if next == Next::Stay { None } else { self.carried_out(next, saw()) }
    }

    /// Candidate and incumbent in this step.
    fn compared(&self) -> Option<Compared> {
        let incumbent = judge::incumbent(&self.release.before, self.release.package)?;
        let compared = judge::compared(self.release, incumbent, self.view);
        let is_switched = self.release.strategy.kind == StrategyKind::BlueGreen;
        Some(if is_switched { judge::against_the_past(compared) } else { compared })
    }

    fn requests(&self) -> u64 {
        let before = self.release.step_counts.get(&self.release.package).cloned().unwrap_or_default();
        self.view.counted(self.release.package).since(&before).requests()
    }

    /// The threshold of slowness, once the incumbent has answered enough in an environment that had not.
    fn slow_fixed(&self) -> Option<Moved> {
        let compares = self.release.strategy.kind != StrategyKind::BlueGreen;
        let incumbent = judge::incumbent(&self.release.before, self.release.package)?;
        if self.release.slow.is_some() || !compares {
            return None;
        }
        let all = self.view.counted(incumbent);
        let slow = judge::slow([&all, &all], self.view)?;
        let mut release = self.release.clone();
        let cause = format!("release {}: slow is above {} µs", release.id, slow.above_us);
        release.slow = Some(Slow { since: self.compared_alone(slow.since), ..slow });
        Some(Moved {
            environment: self.environment.clone(),
            release,
            aliases: Vec::new(),
            event: "release.measured",
            cause,
            by: self.by.to_owned(),
        })
    }

    /// A release is kept with what it is judged on, not with all that ever served.
    fn compared_alone(&self, mut counts: BTreeMap<Digest, Counts>) -> BTreeMap<Digest, Counts> {
        let incumbent = judge::incumbent(&self.release.before, self.release.package);
        counts.retain(|package, _| *package == self.release.package || Some(*package) == incumbent);
        counts
    }

    fn carried_out(&self, next: Next, saw: Value) -> Option<Moved> {
        Some(match next {
            Next::Stay => return None,
            Next::Step(step, why) => self.stepped(step, &why, saw),
            Next::Promote(why) => self.promoted(&why, saw),
            Next::Hold(why) => {
                let mut moved = self.status(ReleaseStatus::Held, "held", &why);
                moved.release.reason = Some(why);
                self.saw(&mut moved, saw);
                moved
            }
            Next::RollBack(why) => {
                let mut moved = self.ended(ReleaseStatus::RolledBack, "rolled back", &why);
                self.saw(&mut moved, saw);
                moved
            }
        })
    }
}

fn is_serving_stable(placed: &Placed) -> bool {
    placed.role == Role::Stable && placed.phase == Phase::Serve
}

/// `5 %`, `12.5 %`.
pub fn percent(share: f64) -> String {
    format!("{} %", (share * 1e4).round() / 1e2)
}
