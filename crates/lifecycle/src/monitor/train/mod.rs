//! Trainings that causes set off, from their begin to a version that serves production.
//!
//! A training is a process of its own, which outlives the server: it is known by its run, whose id stands on its
//! causes before it begins, and by a lock that it holds. A server that finds causes in training looks whether the
//! run has ended, whether its process lives, and begins it again where it was killed; results that were
//! there are in the cache.
//!
//! ```text
//! outcome     what a run that has ended came to
//! releasing   from a registered version to one that serves
//! carry_out   what the process does
//! telling     what people are told
//! ```

pub mod carry_out;
mod outcome;
mod releasing;
mod telling;

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use modelyard_core::audit::Actor;
use modelyard_core::deploy::Applied;
use modelyard_core::id::RunId;
use modelyard_core::monitor::{Cause, CauseState, Origin, TriggerSpec};
use modelyard_core::ports::Home;
use modelyard_core::run::{Commit, Run, RunStatus};
use modelyard_core::{Clock, Digest, Result};
use tokio::task::JoinHandle;

use super::trigger::{self, has_ended};
use crate::deploy::release::Machine;
use outcome::Came;
pub(super) use telling::{Told, tell};

/// What only the binary can do.
#[async_trait]
pub trait Hands: Send + Sync {
    /// What must be equal where a package is tested and where it is released. `with_onnx`: the library is needed.
    ///
    /// # Errors
    /// If this program's file can't be read, or the library not be had.
    async fn machine(&self, with_onnx: bool) -> Result<Machine>;

    /// Starts the process that carries out `run` of `project`; what is awaited says how it ended.
    ///
    /// # Errors
    /// If it can't be started.
    async fn start(&self, project: &str, run: RunId) -> Result<JoinHandle<String>>;
}

/// Processes that this server started, by their runs.
pub(super) type Children = BTreeMap<RunId, JoinHandle<String>>;

/// The lock that the process of a training holds while it lives. The sweeping of left folders knows it.
pub(super) fn lock_name(run: RunId) -> String {
    format!("action-{}", folder_name(run))
}

/// Where the process lays out the project, among the folders of steps.
fn folder_name(run: RunId) -> String {
    format!("training-{run}")
}

/// Whether `run` came to an end of its own; one that was killed is begun again.
fn is_over(run: &Run) -> bool {
    !matches!(run.status, RunStatus::Running | RunStatus::Interrupted)
}

/// What trainings go by.
pub(super) struct Active {
    pub(super) snapshot: Digest,
    pub(super) source: Option<Commit>,
}

/// What was applied; after a commit that a trigger trained and that was good, that commit's.
pub(super) async fn active(home: &Home, applied: &Applied, causes: &[Cause]) -> Result<Active> {
    let good = |cause: &&Cause| {
        cause.origin == Origin::Code
            && matches!(cause.state, CauseState::Done | CauseState::Releasing)
            && cause.at >= applied.at
    };
    if let Some(run) = causes.iter().filter(good).find_map(|cause| cause.run)
        && let Some(Run { snapshot: Some(snapshot), source, .. }) = home.runs.get(run).await?
    {
        return Ok(Active { snapshot, source });
    }
    Ok(Active { snapshot: applied.snapshot, source: applied.source.clone() })
}

/// The loop of one project.
pub(super) struct Loop<'a> {
    pub(super) home: &'a Home,
    pub(super) clock: &'a dyn Clock,
    pub(super) hands: &'a dyn Hands,
    pub(super) applied: &'a Applied,
}

