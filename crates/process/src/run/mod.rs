//! Running a command from start to end, with everything it starts.
//!
//! [`run`] gives a command exactly the environment it is told, streams its lines, keeps a bounded
//! log, ends it at its time-out or when cancelled (SIGTERM, then SIGKILL), and returns only when
//! nothing of its process tree is left: children that made their own session or process group,
//! or that were forked twice, included. The same happens if this program is killed.
//!
//! A command's memory lies at the same addresses every time, where the system allows that, so that
//! what it writes does not depend on them.
//!
//! It does not interpret what a command prints, and decides nothing about retries.
//!
//! Between this program and the command stands a supervisor; see `supervisor.rs`.

mod blots;
pub(crate) mod lines;
mod log;
pub(crate) mod memory;
mod program;
mod report;
pub(crate) mod spawn;
pub(crate) mod supervisor;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::future::Future;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::pin::pin;
use std::time::{Duration, Instant};

use modelyard_core::action::Usage;
use modelyard_core::{Fault, Kind, Result};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::sleep_until;

use crate::sandbox::{Enforcement, SandboxSpec};
use blots::Blots;
use lines::Lines;
use log::Log;
use memory::Memory;
use report::Report;
use spawn::{Start, Tree};

/// [`CommandSpec::log_limit_bytes`] unless there is a reason: 64 MiB.
pub const LOG_LIMIT_BYTES: u64 = 64 << 20;

/// [`CommandSpec::grace`] unless there is a reason.
pub const GRACE: Duration = Duration::from_secs(5);

/// A command to run.
#[derive(Clone, Debug)]
pub struct CommandSpec {
    /// Program and arguments; no shell. A program without a slash is looked for in `env`'s `PATH`.
    pub words: Vec<OsString>,
    /// The working folder.
    pub cwd: PathBuf,
    /// Exactly the variables of the command; nothing is inherited.
    pub env: BTreeMap<OsString, OsString>,
    pub sandbox: SandboxSpec,
    /// Gets stdout and stderr, line by line as they come. Emptied first.
    pub log_file: PathBuf,
    /// The log keeps its first and its last half of this, and says how much was cut between.
    pub log_limit_bytes: u64,
    /// Counted from the start; after it the command is ended.
    pub timeout: Option<Duration>,
    /// From SIGTERM to SIGKILL, at a time-out and when cancelled.
    pub grace: Duration,
    /// Added to the scheduling priority: 0 to 19.
    pub nice: i32,
    /// Values that are kept nowhere: `***` stands for each in lines and log. A value that the command
    /// prints in another shape (escaped, in base64) is not recognised, nor one below four bytes.
    pub blotted: Vec<String>,
}

impl CommandSpec {
    /// `words` in `cwd`, with an empty environment, the sandbox enforced with nothing to read or
    /// write, and the default limits.
    pub fn new<W: Into<OsString>>(
        words: impl IntoIterator<Item = W>,
        cwd: impl Into<PathBuf>,
        log_file: impl Into<PathBuf>,
    ) -> Self {
        Self {
            words: words.into_iter().map(Into::into).collect(),
            cwd: cwd.into(),
            env: BTreeMap::new(),
            sandbox: SandboxSpec::default(),
            log_file: log_file.into(),
            log_limit_bytes: LOG_LIMIT_BYTES,
            timeout: None,
            grace: GRACE,
            nice: 0,
            blotted: Vec::new(),
        }
    }
}

/// How a command ended, and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    pub status: Status,
    /// Ended by its time-out.
    pub timed_out: bool,
    /// Ended by the caller.
    pub cancelled: bool,
    /// Wall time; CPU time of the whole tree (but of children whose parent ignored their end); the
    /// most memory that the tree was seen to hold, or that one process of it had.
    pub usage: Usage,
    pub enforcement: Enforcement,
    /// Whether processes outlived the command and were killed.
    pub leftovers: bool,
    /// Bytes that the log lost to its limit.
    pub log_cut_bytes: u64,
}

