//! Ports of monitoring.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde_json::Value;

use crate::audit::Actor;
use crate::deploy::EnvironmentId;
use crate::id::{AlertId, CauseId};
use crate::monitor::{
    About, Alert, Became, Cause, Delivery, Figure, Label, NewLabel, NewSegment, Segment, WindowRecord,
};
use crate::{Result, Timestamp};

/// The inference log: immutable segments. Nothing is there until it is there whole.
#[async_trait]
pub trait PredictionLog: Send + Sync {
    /// Takes in the closed Parquet file at `path`, which is left where it is; `replaced` leave the log in the
    /// same moment. Their files stay until a [`sweep`](Self::sweep), for whoever reads them just then.
    async fn add(&self, segment: &NewSegment, path: &Path, replaced: &[u64]) -> Result<Segment>;

    /// Of `environment`, in the order of their numbers, those with higher numbers than `after`.
    async fn segments(&self, environment: &EnvironmentId, after: u64) -> Result<Vec<Segment>>;

    /// A file with the segment's bytes, to be read alone.
    ///
    /// # Errors
    /// If it is missing or is not what it was when it was taken in.
    async fn file(&self, segment: &Segment) -> Result<PathBuf>;

    /// Removes segments, by their numbers.
    async fn remove(&self, numbers: &[u64]) -> Result<()>;

    /// Removes files that no segment has and that nobody wrote since `before`; answers how many.
    async fn sweep(&self, before: Timestamp) -> Result<u64>;
}

/// Labels and figures: acknowledged means durable.
#[async_trait]
pub trait LabelStore: Send + Sync {
    /// Keeps `labels` in one transaction; answers what became of each.
    async fn add_labels(
        &self,
        environment: &EnvironmentId,
        labels: &[NewLabel],
        at: Timestamp,
    ) -> Result<Vec<Became>>;

    /// In the order in which they came, those with higher numbers than `after`, at most `limit`.
    async fn labels(&self, environment: &EnvironmentId, after: u64, limit: usize) -> Result<Vec<Label>>;

    /// The label that counts of each of `ids` that has one.
    async fn labels_of(&self, environment: &EnvironmentId, ids: &[String])
    -> Result<BTreeMap<String, Label>>;

    async fn add_figures(&self, environment: &EnvironmentId, figures: &[Figure]) -> Result<()>;

    async fn figures(
        &self,
        environment: &EnvironmentId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Figure>>;
}

/// What monitoring found.
#[async_trait]
pub trait MonitorStore: Send + Sync {
    /// What the monitor of `environment` remembers, with the revision to change it from; `None` at first.
    async fn memory(&self, environment: &EnvironmentId) -> Result<Option<(u64, Value)>>;

    /// Writes all of `found` or nothing.
    ///
    /// # Errors
    /// [`Kind::Conflict`](crate::Kind::Conflict) if the memory was changed since it was read.
    async fn keep(&self, found: &Found, actor: &Actor) -> Result<()>;

    /// Of `environment`, those that end after `after`; by start, then version.
    async fn windows(
        &self,
        environment: &EnvironmentId,
        after: Option<Timestamp>,
    ) -> Result<Vec<WindowRecord>>;
}

/// Whom monitoring told. Changes of alerts are audited, deliveries are not.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// Of one project, the newest first; those that are not resolved alone where `open`.
    async fn alerts(&self, project: &str, open: bool) -> Result<Vec<Alert>>;

    async fn alert(&self, id: AlertId) -> Result<Option<Alert>>;

    /// The one that was opened last about this, open or not.
    async fn latest(&self, about: &About) -> Result<Option<Alert>>;

    /// Writes an alert, new or as it is to be, with the revision at which it was read, and what is to be told
    /// of it; answers it with its new revision.
    ///
    /// # Errors
    /// [`Kind::Conflict`](crate::Kind::Conflict) if it was changed since it was read, or another about the same
    /// is open.
    async fn keep_alert(&self, alert: &Alert, deliveries: &[Delivery], actor: &Actor) -> Result<Alert>;

    /// Deliveries of `project` that are not done, in the order in which they are to be told.
    async fn deliveries(&self, project: &str) -> Result<Vec<Delivery>>;

    /// All deliveries of an alert, in the same order.
    async fn told(&self, alert: AlertId) -> Result<Vec<Delivery>>;

    /// Writes what became of a delivery.
    async fn keep_delivery(&self, delivery: &Delivery) -> Result<()>;
}

/// What started training, audited.
#[async_trait]
pub trait CauseStore: Send + Sync {
    /// Keeps a cause, unless the home has one of its project, trigger and key already; answers the one there is
    /// and whether it is new.
    async fn add_cause(&self, cause: &Cause, actor: &Actor) -> Result<(Cause, bool)>;

    /// Writes a cause as it is to be, with the revision at which it was read.
    ///
    /// # Errors
    /// [`Kind::Conflict`](crate::Kind::Conflict) if it was changed since it was read.
    async fn change_cause(&self, cause: &Cause, actor: &Actor) -> Result<Cause>;

    async fn cause(&self, id: CauseId) -> Result<Option<Cause>>;

    /// Of one project, the newest first.
    async fn causes(&self, project: &str) -> Result<Vec<Cause>>;
}

/// What a look of the monitor leaves: windows, causes and memory in one transaction, so that each window is
/// counted once.
#[derive(Clone, Debug)]
pub struct Found {
    pub environment: EnvironmentId,
    /// The revision at which the memory was read; 0 where there was none.
    pub revision: u64,
    pub memory: Value,
    pub windows: Vec<WindowRecord>,
    /// As by [`CauseStore::add_cause`].
    pub causes: Vec<Cause>,
}
