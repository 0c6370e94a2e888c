//! Performs actions: looks the key up, else executes once, however many ask at the same time.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use modelyard_core::action::{Action, ActionKind, ActionResult, Output, Trust, Usage};
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Digest, Fault, Kind};
use modelyard_process::temporary::remove_folder;
use tokio::sync::{Semaphore, watch};

use crate::scratch::{Scratch, folder_name};

/// Whether a missing result is made or only reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Execute,
    /// Nothing is executed and nothing written: for `status`.
    Look,
    /// Everything is executed, whatever results there are, and no result is written: for
    /// `reproduce`. Only blobs are added to the home.
    Repeat,
}

/// Why a node could not be carried further.
#[derive(Debug)]
pub enum Stop {
    /// In [`Mode::Look`]: this action has no result yet.
    Missing(Box<Action>),
    /// In [`Mode::Look`]: something else would be done, in words.
    Pending(String),
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A result, and whether it was there already.
#[derive(Clone, Debug)]
pub struct Done {
    pub result: ActionResult,
    pub cached: bool,
}

/// What an execution yields, before it becomes an [`ActionResult`].
#[derive(Clone, Debug)]
pub struct Performed {
    pub outputs: BTreeMap<String, Output>,
    pub metrics: BTreeMap<String, f64>,
    pub facts: serde_json::Value,
    pub log: Option<Digest>,
    pub usage: Usage,
    pub trust: Trust,
    pub remarks: Vec<String>,
}

impl Performed {
    /// Of a built-in step: it reads nothing but its inputs.
    pub fn builtin(outputs: BTreeMap<String, Output>, facts: serde_json::Value) -> Self {
        Self {
            outputs,
            metrics: BTreeMap::new(),
            facts,
            log: None,
            usage: Usage::default(),
            trust: Trust::full(),
            remarks: Vec::new(),
        }
    }
}

/// Tells everything that runs to end. Cloned freely; once cancelled it stays so.
#[derive(Clone)]
pub struct Cancel(Arc<watch::Sender<bool>>);

impl Default for Cancel {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Cancel {
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once cancelled.
    pub async fn cancelled(&self) {
        // The sender lives as long as `self`, so waiting can only end with `true`.
        let _ = self.0.subscribe().wait_for(|cancelled| *cancelled).await;
    }
}

pub struct Engine {
    pub home: Home,
    pub clock: Arc<dyn Clock>,
    pub cancel: Cancel,
    mode: Mode,
    scratch: PathBuf,
    slots: Semaphore,
}

impl Engine {
    /// `scratch` holds the folders of running actions; `jobs` of them run at once.
    pub fn new(home: Home, clock: Arc<dyn Clock>, mode: Mode, scratch: PathBuf, jobs: usize) -> Self {
        Self { home, clock, cancel: Cancel::default(), mode, scratch, slots: Semaphore::new(jobs.max(1)) }
    }

    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The result of `action`: from the store, or by `execute`, which is given an empty folder.
    /// With `force` it is executed even though a result is there, and replaces it.
    ///
    /// Several who ask for one key, in this or another process, wait for the one that executes.
    ///
    /// # Errors
    /// What `execute` answers; nothing is stored then. In [`Mode::Look`], [`Stop::Missing`].
    pub async fn perform<F, R>(&self, action: Action, force: bool, execute: F) -> Result<Done, Stop>
    where
        F: FnOnce(PathBuf) -> R,
        R: Future<Output = Result<Performed, Fault>>,
    {
        let key = action.key();
        if self.mode == Mode::Repeat {
            let result = self.repeat(action, execute).await?;
            return Ok(Done { result, cached: false });
        }
        if !force && let Some(result) = self.home.results.get(key).await? {
            return Ok(Done { result, cached: true });
        }
        if self.mode == Mode::Look {
            return Err(Stop::Missing(Box::new(action)));
        }
        let _slot = self.slots.acquire().await.map_err(|_| cancelled())?;
        let _lock = self.home.locks.lock(&format!("action-{}", folder_name(key))).await?;
        if !force && let Some(result) = self.home.results.get(key).await? {
            return Ok(Done { result, cached: true });
        }
        if self.cancel.is_cancelled() {
            return Err(cancelled().into());
        }
        let result = self.execute(action, execute).await?;
        self.home.results.put(&result).await?;
        Ok(Done { result, cached: false })
    }

    /// Executes `action` anew and keeps nothing but the blobs.
    async fn repeat<F, R>(&self, action: Action, execute: F) -> Result<ActionResult, Fault>
    where
        F: FnOnce(PathBuf) -> R,
        R: Future<Output = Result<Performed, Fault>>,
    {
        let _slot = self.slots.acquire().await.map_err(|_| cancelled())?;
        let _lock = self.home.locks.lock(&format!("action-{}", folder_name(action.key()))).await?;
        if self.cancel.is_cancelled() {
            return Err(cancelled());
        }
        self.execute(action, execute).await
    }

    async fn execute<F, R>(&self, action: Action, execute: F) -> Result<ActionResult, Fault>
    where
        F: FnOnce(PathBuf) -> R,
        R: Future<Output = Result<Performed, Fault>>,
    {
        let key = action.key();
        let began = std::time::Instant::now();
        let scratch = Scratch::new(&self.scratch, key)?;
        let executing = execute(scratch.path().to_owned());
        let mut performed = match action.kind {
            // An executor ends its command in its own time, and says so.
            ActionKind::Command(_) => executing.await?,
            ActionKind::Builtin { .. } => tokio::select! {
                performed = executing => performed?,
                () = self.cancel.cancelled() => return Err(cancelled()),
            },
        };
        if performed.usage == Usage::default() {
            performed.usage.wall_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        }
        Ok(ActionResult {
            version: 1,
            key,
            action,
            outputs: performed.outputs,
            metrics: performed.metrics,
            facts: performed.facts,
            log: performed.log,
            usage: performed.usage,
            trust: performed.trust,
            remarks: performed.remarks,
            finished_at: self.clock.now(),
        })
    }

    /// Removes the folders of executions that were killed.
    pub async fn sweep(&self) {
        let Ok(folders) = std::fs::read_dir(&self.scratch) else { return };
        for folder in folders.flatten() {
            let name = format!("action-{}", folder.file_name().to_string_lossy());
            if let Ok(Some(_lock)) = self.home.locks.try_lock(&name).await {
                // What can't be removed now is tried again by the next run.
                let _ = remove_folder(&folder.path());
            }
        }
    }
}

pub(crate) fn cancelled() -> Fault {
    Fault::new(Kind::Cancelled, "cancelled").hint("`modelyard run` goes on from what is finished")
}
