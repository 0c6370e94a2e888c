//! A home in memory: the ports as plainly as they can be written, for tests of the crates above.
//!
//! Nothing is persisted and no other process sees it; otherwise the promises are the same, and
//! `tests/store/promises/` holds both kinds of home to them.

mod alerts;
mod audit;
mod blobs;
mod data;
mod environments;
mod labels;
mod locks;
mod log;
mod models;
mod monitoring;
mod observations;
mod results;
mod runs;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use modelyard_core::action::{ActionKey, ActionResult};
use modelyard_core::audit::AuditEntry;
use modelyard_core::data::NumberedVersion;
use modelyard_core::deploy::{
    Applied, Approval, Environment, EnvironmentId, Release, ReplicaReport, Served, StateRecord, TestsUnderWay,
};
use modelyard_core::id::RunId;
use modelyard_core::model::ModelVersion;
use modelyard_core::monitor::{Alert, Cause, Delivery, Figure, Label, Segment, WindowRecord};
use modelyard_core::ports::{FileStamp, Home};
use modelyard_core::run::Run;
use modelyard_core::{Digest, Timestamp};

/// Implements every port but locks.
#[derive(Default)]
struct Memory {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    blobs: HashMap<Digest, Arc<[u8]>>,
    results: HashMap<ActionKey, ActionResult>,
    stamps: HashMap<String, (FileStamp, Digest)>,
    /// By project and data set, in the order of their numbers.
    data: BTreeMap<(String, String), Vec<NumberedVersion>>,
    test_uses: BTreeSet<(Digest, Digest)>,
    runs: BTreeMap<RunId, Run>,
    models: BTreeMap<String, Model>,
    audit: Vec<AuditEntry>,
    applied: BTreeMap<String, Applied>,
    environments: BTreeMap<EnvironmentId, Environment>,
    /// In the order of their generations.
    states: BTreeMap<EnvironmentId, Vec<StateRecord>>,
    /// In the order in which they began.
    releases: Vec<Release>,
    /// By model and version, in the order in which they were given.
    approvals: BTreeMap<(String, u32), Vec<Approval>>,
    reports: Vec<ReplicaReport>,
    served: BTreeMap<EnvironmentId, Vec<Served>>,
    tests: BTreeMap<EnvironmentId, TestsUnderWay>,
    /// In the order of their numbers, of all environments.
    segments: Vec<Segment>,
    n_segments: u64,
    labels: BTreeMap<EnvironmentId, Vec<Label>>,
    n_labels: u64,
    figures: BTreeMap<EnvironmentId, Vec<Figure>>,
    monitors: BTreeMap<EnvironmentId, (u64, serde_json::Value)>,
    windows: BTreeMap<EnvironmentId, BTreeMap<(Timestamp, u32), WindowRecord>>,
    /// In the order in which they opened.
    alerts: Vec<Alert>,
    deliveries: Vec<Delivery>,
    /// In the order in which they came.
    causes: Vec<Cause>,
    /// How often it may have been changed.
    changes: u64,
}

struct Model {
    created_at: Timestamp,
    /// In the order of their numbers.
    versions: Vec<ModelVersion>,
    aliases: BTreeMap<String, u32>,
}

impl Memory {
    fn state(&self) -> MutexGuard<'_, State> {
        // No change here can panic half-way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To write to, so that watches notice.
    fn change(&self) -> MutexGuard<'_, State> {
        let mut state = self.state();
        state.changes += 1;
        state
    }
}

pub(crate) fn home() -> Home {
    let memory = Arc::new(Memory::default());
    Home {
        blobs: memory.clone(),
        results: memory.clone(),
        stamps: memory.clone(),
        data: memory.clone(),
        runs: memory.clone(),
        models: memory.clone(),
        audit: memory.clone(),
        environments: memory.clone(),
        observations: Arc::new(observations::Observations(memory.clone())),
        log: memory.clone(),
        labels: memory.clone(),
        monitoring: memory.clone(),
        alerts: memory.clone(),
        causes: memory,
        locks: Arc::new(locks::MemoryLocks::default()),
    }
}