impl Loop<'_> {
    pub(super) fn trigger(&self, cause: &Cause) -> Option<&TriggerSpec> {
        self.applied.triggers.iter().find(|trigger| trigger.name == cause.trigger)
    }

    /// Goes on with what is under way among `causes`; answers what is under way then.
    pub(super) async fn carry_on(&self, causes: &[Cause], children: &mut Children) -> Result<Option<String>> {
        let mut busy = None;
        let runs: BTreeSet<RunId> = causes
            .iter()
            .filter(|cause| matches!(cause.state, CauseState::Training | CauseState::Releasing))
            .filter_map(|cause| cause.run)
            .collect();
        for id in runs {
            let of_run: Vec<&Cause> =
                causes.iter().filter(|cause| cause.run == Some(id) && !has_ended(cause.state)).collect();
            let still = match of_run.iter().any(|cause| cause.state == CauseState::Training) {
                true => self.go_on_training(id, &of_run, children).await?,
                false => self.go_on_releasing(&of_run).await?,
            };
            busy = busy.or(still);
        }
        Ok(busy)
    }

    /// Begins one training for `causes`.
    pub(super) async fn begin(&self, causes: &[Cause], children: &mut Children) -> Result<()> {
        let run = RunId::new(self.clock);
        for cause in causes {
            let mut next = cause.clone();
            next.run = Some(run);
            self.write(&next, CauseState::Training, "training").await?;
        }
        children.insert(run, self.hands.start(&self.applied.project, run).await?);
        Ok(())
    }

    async fn go_on_training(
        &self,
        id: RunId,
        causes: &[&Cause],
        children: &mut Children,
    ) -> Result<Option<String>> {
        let trains = Some(format!("run {id} trains"));
        let run = self.home.runs.get(id).await?;
        if let Some(run) = run.filter(is_over) {
            children.remove(&id);
            return self.settle(&run, causes).await;
        }
        match children.get(&id) {
            Some(child) if !child.is_finished() => return Ok(trains),
            Some(_) => {
                let how = match children.remove(&id) {
                    Some(child) => child.await.unwrap_or_else(|error| error.to_string()),
                    None => String::new(),
                };
                // It may have ended well since the run was read.
                if !self.home.runs.get(id).await?.is_some_and(|run| is_over(&run)) {
                    let why = format!("the process of the training ended: {how}");
                    self.fail(causes, "training-failed", &why).await?;
                    return Ok(None);
                }
                return Ok(trains);
            }
            None => {}
        }
        // Begun by a server that is gone.
        if self.home.locks.try_lock(&lock_name(id)).await?.is_some() {
            children.insert(id, self.hands.start(&self.applied.project, id).await?);
        }
        Ok(trains)
    }

    /// Writes what `run`, which has ended, came to.
    async fn settle(&self, run: &Run, causes: &[&Cause]) -> Result<Option<String>> {
        match outcome::of(self.home, self.applied, run).await? {
            Came::Better { model } if trigger::releases(causes, self.applied) => {
                for cause in causes {
                    let next = Cause { model: Some(model.clone()), ..(*cause).clone() };
                    self.write(&next, CauseState::Releasing, &format!("{model} is better")).await?;
                }
                self.calm(causes, "training-failed").await?;
                Ok(Some(format!("{model} is being released")))
            }
            Came::Better { model } => {
                for cause in causes {
                    let next = Cause { model: Some(model.clone()), ..(*cause).clone() };
                    let reason = format!("{model} is better, and registered: a person releases it");
                    self.write(&next, CauseState::Done, &reason).await?;
                }
                self.calm(causes, "training-failed").await?;
                Ok(None)
            }
            Came::NotBetter { why } => {
                for cause in causes {
                    self.write(cause, CauseState::Kept, &why).await?;
                    if cause.origin == Origin::Code {
                        let message =
                            format!("{} registered nothing, the one before stays: {why}", cause.key);
                        self.tell("commit-not-better", cause, message).await?;
                    }
                }
                self.calm(causes, "training-failed").await?;
                Ok(None)
            }
            Came::Failed { why } => {
                self.fail(causes, "training-failed", &why).await?;
                Ok(None)
            }
        }
    }

    async fn fail(&self, causes: &[&Cause], rule: &str, why: &str) -> Result<()> {
        // Who is told of a cause that failed must find it so.
        for cause in causes {
            self.write(cause, CauseState::Failed, why).await?;
        }
        self.alert(causes, rule, why).await
    }

    /// Sets state and reason, where they are others.
    pub(super) async fn set(&self, cause: &Cause, state: CauseState, reason: &str) -> Result<()> {
        if cause.state == state && cause.reason == reason {
            return Ok(());
        }
        self.write(cause, state, reason).await
    }

    async fn write(&self, cause: &Cause, state: CauseState, reason: &str) -> Result<()> {
        let now = self.clock.now();
        let next = Cause { state, reason: reason.to_owned(), changed_at: now, ..cause.clone() };
        let actor: Actor = trigger::actor(&cause.trigger, now);
        self.home.causes.change_cause(&next, &actor).await?;
        Ok(())
    }
}
