//! A program of ours that outlives this process: in a session of its own, without a supervisor.
//!
//! Nobody is told when it ends but its parent, and its parent may be gone. So it is known by its [`Life`]:
//! its number and when it began, which tell it from a later process of the same number, also after this
//! program was started anew.

#![allow(unsafe_code)] // `pre_exec`, and the system calls about a process's descriptor.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::run::supervisor::close_from;

/// The descriptor that a detached program finds what it inherits as.
pub const INHERITED: i32 = 3;

/// What to start. Its variables and its folder are this process's own, but for what would tie it to a CI job.
pub struct Start<'a> {
    pub program: &'a Path,
    pub args: &'a [OsString],
    /// It finds this as descriptor [`INHERITED`], and no other one.
    pub inherited: BorrowedFd<'a>,
    /// What it prints is appended to this file.
    pub log: &'a Path,
    /// Before it is the program, the new process writes its number here and keeps the file open, with any
    /// lock on it. Who finds such a file unlocked after a crash knows all that was started.
    pub number: &'a File,
}

/// Starts a program.
///
/// # Errors
/// [`Kind::Environment`] if it can't be started.
pub fn start(start: &Start<'_>) -> Result<Life> {
    let cannot = || format!("cannot start `{}`", start.program.display());
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(start.log)
        .attempt(Kind::Environment, || format!("cannot write `{}`", start.log.display()))?;
    let errors = log.try_clone().attempt(Kind::Environment, cannot)?;
    // Descriptor 3 must not be one that starting a process needs itself.
    let held = start.inherited.try_clone_to_owned().attempt(Kind::Environment, cannot)?;
    let mut command = Command::new(start.program);
    command.args(start.args).stdin(Stdio::null()).stdout(log).stderr(errors);
    // At a job's end a runner of GitHub Actions ends every process that has it.
    command.env_remove("RUNNER_TRACKING_ID");
    let (inherited, number) = (held.as_raw_fd(), start.number.as_raw_fd());
    // SAFETY: system calls on this stack alone; the descriptors stay open until `spawn` is done.
    unsafe {
        command.pre_exec(move || {
            libc::setsid();
            let mut digits = [0; 11];
            let text = decimal(libc::getpid().unsigned_abs(), &mut digits);
            if libc::write(number, text.as_ptr().cast(), text.len()) < 0 {
                return Err(std::io::Error::last_os_error());
            }
            let taken = if inherited == INHERITED {
                libc::fcntl(INHERITED, libc::F_SETFD, 0)
            } else {
                libc::dup2(inherited, INHERITED)
            };
            if taken < 0 {
                return Err(std::io::Error::last_os_error());
            }
            close_from(INHERITED + 1, libc::CLOSE_RANGE_CLOEXEC.cast_signed());
            Ok(())
        });
    }
    // Its end is noticed by its life, so that who started it and who found it do the same.
    let child = command.spawn().attempt(Kind::Environment, cannot)?;
    Life::of(child.id()).ok_or_else(|| Fault::new(Kind::Environment, cannot()).hint("/proc can't be read"))
}

/// `number` as text and a line end, without allocating.
fn decimal(mut number: u32, digits: &mut [u8; 11]) -> &[u8] {
    let mut first = digits.len() - 1;
    digits[first] = b'\n';
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[first..];
        }
    }
}

/// One process from start to end, never another that has its number later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    pub pid: u32,
    /// Ticks from the machine's start to the process's, of a hundredth of a second.
    began: u64,
    /// Tells one start of the machine from another.
    boot: String,
}

impl Life {
    /// The process that has the number `pid` now, also if it has ended and nobody was told yet.
    pub fn of(pid: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name stands in brackets and may hold anything; `man 5 proc`: field 22 is the start.
        let began = text.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
        Some(Self { pid, began, boot: boot() })
    }

    /// Whether one of its words is `word`; false where it has ended.
    pub fn has_word(&self, word: &OsStr) -> bool {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        line.split(|byte| *byte == 0).any(|found| found == word.as_bytes())
    }

    /// How long ago it began.
    pub fn age(&self) -> Duration {
        since_boot().saturating_sub(Duration::from_millis(self.began * 10))
    }

    /// The process, where it is not gone. To be called within a tokio runtime.
    pub fn open(&self) -> Option<Process> {
        let pid = i32::try_from(self.pid).ok().filter(|pid| *pid > 0)?;
        // SAFETY: a system call without memory; what it answers is a new descriptor, owned from here on.
        let descriptor = unsafe {
            let opened = libc::syscall(libc::SYS_pidfd_open, pid, 0);
            OwnedFd::from_raw_fd(i32::try_from(opened).ok().filter(|opened| *opened >= 0)?)
        };
        // Asked once it can no longer become another one.
        if Self::of(self.pid).as_ref() != Some(self) {
            return None;
        }
        // SAFETY: the descriptor is owned, and stays the same one.
        unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }.ok().map(Process)
    }
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Time since the machine's start: goes on while it sleeps, and no change of the clock touches it.
pub fn since_boot() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes a structure of this stack.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// A process that was not gone when it was opened.
pub struct Process(AsyncFd<OwnedFd>);

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Exited(i32),
    Killed(i32),
    /// This program did not start it, and only a parent is told.
    Unknown,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit code {code}"),
            Self::Killed(signal) => write!(f, "killed by signal {signal}"),
            Self::Unknown => f.write_str("ended"),
        }
    }
}

impl Process {
    /// Asks it to end: SIGTERM.
    pub fn terminate(&self) {
        self.signal(libc::SIGTERM);
    }

    pub fn kill(&self) {
        self.signal(libc::SIGKILL);
    }

    /// One that has ended is not told.
    fn signal(&self, signal: i32) {
        let process = self.0.get_ref().as_raw_fd();
        let nothing = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: a system call that may be given no memory.
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process, signal, nothing, 0) };
    }

    /// How it ended, where it has. The first to ask of this program learns it, later ones that it ended.
    pub fn has_ended(&self) -> Option<End> {
        if !self.is_gone() {
            return None;
        }
        let process = libc::id_t::try_from(self.0.get_ref().as_raw_fd()).unwrap_or(0);
        // SAFETY: writes a structure of this stack, which may be all zeros.
        let (answer, told) = unsafe {
            let mut told: libc::siginfo_t = std::mem::zeroed();
            (libc::waitid(libc::P_PIDFD, process, &raw mut told, libc::WEXITED | libc::WNOHANG), told)
        };
        // SAFETY: of a child that ended these fields are set; of one that is no child of ours nothing is.
        Some(match (answer, told.si_code, unsafe { told.si_status() }) {
            (0, libc::CLD_EXITED, code) => End::Exited(code),
            (0, libc::CLD_KILLED | libc::CLD_DUMPED, signal) => End::Killed(signal),
            _ => End::Unknown,
        })
    }

    /// Waits until it has ended; how is then still to be asked.
    pub async fn until_ended(&self) {
        while !self.is_gone() {
            match self.0.readable().await {
                Ok(mut guard) if !self.is_gone() => guard.clear_ready(),
                _ => {}
            }
        }
    }

    /// Waits until it has ended; like [`Self::has_ended`], tells how once.
    pub async fn ended(&self) -> End {
        self.until_ended().await;
        self.has_ended().unwrap_or(End::Unknown)
    }

    /// Whether it has ended; how is then still to be asked.
    pub fn is_gone(&self) -> bool {
        // A process's descriptor becomes readable with its end.
        let mut polled = libc::pollfd { fd: self.0.get_ref().as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one structure of this stack.
        unsafe { libc::poll(&raw mut polled, 1, 0) == 1 }
    }
}
