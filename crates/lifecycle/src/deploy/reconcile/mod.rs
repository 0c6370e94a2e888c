//! The reconciler: brings about what the home says is wanted, again and again.
//!
//! It remembers nothing that matters: killed at any moment, the next one goes on from the records. It runs
//! in `modelyard server`, or in a command that waits, never in two processes of one home at once ([`alone`]);
//! should it happen all the same, changes made from an outdated record are refused by the home.
//!
//! ```text
//! alone      who does it
//! watching   when to look, at each environment by itself
//! step       one environment: its replicas, and its release's next move
//! ```

pub mod alone;
mod step;
mod watching;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use modelyard_core::deploy::{EnvironmentId, ReleaseId};
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Digest, Result, Timestamp};
use modelyard_deploy::target::{Target, Wanted};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::labelled::Labels;
use super::{Tested, Tester};

pub use step::{told, wanted};

/// A clock that is set by less is one that is kept right.
const NOTICED_MICROS: i64 = 1_000_000;

pub struct Reconciler {
    home: Home,
    clock: Arc<dyn Clock>,
    target: Arc<dyn Target>,
    tester: Arc<dyn Tester>,
    /// Of this program's file: replicas of another one are replaced.
    program: Digest,
    memory: Mutex<BTreeMap<EnvironmentId, Memory>>,
    /// The time, and the clock that nobody sets, at the last look.
    looked: Mutex<Option<(Timestamp, i64)>>,
    /// Something has ended that nobody writes into the home.
    woken: Arc<Notify>,
}

/// What would be found out again.
#[derive(Default)]
struct Memory {
    /// What the target was last told, and when.
    told: Option<(Wanted, Timestamp)>,
    trouble: Option<String>,
    test: Option<Test>,
    /// How far the time was set forward since the release's step was last adjusted to it, microseconds.
    set_by: i64,
    labels: Option<Read>,
}

/// What labels said of a release's step, and when they were read.
type Read = ((ReleaseId, u32), Timestamp, Option<Labels>);

/// Application tests that are under way.
struct Test {
    release: ReleaseId,
    task: JoinHandle<Result<Tested>>,
}

impl Drop for Test {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Reconciler {
    pub fn new(
        home: Home,
        clock: Arc<dyn Clock>,
        target: Arc<dyn Target>,
        tester: Arc<dyn Tester>,
        program: Digest,
    ) -> Self {
        Self {
            home,
            clock,
            target,
            tester,
            program,
            memory: Mutex::default(),
            looked: Mutex::default(),
            woken: Arc::default(),
        }
    }

    /// By how much the time was set since the last look, microseconds; nothing where it merely passed.
    fn set_by(&self) -> i64 {
        let (now, steady) = (self.clock.now(), self.clock.steady_micros());
        let before = self.looked.lock().unwrap_or_else(PoisonError::into_inner).replace((now, steady));
        before.map_or(0, |(time, clock)| {
            let set_by = now.micros().saturating_sub(time.micros()) - (steady - clock);
            if set_by.abs() < NOTICED_MICROS { 0 } else { set_by }
        })
    }

    fn with_memory<T>(&self, id: &EnvironmentId, act: impl FnOnce(&mut Memory) -> T) -> T {
        // Nothing that is done with it can panic half-way.
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        act(memory.entry(id.clone()).or_default())
    }
}
