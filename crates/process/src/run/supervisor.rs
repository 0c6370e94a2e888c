//! The process between this program and a command: it owns the command's process tree.
//!
//! It is a fork of this program that never execs, so everything here is async-signal-safe: system
//! calls on buffers of the stack. It is a *subreaper*: whatever the command starts, however often
//! it forks, whatever sessions it makes, ends up as the supervisor's child once its own parent is
//! gone. So "kill your children until you have none" ends the whole tree, without privileges,
//! namespaces or control groups. (A kernel without `/proc/PID/task/TID/children` would leave it the
//! command's own process group alone.)
//!
//! It talks over one socket: orders come in ([`Order`]), a [`Report`] goes out. When the socket
//! closes, this program has died or no longer cares, and the tree is killed. A parent-death signal
//! would not do here: it follows the *thread* that forked.

#![allow(unsafe_code)] // See above.

use std::ffi::{CStr, c_int, c_ulong};
use std::io;

use super::report::{Order, Report, SIZE};
use crate::sandbox::Confinement;

/// How long a tree may outlive its command before it is killed: Python's resource tracker, for
/// one, cleans up after its parent has ended.
const LINGER_MS: i64 = 300;

/// Prepared before the fork; nothing in it is touched but read.
pub(super) struct Plan {
    pub(super) confinement: Confinement,
    /// The supervisor's end of the socket.
    pub(super) control: c_int,
    /// A descriptor that the command finds as its third.
    pub(super) inherited: Option<c_int>,
    pub(super) nice: i32,
    /// The persona that the command takes, where it is to have another than this program's.
    pub(super) persona: Option<c_ulong>,
}

/// The persona of a command whose addresses are the same at every run, if there may be one: some
/// containers refuse the question.
pub(super) fn fixed_addresses() -> Option<c_ulong> {
    // SAFETY: asks for this process's persona and changes nothing.
    let current = unsafe { libc::personality(0xffff_ffff) };
    (current >= 0).then_some((current | libc::ADDR_NO_RANDOMIZE) as c_ulong)
}

/// Called in the child of a fork; forks once more and returns in the command's process, ready to
/// exec. The other becomes the supervisor and never returns.
///
/// # Errors
/// What kept the command from starting, after a report of it.
///
/// # Safety
/// Between fork and exec only.
pub(super) unsafe fn supervise(plan: &Plan) -> io::Result<()> {
    // SAFETY: system calls on this stack, and `fork` in a process of one thread.
    unsafe {
        check(libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))?;
        // Out of the terminal's reach: Ctrl-C is this program's to hear.
        libc::setsid();
        let supervisor = libc::getpid();
        let command = libc::fork();
        check(command)?;
        if command == 0 {
            return become_command(plan, supervisor);
        }
        watch(plan.control, command)
    }
}

unsafe fn become_command(plan: &Plan, supervisor: libc::pid_t) -> io::Result<()> {
    // SAFETY: as for `supervise`.
    unsafe {
        libc::setsid();
        libc::nice(plan.nice);
        let no_core = libc::rlimit { rlim_cur: 0, rlim_max: libc::RLIM_INFINITY };
        libc::setrlimit(libc::RLIMIT_CORE, &no_core);
        if let Some(persona) = plan.persona {
            // Best effort: a container may refuse it, and results are then reproducible but for
            // addresses.
            libc::personality(persona);
        }
        let control = plan.control;
        send(control, &Report::started(libc::getpid()));
        plan.confinement.enter(|remark, errno| send(control, &Report::remark(remark.code(), errno)))?;
        let mut first = 3;
        if let Some(inherited) = plan.inherited {
            check(if inherited == 3 { libc::fcntl(3, libc::F_SETFD, 0) } else { libc::dup2(inherited, 3) })?;
            first = 4;
        }
        // What this program inherited itself without the mark to close.
        close_from(first, libc::CLOSE_RANGE_CLOEXEC as c_int);
        // After the confinement, since a change of credentials clears it. Should the supervisor be
        // killed, the command goes with it.
        check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0))?;
        if libc::getppid() != supervisor {
            libc::_exit(1);
        }
    }
    Ok(())
}