impl Exit {
    /// Ended by itself, with code 0.
    pub fn success(&self) -> bool {
        self.status == Status::Code(0) && !self.timed_out && !self.cancelled
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Code(i32),
    /// By its number.
    Signal(i32),
}

/// Runs a command to its end. `line` gets each line of stdout (without its line feed; what is no
/// UTF-8 is replaced; lines above 64 KiB come in pieces) and must be quick; when `cancel` resolves
/// the command is ended. Dropping the future kills the command at once.
///
/// A command that fails is no error: see [`Exit::status`].
///
/// # Errors
/// [`Kind::Step`] if it can't be started (a program that is not there is named with the path
/// searched); [`Kind::Store`] if the log can't be written, after the command was killed.
pub async fn run(
    spec: CommandSpec,
    mut line: impl FnMut(&str),
    cancel: impl Future<Output = ()>,
) -> Result<Exit> {
    let mut log = Log::create(&spec.log_file, spec.log_limit_bytes)?;
    let started = Instant::now();
    let (mut tree, stdout, stderr) = Tree::start(Start {
        words: &spec.words,
        cwd: &spec.cwd,
        env: &spec.env,
        sandbox: &spec.sandbox,
        nice: spec.nice,
        inherited: None,
        fixed_addresses: true,
    })?;
    let mut memory = Memory::of_tree(tree.supervisor_id());
    let blots = Blots::new(&spec.blotted);
    let mut stdout = Stream::new(stdout);
    let mut stderr = Stream::new(stderr);
    let mut cancel = pin!(cancel);
    let mut ending = Ending::default();
    let timeout = spec.timeout.map(|timeout| started + timeout);
    let mut ended: Option<(Report, Enforcement)> = None;

    while ended.is_none() || stdout.open || stderr.open {
        tokio::select! {
            read = stdout.read(), if stdout.open => {
                stdout.take(read, |bytes| {
                    let bytes = blots.over(bytes);
                    line(&lines::text(&bytes));
                    log.write(&bytes)
                })?;
            }
            read = stderr.read(), if stderr.open => {
                stderr.take(read, |bytes| log.write(&blots.over(bytes)))?;
            }
            end = tree.ended(), if ended.is_none() => {
                ended = Some(end?);
                // What a living process outside of the tree was handed is not waited for.
                ending.drain_at = Some(Instant::now() + DRAIN);
            }
            () = cancel.as_mut(), if !ending.begun() && ended.is_none() => {
                ending.cancelled = true;
                ending.kill_at = Some(Instant::now() + spec.grace);
                tree.terminate().await;
            }
            () = at(timeout), if !ending.begun() && ended.is_none() => {
                ending.timed_out = true;
                ending.kill_at = Some(Instant::now() + spec.grace);
                tree.terminate().await;
            }
            () = at(ending.kill_at), if ended.is_none() => {
                ending.kill_at = None;
                tree.kill().await;
            }
            () = at(Some(memory.next)), if ended.is_none() => memory.look(),
            () = at(ending.drain_at) => break,
        }
    }
    stdout.lines.finish(|bytes| {
        let bytes = blots.over(bytes);
        line(&lines::text(&bytes));
        log.write(&bytes)
    })?;
    stderr.lines.finish(|bytes| log.write(&blots.over(bytes)))?;
    let wall = started.elapsed();
    let log_cut_bytes = log.finish()?;
    let Some((report, enforcement)) = ended else {
        return Err(Fault::new(Kind::Internal, "a command's end was not reported"));
    };
    Ok(Exit {
        status: status(report.status),
        timed_out: ending.timed_out,
        cancelled: ending.cancelled,
        usage: report.usage(wall, memory.peak_bytes),
        enforcement,
        leftovers: report.leftovers,
        log_cut_bytes,
    })
}

/// How long output is read on when nothing of the tree is left.
const DRAIN: Duration = Duration::from_secs(1);

#[derive(Default)]
struct Ending {
    timed_out: bool,
    cancelled: bool,
    kill_at: Option<Instant>,
    drain_at: Option<Instant>,
}

impl Ending {
    fn begun(&self) -> bool {
        self.timed_out || self.cancelled
    }
}

/// Resolves at `instant`; never without one.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant.into()).await,
        None => std::future::pending().await,
    }
}

/// One of the command's two streams.
struct Stream<R> {
    pipe: Option<R>,
    open: bool,
    buffer: Vec<u8>,
    lines: Lines,
}

impl<R: AsyncRead + Unpin> Stream<R> {
    fn new(pipe: Option<R>) -> Self {
        Self { open: pipe.is_some(), pipe, buffer: vec![0; 64 * 1024], lines: Lines::default() }
    }

    /// Bytes read into the buffer; 0 at the end. An error of a pipe is its end too.
    async fn read(&mut self) -> usize {
        match &mut self.pipe {
            Some(pipe) => pipe.read(&mut self.buffer).await.unwrap_or(0),
            None => 0,
        }
    }

    fn take(&mut self, read: usize, line: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.open = read > 0;
        self.lines.push(&self.buffer[..read], line)
    }
}

pub(crate) fn status(waited: i32) -> Status {
    let status = std::process::ExitStatus::from_raw(waited);
    match (status.code(), status.signal()) {
        (Some(code), _) => Status::Code(code),
        (None, signal) => Status::Signal(signal.unwrap_or(0)),
    }
}
