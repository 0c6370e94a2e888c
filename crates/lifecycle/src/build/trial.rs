//! The run of each trial of a search, also of one that failed: its parameters, what it printed, its
//! error.

use std::collections::BTreeMap;

use modelyard_core::action::ActionResult;
use modelyard_core::id::RunId;
use modelyard_core::run::{Run, RunKind, RunStatus};
use modelyard_core::{Digest, Fault, Result, Timestamp};
use modelyard_pipeline::{Done, Stop};
use serde_json::Value;

use super::{Build, lock, record};

/// A trial that ended, however it did.
pub(super) struct Tried {
    /// Its place in the search, from 0.
    index: u32,
    params: BTreeMap<String, Value>,
    began: Timestamp,
    ended: Timestamp,
    came_to: std::result::Result<(ActionResult, bool), Failure>,
}

/// What is kept of the fault that ended a trial.
struct Failure {
    status: RunStatus,
    error: String,
    log: Option<Digest>,
}

impl From<&Fault> for Failure {
    fn from(fault: &Fault) -> Self {
        Self { status: record::status(Some(fault)), error: fault.report(), log: fault.log() }
    }
}

impl Build {
    /// Remembers how the trial at place `index` of the search ended.
    pub(super) fn tried(
        &self,
        index: u32,
        params: &BTreeMap<String, Value>,
        done: &std::result::Result<Done, Stop>,
        began: Timestamp,
    ) {
        let came_to = match done {
            Ok(done) => Ok((done.result.clone(), done.cached)),
            Err(Stop::Fault(fault)) => Err(Failure::from(fault)),
            // Nothing was tried: somebody only looks.
            Err(Stop::Missing(_) | Stop::Pending(_)) => return,
        };
        let ended = self.shop.engine.clock.now();
        lock(&self.tried).push(Tried { index, params: params.clone(), began, ended, came_to });
    }

    /// Records a run for each trial, in the order of the search, as parts of `parent`.
    pub(super) async fn record_trials(&self, parent: &Run) -> Result<()> {
        let mut tried = std::mem::take(&mut *lock(&self.tried));
        tried.sort_by_key(|tried| tried.index);
        for Tried { index, params, began, ended, came_to } in tried {
            let name = format!("trial {}", index + 1);
            let id = RunId::new(&*self.shop.engine.clock);
            let mut run = self.new_run(id, RunKind::Trial, &name, Some(parent.id));
            run.started_at = began;
            run.ended_at = Some(ended);
            match came_to {
                Ok((result, cached)) => {
                    run.status = RunStatus::Finished;
                    run.cached = cached;
                    record::describe(&mut run, &result);
                }
                Err(failure) => {
                    run.status = failure.status;
                    run.params = params;
                    run.error = Some(failure.error);
                    run.log = failure.log;
                }
            }
            self.shop.home().runs.save(&run).await?;
        }
        Ok(())
    }
}