/// The supervisor's life.
unsafe fn watch(control: c_int, command: libc::pid_t) -> ! {
    // SAFETY: as for `supervise`.
    unsafe {
        let mut everything: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut everything);
        libc::sigprocmask(libc::SIG_SETMASK, &everything, std::ptr::null_mut());
        libc::signal(libc::SIGCHLD, libc::SIG_DFL);
        libc::prctl(libc::PR_SET_NAME, c"modelyard-step".as_ptr(), 0, 0, 0);
        // A copy of this program's memory is nobody's to read.
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
        // This program's files, sockets and locks are not the supervisor's to keep open.
        libc::dup2(control, 0);
        close_from(1, 0);
        let mut child_ended: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut child_ended);
        libc::sigaddset(&mut child_ended, libc::SIGCHLD);
        let ended = libc::signalfd(-1, &child_ended, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK);

        // Resident pages of the fork count as the command's peak until it execs.
        let mut own: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut own);

        let mut report = Report { baseline_kib: own.ru_maxrss as u64, ..Report::default() };
        let mut running = true;
        let mut killing = false;
        let mut ended_at = 0;
        loop {
            let mut status = 0;
            let mut reaped = libc::waitpid(-1, &mut status, libc::WNOHANG);
            while reaped > 0 {
                if reaped == command {
                    running = false;
                    ended_at = now_ms();
                    report.status = status;
                }
                reaped = libc::waitpid(-1, &mut status, libc::WNOHANG);
            }
            if reaped < 0 && !running {
                break;
            }
            if !running && !killing && now_ms() - ended_at >= LINGER_MS {
                killing = true;
                report.leftovers = true;
            }
            if killing {
                kill_children(command, running);
            }
            let wait = match (killing, running) {
                (true, _) => 5,
                (false, true) => -1,
                (false, false) => LINGER_MS as c_int,
            };
            let mut polled = [
                // Once told to kill there is nothing more to hear, and a closed socket would not
                // let this wait.
                libc::pollfd { fd: if killing { -1 } else { 0 }, events: libc::POLLIN, revents: 0 },
                libc::pollfd { fd: ended, events: libc::POLLIN, revents: 0 },
            ];
            libc::poll(polled.as_mut_ptr(), 2, wait);
            if polled[1].revents != 0 {
                let mut info: libc::signalfd_siginfo = std::mem::zeroed();
                libc::read(ended, (&raw mut info).cast(), size_of::<libc::signalfd_siginfo>());
            }
            if polled[0].revents != 0 {
                let mut order = 0u8;
                let read = libc::read(0, (&raw mut order).cast(), 1);
                if read == 1 && order == Order::Terminate as u8 {
                    if running {
                        libc::kill(-command, libc::SIGTERM);
                    }
                } else {
                    killing = true;
                }
            }
        }
        let mut used: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_CHILDREN, &mut used);
        report.cpu_us = microseconds(used.ru_utime) + microseconds(used.ru_stime);
        report.peak_kib = used.ru_maxrss as u64;
        send(0, &report.to_bytes());
        libc::_exit(0)
    }
}

/// Kills every direct child. Their own children become ours, for the next round.
unsafe fn kill_children(command: libc::pid_t, running: bool) {
    // SAFETY: as for `supervise`.
    unsafe {
        if running {
            libc::kill(-command, libc::SIGKILL);
        }
        let list: &CStr = c"/proc/thread-self/children";
        let file = libc::open(list.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if file < 0 {
            return;
        }
        let mut buffer = [0u8; 4096];
        let mut pid: libc::pid_t = 0;
        loop {
            let read = libc::read(file, buffer.as_mut_ptr().cast(), buffer.len());
            if read <= 0 {
                break;
            }
            for byte in &buffer[..read as usize] {
                if byte.is_ascii_digit() {
                    pid = pid.wrapping_mul(10).wrapping_add(libc::pid_t::from(byte - b'0'));
                } else {
                    if pid > 0 {
                        libc::kill(pid, libc::SIGKILL);
                    }
                    pid = 0;
                }
            }
        }
        if pid > 0 {
            libc::kill(pid, libc::SIGKILL);
        }
        libc::close(file);
    }
}

unsafe fn send(socket: c_int, record: &[u8; SIZE]) {
    // SAFETY: as for `supervise`.
    unsafe {
        libc::send(socket, record.as_ptr().cast(), SIZE, libc::MSG_NOSIGNAL);
    }
}

/// Closes all descriptors from `first` on, or with `CLOSE_RANGE_CLOEXEC` marks them.
pub(crate) unsafe fn close_from(first: c_int, flags: c_int) {
    // SAFETY: as for `supervise`.
    unsafe {
        if libc::syscall(libc::SYS_close_range, first, c_int::MAX, flags) == 0 {
            return;
        }
        // Before Linux 5.11.
        let mut limit: libc::rlimit = std::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        for descriptor in first..limit.rlim_cur.min(1 << 16) as c_int {
            if flags == 0 {
                libc::close(descriptor);
            } else {
                libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
            }
        }
    }
}

unsafe fn now_ms() -> i64 {
    // SAFETY: writes a structure of this stack.
    unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time);
        time.tv_sec * 1000 + time.tv_nsec / 1_000_000
    }
}

fn microseconds(time: libc::timeval) -> u64 {
    time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64
}

fn check(answer: c_int) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
