//! A command that stays and is talked to.
//!
//! A worker finds one end of a socket pair as its descriptor 3, which needs no path and works in
//! any sandbox; end of file there means that nobody listens any more. It has a supervisor like
//! every other command, so nothing of it outlives this program, also if it no longer reads.
//!
//! What is said over the socket is up to both ends.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use modelyard_core::action::Usage;
use modelyard_core::fault::Attempt;
use modelyard_core::{Kind, Result};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;

use crate::run::lines::{self, Lines};
use crate::run::memory;
use crate::run::spawn::{Start, Tree};
use crate::run::{Status, status};
use crate::sandbox::{Enforcement, SandboxSpec};

/// A worker to start.
#[derive(Clone, Debug)]
pub struct WorkerSpec {
    /// Program and arguments, as in [`crate::run::CommandSpec`].
    pub words: Vec<OsString>,
    pub cwd: PathBuf,
    /// Exactly the variables of the worker.
    pub env: BTreeMap<OsString, OsString>,
    pub sandbox: SandboxSpec,
    /// What it may hold with all of its process tree, looked at twice a second; it is killed above that.
    pub memory_bytes: Option<u64>,
}

/// How a worker ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerEnd {
    pub status: Status,
    pub usage: Usage,
    pub enforcement: Enforcement,
}

/// A running worker. Dropping it kills it with all of its process tree.
pub struct Worker {
    tree: Tree,
    limit: Option<Limit>,
    started: Instant,
    said: Arc<Said>,
    readers: Vec<JoinHandle<()>>,
}

/// How many lines of what a worker prints are kept.
const LINES: usize = 100;

/// How often a worker's memory is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// How long the last of it is waited for when the worker has ended.
const DRAIN: Duration = Duration::from_secs(1);

/// The last lines, of stdout and stderr as they came.
#[derive(Default)]
struct Said(Mutex<VecDeque<String>>);

/// Starts a worker; answers this end of its socket too. To be called within a tokio runtime.
///
/// # Errors
/// [`Kind::Step`] if it can't be started.
pub fn spawn_worker(spec: &WorkerSpec) -> Result<(Worker, UnixStream)> {
    let cannot = || "cannot make a worker's socket".to_owned();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().attempt(Kind::Internal, cannot)?;
    ours.set_nonblocking(true).attempt(Kind::Internal, cannot)?;
    let ours = UnixStream::from_std(ours).attempt(Kind::Internal, cannot)?;
    let started = Instant::now();
    let (tree, stdout, stderr) = Tree::start(Start {
        words: &spec.words,
        cwd: &spec.cwd,
        env: &spec.env,
        sandbox: &spec.sandbox,
        nice: 0,
        inherited: Some(theirs.into()),
        // A worker answers strangers: an attack has to guess.
        fixed_addresses: false,
    })?;
    let said = Arc::new(Said::default());
    let limit = spec.memory_bytes.map(|bytes| Limit::watch(&tree, bytes)).transpose()?;
    let readers = vec![
        tokio::spawn(listen(stdout, Arc::clone(&said))),
        tokio::spawn(listen(stderr, Arc::clone(&said))),
    ];
    Ok((Worker { tree, limit, started, said, readers }, ours))
}

impl Worker {
    /// The last lines that it printed, at most a hundred, oldest first.
    pub fn last_lines(&self) -> Vec<String> {
        self.said.lines().iter().cloned().collect()
    }

    /// What it held, and what it may, when it was killed for holding more.
    pub fn exceeded_bytes(&self) -> Option<(u64, u64)> {
        let limit = self.limit.as_ref()?;
        let held = limit.exceeded_bytes.load(Ordering::Relaxed);
        (held > 0).then_some((held, limit.most_bytes))
    }

    /// Kills it and all of its process tree.
    pub async fn kill(&mut self) {
        self.tree.kill().await;
    }

    /// Waits until nothing of it is left. May be dropped and called again.
    ///
    /// # Errors
    /// [`Kind::Step`] if its supervisor was killed by somebody.
    pub async fn wait(&mut self) -> Result<WorkerEnd> {
        let (report, enforcement) = self.tree.ended().await?;
        for reader in &mut self.readers {
            if !reader.is_finished() {
                let _ = tokio::time::timeout(DRAIN, reader).await;
            }
        }
        let usage = report.usage(self.started.elapsed(), 0);
        Ok(WorkerEnd { status: status(report.status), usage, enforcement })
    }
}

/// Looks at a worker's memory now and then.
struct Limit {
    most_bytes: u64,
    exceeded_bytes: Arc<AtomicU64>,
    watch: JoinHandle<()>,
}

impl Limit {
    fn watch(tree: &Tree, most_bytes: u64) -> Result<Self> {
        let (supervisor, killer) = (tree.supervisor_id(), tree.killer()?);
        let exceeded_bytes = Arc::new(AtomicU64::new(0));
        let exceeded = exceeded_bytes.clone();
        let watch = tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                let bytes = memory::of_tree(supervisor);
                if bytes > most_bytes {
                    exceeded.store(bytes, Ordering::Relaxed);
                    return killer.kill();
                }
            }
        });
        Ok(Self { most_bytes, exceeded_bytes, watch })
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Said {
    fn lines(&self) -> std::sync::MutexGuard<'_, VecDeque<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: &[u8]) {
        let mut kept = self.lines();
        if kept.len() == LINES {
            kept.pop_front();
        }
        kept.push_back(lines::text(line));
    }
}

async fn listen(pipe: Option<impl AsyncRead + Unpin>, said: Arc<Said>) {
    let Some(mut pipe) = pipe else { return };
    let mut buffer = vec![0; 8 * 1024];
    let mut lines = Lines::default();
    let mut keep = |line: &[u8]| {
        said.push(line);
        Ok::<(), std::convert::Infallible>(())
    };
    while let Ok(read @ 1..) = pipe.read(&mut buffer).await {
        let Ok(()) = lines.push(&buffer[..read], &mut keep);
    }
    let Ok(()) = lines.finish(&mut keep);
}
