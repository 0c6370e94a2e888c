//! Ended replicas are started again, which the kernel tells of, and logs stay short.

use std::sync::Weak;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use modelyard_core::Result;
use modelyard_process::detached::{Process, since_boot};

use super::Inner;
use super::held::Held;
use super::record::{Record, State};

/// How long after trouble (a full disk, no more processes) it is tried again.
const AFTER_TROUBLE: Duration = Duration::from_secs(5);

/// Looks after the replicas of an environment until nothing is wanted there, or its target is gone.
pub(super) async fn watch(target: Weak<Inner>, held: Weak<tokio::sync::Mutex<Held>>) {
    while let Some(next) = tend(&target, &held).await {
        let mut ends: FuturesUnordered<_> =
            next.running.iter().map(|process| process.until_ended()).collect();
        tokio::select! {
            Some(_) = ends.next() => {}
            () = tokio::time::sleep(next.pause) => {}
        }
    }
}

struct Next {
    running: Vec<Process>,
    pause: Duration,
}

async fn tend(target: &Weak<Inner>, held: &Weak<tokio::sync::Mutex<Held>>) -> Option<Next> {
    let (target, held) = (target.upgrade()?, held.upgrade()?);
    let mut held = held.lock().await;
    if held.wanted.is_none() {
        held.watched = false;
        return None;
    }
    let records = match start_ended(&target, &held).await {
        Ok(records) => records,
        Err(fault) => {
            tracing::warn!("replicas of {} can't be looked after: {}", held.environment, fault.report());
            return Some(Next { running: Vec::new(), pause: AFTER_TROUBLE });
        }
    };
    // Another process may have started and ended some meanwhile, and logs grow.
    let mut pause = Duration::from_secs(10);
    let mut running = Vec::new();
    for record in &records {
        match &record.state {
            State::Running(life) => running.extend(life.open()),
            State::Waiting { again_at, .. } => pause = pause.min(again_at.saturating_sub(since_boot())),
            State::Starting => {}
        }
    }
    Some(Next { running, pause: pause.max(Duration::from_millis(10)) })
}

async fn start_ended(target: &Inner, held: &Held) -> Result<Vec<Record>> {
    let _lock = held.folder.lock().await?;
    let mut records = held.records()?;
    for record in &mut records {
        if matches!(record.state, State::Running(_)) && held.folder.shorten_log(record.replica) {
            record.log_from = 0;
            held.folder.write(record)?;
        }
    }
    held.start_due(&target.settings, &mut records)?;
    Ok(records)
}
