//! Runs whose process died.
//!
//! A pipeline run holds a lock for as long as its process lives, and the kernel frees it when that
//! dies; so a run that says *running* and whose lock is free was interrupted.

use modelyard_core::Result;
use modelyard_core::ports::Home;
use modelyard_core::run::{Run, RunStatus, lock_name};

/// `run` as it stands: one that says *running* but has no process any more is recorded as
/// interrupted. When that happened is not known, so it has no end.
///
/// # Errors
/// If the home can't be read or written.
pub async fn settle(home: &Home, run: Run) -> Result<Run> {
    if run.status != RunStatus::Running {
        return Ok(run);
    }
    let Some(_alone) = home.locks.try_lock(&lock_name(run.parent.unwrap_or(run.id))).await? else {
        return Ok(run);
    };
    // It may have ended between being read and being locked.
    let mut run = home.runs.get(run.id).await?.unwrap_or(run);
    if run.status == RunStatus::Running {
        run.status = RunStatus::Interrupted;
        home.runs.save(&run).await?;
    }
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn running() -> Run {
        Run { status: RunStatus::Running, ended_at: None, ..testing::run(1) }
    }

    #[tokio::test]
    async fn a_run_without_a_process_was_interrupted() {
        let home = modelyard_store::memory();
        home.runs.save(&running()).await.unwrap();
        let settled = settle(&home, running()).await.unwrap();
        assert_eq!(settled, Run { status: RunStatus::Interrupted, ..running() });
        assert_eq!(home.runs.get(running().id).await.unwrap(), Some(settled));
    }

    #[tokio::test]
    async fn a_run_that_lives_goes_on() {
        let home = modelyard_store::memory();
        home.runs.save(&running()).await.unwrap();
        let _alive = home.locks.lock(&lock_name(running().id)).await.unwrap();
        assert_eq!(settle(&home, running()).await.unwrap(), running());
    }

    #[tokio::test]
    async fn a_run_that_ended_meanwhile_keeps_its_end() {
        let home = modelyard_store::memory();
        home.runs.save(&testing::run(1)).await.unwrap();
        assert_eq!(settle(&home, running()).await.unwrap(), testing::run(1));
    }
}
