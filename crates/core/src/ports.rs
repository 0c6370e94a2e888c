//! What the rest of the house needs from a home, a small trait per noun.
//!
//! `store` implements them (a local folder with SQLite, and one in memory for tests); each has a
//! conformance suite there. A remote home can implement them later, so nothing here shows where a
//! home lies.

mod monitoring;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use crate::action::{ActionKey, ActionResult};
use crate::audit::{Actor, AuditEntry, AuditFilter};
use crate::data::{DataVersion, NumberedVersion};
use crate::deploy::{
    Applied, Approval, Environment, EnvironmentId, Release, ReplicaReport, Served, StateRecord, TestsUnderWay,
};
use crate::id::{ReleaseId, RunId};
use crate::model::{ModelRef, ModelVersion, NewVersion, RegisteredModel};
use crate::run::{Run, RunFilter};
use crate::tree::Tree;
use crate::{Digest, Result, Timestamp};

pub use monitoring::{AlertStore, CauseStore, Found, LabelStore, MonitorStore, PredictionLog};

/// Everything a home offers.
#[derive(Clone)]
pub struct Home {
    pub blobs: Arc<dyn BlobStore>,
    pub results: Arc<dyn ResultStore>,
    pub stamps: Arc<dyn StampStore>,
    pub data: Arc<dyn DataStore>,
    pub runs: Arc<dyn RunStore>,
    pub models: Arc<dyn ModelStore>,
    pub audit: Arc<dyn AuditStore>,
    pub environments: Arc<dyn EnvironmentStore>,
    pub observations: Arc<dyn ObservationStore>,
    pub log: Arc<dyn PredictionLog>,
    pub labels: Arc<dyn LabelStore>,
    pub monitoring: Arc<dyn MonitorStore>,
    pub alerts: Arc<dyn AlertStore>,
    pub causes: Arc<dyn CauseStore>,
    pub locks: Arc<dyn Locks>,
}

/// Immutable content, named by digest. Nothing is there until it is there whole; what is read is
/// verified.
#[async_trait]
pub trait BlobStore: Send + Sync {
    async fn put(&self, bytes: &[u8]) -> Result<Digest>;

    /// Stores the file at `path` without holding it in memory.
    async fn put_file(&self, path: &Path) -> Result<Digest>;

    /// Stores every file below `path` and the tree that lists them; answers the tree.
    async fn put_folder(&self, path: &Path) -> Result<Tree>;

    /// The bytes of `digest`; `None` if it is not there.
    async fn get(&self, digest: Digest) -> Result<Option<Vec<u8>>>;

    /// Writes the blob to a new file at `path`, verified on the way, never linked to the store's own.
    ///
    /// # Errors
    /// If it is not there, or damaged.
    async fn fetch_file(&self, digest: Digest, path: &Path) -> Result<()>;

    /// Writes the files of the tree `digest` below `path`, which is made if missing.
    async fn fetch_folder(&self, digest: Digest, path: &Path) -> Result<()>;

    async fn contains(&self, digest: Digest) -> Result<bool>;

    /// The tree `digest`; `None` if it is not there.
    async fn tree(&self, digest: Digest) -> Result<Option<Tree>>;
}

/// Results of actions, by key.
#[async_trait]
pub trait ResultStore: Send + Sync {
    async fn get(&self, key: ActionKey) -> Result<Option<ActionResult>>;

    /// Keeps `result`; a later one under the same key replaces it.
    async fn put(&self, result: &ActionResult) -> Result<()>;
}

/// Digests of files whose size and times have not changed, so that they need not be read again.
/// A cache: losing it costs time alone.
#[async_trait]
pub trait StampStore: Send + Sync {
    async fn get(&self, stamp: &FileStamp) -> Result<Option<Digest>>;
    async fn put(&self, stamps: &[(FileStamp, Digest)]) -> Result<()>;
}

/// What tells a file's state without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FileStamp {
    /// Absolute.
    pub path: String,
    pub size_bytes: u64,
    pub modified_ns: i64,
    pub changed_ns: i64,
    pub inode: u64,
}

#[async_trait]
pub trait DataStore: Send + Sync {
    /// Gives a new digest of the data set the next number; a known one keeps its own.
    async fn record(&self, project: &str, version: &DataVersion, at: Timestamp) -> Result<NumberedVersion>;

    /// By number; `None` for the newest.
    async fn get(&self, project: &str, name: &str, number: Option<u32>) -> Result<Option<NumberedVersion>>;

    /// Of one data set, or of all; sorted by name, newest first.
    async fn list(&self, project: &str, name: Option<&str>) -> Result<Vec<NumberedVersion>>;

    /// Notes that `package` was scored on the test part `split`; answers how many different
    /// packages were, this one included.
    async fn count_test_use(&self, split: Digest, package: Digest) -> Result<u64>;
}

#[async_trait]
pub trait RunStore: Send + Sync {
    /// Inserts the run, or replaces what is known of it.
    async fn save(&self, run: &Run) -> Result<()>;
    async fn get(&self, id: RunId) -> Result<Option<Run>>;
    async fn list(&self, filter: &RunFilter) -> Result<Vec<Run>>;
}

/// The registry. Every change is one transaction with its audit entry.
#[async_trait]
pub trait ModelStore: Send + Sync {
    /// The version of `new.package` under `new.name`: the one there is, or a new one with the
    /// next number. The flag says whether it is new.
    async fn register(&self, new: &NewVersion, actor: &Actor) -> Result<(ModelVersion, bool)>;

    /// Points `alias` of `name` at version `number`.
    ///
    /// # Errors
    /// If there is no such version.
    async fn set_alias(&self, name: &str, number: u32, alias: &str, actor: &Actor) -> Result<()>;

