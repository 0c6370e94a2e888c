//! What the process of a training does: the project as it was applied, or as it is in a commit, is laid out and
//! built like any other, with the sources of the folder that it was applied from.

use std::path::{Path, PathBuf};

use modelyard_core::config::Project;
use modelyard_core::fault::Attempt;
use modelyard_core::id::RunId;
use modelyard_core::monitor::{Cause, Origin, TriggerSpec};
use modelyard_core::ports::{Home, LockGuard};
use modelyard_core::run::{Commit, Run, RunKind, RunStatus};
use modelyard_core::{Clock, Fault, Kind, Result};

use super::{active, folder_name, is_over, lock_name};
use crate::deploy::apply;
use crate::workshop::Triggered;
use crate::{snapshot, source_control};

/// A training to be carried out, laid out in a folder that goes with it.
pub struct Job {
    pub run: RunId,
    pub causes: Vec<Cause>,
    /// The trigger of the first.
    pub trigger: TriggerSpec,
    /// Where relative sources lie.
    pub sources: PathBuf,
    /// Where the project is laid out.
    pub root: PathBuf,
    /// The checked configuration of a snapshot; `None` for a commit, of which `modelyard.toml` is to be read.
    pub project: Option<Project>,
    source: Option<Commit>,
    _alive: Box<dyn LockGuard>,
}

impl Drop for Job {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

impl Job {
    /// Lays out what `run` of `project` is to train, below `scratch`; `None` where the run has ended already.
    ///
    /// # Errors
    /// If nothing in the home is to be trained by that run, or the project can't be laid out; the run is recorded
    /// as failed then.
    pub async fn prepare(
        home: &Home,
        clock: &dyn Clock,
        project: &str,
        run: RunId,
        scratch: &Path,
    ) -> Result<Option<Self>> {
        let alive = home.locks.lock(&lock_name(run)).await?;
        let known = home.runs.get(run).await?;
        if known.is_some_and(|known| is_over(&known)) {
            return Ok(None);
        }
        let laid_out = lay_out(home, project, run, scratch, alive).await;
        if let Err(fault) = &laid_out {
            record_failure(home, clock, project, run, fault).await?;
        }
        laid_out.map(Some)
    }

    /// What is to be recorded with the run.
    pub fn triggered(&self) -> Triggered {
        let causes = self.causes.iter().map(|cause| format!("{}: {}", cause.trigger, cause.key));
        Triggered {
            run: self.run,
            source: self.source.clone(),
            causes: causes.collect::<Vec<_>>().join("; "),
        }
    }
}

async fn lay_out(
    home: &Home,
    project: &str,
    run: RunId,
    scratch: &Path,
    alive: Box<dyn LockGuard>,
) -> Result<Job> {
    let applied = apply::applied(home, project).await?;
    let all = home.causes.causes(project).await?;
    let mut causes: Vec<Cause> = all.iter().filter(|cause| cause.run == Some(run)).cloned().collect();
    // The oldest first; it has the training's parameters.
    causes.reverse();
    let Some(first) = causes.first() else {
        return Err(Fault::new(Kind::NotFound, format!("no cause of training has the run {run}")));
    };
    let trigger = applied.triggers.iter().find(|trigger| trigger.name == first.trigger).cloned();
    let trigger = trigger.ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("the trigger `{}` is no longer applied", first.trigger))
    })?;
    let root = scratch.join(folder_name(run));
    let failed = || format!("cannot lay out the project in `{}`", root.display());
    let _ = std::fs::remove_dir_all(&root);
    std::fs::create_dir_all(&root).attempt(Kind::Store, failed)?;
    let newest = causes.iter().rev().find(|cause| cause.origin == Origin::Code);
    let commit = newest.and_then(|cause| cause.key.strip_prefix("commit "));
    let (project, source) = match commit {
        Some(commit) => {
            let folder = Path::new(&applied.folder);
            tokio::task::block_in_place(|| source_control::checkout(folder, commit, &root))?;
            (None, Some(Commit { id: commit.to_owned(), branch: None, difference: None }))
        }
        None => {
            let active = active(home, &applied, &all).await?;
            home.blobs.fetch_folder(active.snapshot, &root).await?;
            (Some(snapshot::read_project(&root)?), active.source)
        }
    };
    Ok(Job {
        run,
        causes,
        trigger,
        sources: PathBuf::from(&applied.folder),
        root,
        project,
        source,
        _alive: alive,
    })
}

/// Keeps that `run` failed before it had begun, unless it is recorded.
///
/// # Errors
/// If the home can't be written.
pub async fn record_failure(
    home: &Home,
    clock: &dyn Clock,
    project: &str,
    run: RunId,
    fault: &Fault,
) -> Result<()> {
    if home.runs.get(run).await?.is_some_and(|run| is_over(&run)) {
        return Ok(());
    }
    let now = clock.now();
    let failed = Run {
        status: RunStatus::Failed,
        ended_at: Some(now),
        error: Some(fault.report()),
        ..Run::begun(run, project, RunKind::Pipeline, "run", None, now)
    };
    home.runs.save(&failed).await
}
