//! Starting a command below its supervisor.

#![allow(unsafe_code)] // `pre_exec`, and the descriptor that a command finds as its third.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::path::Path;
use std::process::Stdio;

use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

use super::program;
use super::report::{Order, Record, Report, SIZE};
use super::supervisor::{self, Plan};
use crate::sandbox::{Confinement, Enforcement, SandboxSpec};

/// What to start.
pub(crate) struct Start<'a> {
    pub(crate) words: &'a [OsString],
    pub(crate) cwd: &'a Path,
    pub(crate) env: &'a BTreeMap<OsString, OsString>,
    pub(crate) sandbox: &'a SandboxSpec,
    pub(crate) nice: i32,
    /// A descriptor that the command finds as its third.
    pub(crate) inherited: Option<OwnedFd>,
    /// Whether the command's memory lies at the same addresses at every run, where the system
    /// allows that. What a program writes may hold an address (`id(None)` in a pickle does), and an
    /// order may depend on one.
    pub(crate) fixed_addresses: bool,
}

/// Kills a command's process tree.
pub(crate) struct Killer(StdStream);

impl Killer {
    pub(crate) fn kill(&self) {
        // One byte into an empty socket; where nobody reads any more, nothing is left to kill.
        let _ = (&self.0).write(&[Order::Kill as u8]);
    }
}

/// A command's process tree. Dropping it kills all of the tree.
pub(crate) struct Tree {
    supervisor: Child,
    control: UnixStream,
    enforcement: Enforcement,
    record: [u8; SIZE],
    filled: usize,
    report: Option<Report>,
    /// The command's process group, once it is known.
    group: Option<i32>,
}

impl Tree {
    /// Starts the command; answers the tree with the command's stdout and stderr.
    ///
    /// # Errors
    /// [`Kind::Step`] if it can't be started.
    pub(crate) fn start(start: Start<'_>) -> Result<(Self, Option<ChildStdout>, Option<ChildStderr>)> {
        let Some(word) = start.words.first() else {
            return Err(Fault::new(Kind::Step, "cannot start a command without words"));
        };
        if !start.cwd.is_dir() {
            return Err(Fault::new(Kind::Step, format!("cannot run a command in `{}`", start.cwd.display()))
                .hint("the folder does not exist"));
        }
        let found = program::find(word, start.cwd, start.env.get(&OsString::from("PATH")))?;
        let confinement = Confinement::prepare(start.sandbox)?;
        let enforcement = confinement.enforcement().clone();
        let cannot = || format!("cannot start `{}`", found.display());
        let (ours, theirs) = StdStream::pair().attempt(Kind::Internal, cannot)?;
        // The third descriptor must not be one that starting a process needs itself.
        let third = start.inherited.as_ref().map(|descriptor| descriptor.try_clone()).transpose();
        let _third = third.attempt(Kind::Internal, cannot)?;

        let mut command = Command::new(&found);
        command.args(&start.words[1..]).current_dir(start.cwd).env_clear().envs(start.env);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let inherited = start.inherited.as_ref().map(AsRawFd::as_raw_fd);
        let plan = Plan {
            confinement,
            control: theirs.as_raw_fd(),
            inherited,
            nice: start.nice,
            persona: start.fixed_addresses.then(supervisor::fixed_addresses).flatten(),
        };
        // SAFETY: `supervise` is made for this place; `plan` is read alone, and its descriptors
        // stay open until `spawn` is done.
        unsafe { command.pre_exec(move || supervisor::supervise(&plan)) };
        let mut supervisor = match command.spawn() {
            Ok(child) => child,
            Err(error) => return Err(refused(&found, start.sandbox, error)),
        };
        drop(command);
        drop(theirs);
        ours.set_nonblocking(true).attempt(Kind::Internal, cannot)?;
        let control = UnixStream::from_std(ours).attempt(Kind::Internal, cannot)?;
        let (stdout, stderr) = (supervisor.stdout.take(), supervisor.stderr.take());
        Ok((
            Self {
                supervisor,
                control,
                enforcement,
                record: [0; SIZE],
                filled: 0,
                report: None,
                group: None,
            },
            stdout,
            stderr,
        ))
    }

    /// The process that has the command as its child.
    pub(crate) fn supervisor_id(&self) -> u32 {
        self.supervisor.id().unwrap_or(0)
    }

    /// Another hold on the socket to the supervisor, over which it can be told to kill everything. The tree
    /// lives as long as one of them is open.
    ///
    /// # Errors
    /// If there are too many open files.
    pub(crate) fn killer(&self) -> Result<Killer> {
        let descriptor = self.control.as_fd().try_clone_to_owned();
        Ok(Killer(descriptor.attempt(Kind::Internal, || "cannot watch a command".to_owned())?.into()))
    }

    /// Asks the command to end: SIGTERM to its process group.
    pub(crate) async fn terminate(&mut self) {
        // If the supervisor is gone, so is the tree.
        let _ = self.control.write_all(&[Order::Terminate as u8]).await;
    }

    /// Kills everything.
    pub(crate) async fn kill(&mut self) {
        let _ = self.control.write_all(&[Order::Kill as u8]).await;
    }

    /// Waits until nothing of the tree is left. May be dropped and called again.
    ///
    /// # Errors
    /// [`Kind::Step`] if the supervisor was killed by somebody.
    pub(crate) async fn ended(&mut self) -> Result<(Report, Enforcement)> {
        // Everything that was received is kept in `self`, so that nothing is lost with the future.
        while self.report.is_none() {
            while self.filled < SIZE {
                match self.control.read(&mut self.record[self.filled..]).await {
                    Ok(0) | Err(_) => {
                        // The command went with it; what is left of its group follows.
                        if let Some(group) = self.group.take() {
                            // SAFETY: a signal to others; the group's number was the command's own.
                            unsafe { libc::kill(-group, libc::SIGKILL) };
                        }
                        return Err(Fault::new(Kind::Step, "the command's supervisor was killed")
                            .hint("the machine may be short of memory; see `dmesg`"));
                    }
                    Ok(read) => self.filled += read,
                }
            }
            self.filled = 0;
            match Record::read(&self.record) {
                Some(Record::Report(report)) => self.report = Some(report),
                Some(Record::Started(group)) => self.group = Some(group),
                Some(Record::Remark(code, errno)) => {
                    self.enforcement.reasons.extend(crate::sandbox::remark(code, errno));
                }
                None => {}
            }
        }
        let _ = self.supervisor.wait().await;
        Ok((self.report.clone().unwrap_or_default(), self.enforcement.clone()))
    }
}

fn refused(program: &Path, sandbox: &SandboxSpec, error: std::io::Error) -> Fault {
    let fault = Fault::new(Kind::Step, format!("cannot start `{}`", program.display()));
    match error.raw_os_error() {
        Some(libc::EACCES) if sandbox.enforce => fault.because(error).hint(
            "the program, or the interpreter that its first line names, lies outside of what the sandbox may read",
        ),
        Some(libc::ENOENT) => match shebang(program) {
            Some(interpreter) => {
                fault.because(error).hint(format!("its first line names `{interpreter}`, which does not exist"))
            }
            None => fault.because(error),
        },
        _ => fault.because(error),
    }
}

/// The interpreter that a script's first line names.
fn shebang(program: &Path) -> Option<String> {
    let mut start = [0; 256];
    let read = std::fs::File::open(program).ok()?.read(&mut start).ok()?;
    let first = start[..read].strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    String::from_utf8_lossy(first).split_whitespace().next().map(str::to_owned)
}