    async fn resolve(&self, model: &ModelRef) -> Result<Option<ModelVersion>>;

    async fn model(&self, name: &str) -> Result<Option<RegisteredModel>>;

    /// Sorted by name.
    async fn models(&self) -> Result<Vec<RegisteredModel>>;

    /// Newest first.
    async fn versions(&self, name: &str) -> Result<Vec<ModelVersion>>;
}

#[async_trait]
pub trait AuditStore: Send + Sync {
    /// All entries from the first, in order.
    async fn entries(&self) -> Result<Vec<AuditEntry>>;

    /// The digest that was noted beside each entry when it was appended, from the first, in order.
    async fn digests(&self) -> Result<Vec<Digest>>;

    /// Those that `filter` lets through, the newest first.
    async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>>;

    /// Number and digest of the last entry, kept apart from the entries so that a cut-off tail is
    /// noticed.
    async fn head(&self) -> Result<Option<(u64, Digest)>>;

    async fn append(
        &self,
        actor: &Actor,
        event: &str,
        subject: &str,
        details: serde_json::Value,
    ) -> Result<AuditEntry>;
}

/// Environments, what was applied to them, and their releases. Every change is one transaction with its
/// audit entry.
#[async_trait]
pub trait EnvironmentStore: Send + Sync {
    /// Writes what a project applied, and all of its `environments` as they are to be.
    ///
    /// # Errors
    /// [`Kind::Conflict`](crate::Kind::Conflict) if one of them was changed since it was read.
    async fn apply(&self, applied: &Applied, environments: &[Environment], actor: &Actor) -> Result<()>;

    /// What `project` applied last.
    async fn applied(&self, project: &str) -> Result<Option<Applied>>;

    /// Names of projects that applied something, sorted.
    async fn projects(&self) -> Result<Vec<String>>;

    async fn environment(&self, id: &EnvironmentId) -> Result<Option<Environment>>;

    /// Of one project, or of all; sorted by project and name.
    async fn environments(&self, project: Option<&str>) -> Result<Vec<Environment>>;

    /// Writes an environment and what changes with it; answers it with its new revision.
    ///
    /// # Errors
    /// [`Kind::Conflict`](crate::Kind::Conflict) if it was changed since it was read.
    async fn change(&self, change: &Change, actor: &Actor) -> Result<Environment>;

    async fn release(&self, id: ReleaseId) -> Result<Option<Release>>;

    /// The one that began last first.
    async fn releases(&self, environment: &EnvironmentId) -> Result<Vec<Release>>;

    /// Every state the environment ever had, oldest first.
    async fn states(&self, environment: &EnvironmentId) -> Result<Vec<StateRecord>>;

    /// The number of the audit entry of each state, by its generation.
    async fn state_entries(&self, environment: &EnvironmentId) -> Result<BTreeMap<u64, u64>>;

    /// Keeps an approval or rejection, audited.
    async fn approve(&self, approval: &Approval) -> Result<()>;

    /// In the order in which they were given.
    async fn approvals(&self, model: &str, number: u32) -> Result<Vec<Approval>>;
}

/// A change of an environment: all of it, or nothing.
#[derive(Clone, Debug)]
pub struct Change {
    /// As it is to be, with the revision at which it was read. A state of a new generation is added to
    /// the history.
    pub environment: Environment,
    /// New, or as it is to be.
    pub release: Option<Release>,
    /// Model, version and alias to set in the same transaction.
    pub aliases: Vec<(String, u32, String)>,
    /// `environment.stopped`, `release.began`.
    pub event: &'static str,
    /// Why, for history and audit.
    pub cause: String,
    /// What the audit entry says besides; before and after, where something was replaced.
    pub details: serde_json::Value,
}

/// What replicas see. Not audited: it is observed, nobody decides it.
#[async_trait]
pub trait ObservationStore: Send + Sync {
    /// Keeps `report` in place of an earlier one of the same boot; one with a lower sequence number
    /// changes nothing.
    async fn report(&self, report: &ReplicaReport) -> Result<()>;

    /// The last report of every boot that is kept, in the order of their starts.
    async fn reports(&self, environment: &EnvironmentId) -> Result<Vec<ReplicaReport>>;

    /// When versions answered, over all replicas and all their boots, for ever: what reports said is added
    /// up, so a report need only hold the spans that are new or went on. Sorted by generation and package.
    async fn served(&self, environment: &EnvironmentId) -> Result<Vec<Served>>;

    /// Keeps how far tests have come, in place of what was kept of the same environment.
    async fn note_tests(&self, tests: &TestsUnderWay) -> Result<()>;

    /// How far the tests that began last in `environment` have come.
    async fn tests(&self, environment: &EnvironmentId) -> Result<Option<TestsUnderWay>>;

    /// A watch that tells whether anything in the home may have changed since it was last asked.
    async fn watch(&self) -> Result<Box<dyn Watch>>;
}

#[async_trait]
pub trait Watch: Send {
    /// Cheap enough to be asked ten times a second. True the first time; false alarms are allowed.
    async fn changed(&mut self) -> Result<bool>;
}

/// Locks between processes on one home, freed when their holder dies.
#[async_trait]
pub trait Locks: Send + Sync {
    /// Waits until nobody else holds `name`.
    async fn lock(&self, name: &str) -> Result<Box<dyn LockGuard>>;

    /// `None` if somebody else holds it.
    async fn try_lock(&self, name: &str) -> Result<Option<Box<dyn LockGuard>>>;

    /// Whether somebody holds it; whoever asks does not take it.
    async fn is_held(&self, name: &str) -> Result<bool>;
}

/// Held until dropped.
pub trait LockGuard: Send + Sync {}
