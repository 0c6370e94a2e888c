//! A prepared confinement, and entering it.

#![allow(unsafe_code)] // System calls between fork and exec, where nothing may be allocated.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::AsRawFd;

use modelyard_core::Result;

use super::landlock::{self, Rules};
use super::{Enforcement, SandboxSpec, paths, seccomp};

/// Everything that entering a sandbox needs, so that it allocates nothing.
pub(crate) struct Confinement {
    /// `None` runs the command as it is.
    parts: Option<Parts>,
    enforcement: Enforcement,
}

struct Parts {
    rules: Option<Rules>,
    filter: Vec<libc::sock_filter>,
    shared_memory: CString,
    namespace: Namespace,
}

/// How the command gets a `/dev/shm` of its own.
enum Namespace {
    /// With the capability to mount.
    Mount,
    /// In a user namespace, where it has that capability; the user stays who they are.
    User { users: Vec<u8>, groups: Vec<u8> },
}

/// A part that a confinement can do without, told by the child when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    SharedMemory,
    Filter,
}

impl Remark {
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::SharedMemory => 1,
            Self::Filter => 2,
        }
    }

    /// The sentence that stands in [`Enforcement::reasons`], if `code` is a remark's.
    pub(crate) fn sentence(code: u8, errno: i32) -> Option<String> {
        let error = io::Error::from_raw_os_error(errno);
        [
            (Self::SharedMemory, "`/dev/shm` is shared with the machine"),
            (Self::Filter, "the network is open: this kernel takes no seccomp filter"),
        ]
        .into_iter()
        .find(|(remark, _)| remark.code() == code)
        .map(|(_, sentence)| format!("{sentence} ({error})"))
    }
}

impl Confinement {
    /// Prepares what `spec` asks for, as far as this machine can.
    ///
    /// # Errors
    /// If the kernel refuses a rule; that it knows none is no error.
    pub(crate) fn prepare(spec: &SandboxSpec) -> Result<Self> {
        if !spec.enforce {
            let reasons = vec!["the sandbox was switched off".to_owned()];
            return Ok(Self { parts: None, enforcement: Enforcement { enforced: false, reasons } });
        }
        let rules = landlock::rules(spec)?;
        let reasons = landlock::gaps(landlock::kernel_abi(), spec);
        let filter = if spec.network { Vec::new() } else { seccomp::no_network(!spec.ports.is_empty()) };
        let enforcement = Enforcement { enforced: rules.is_some(), reasons };
        let shared_memory = CString::new(paths::SHARED_MEMORY).unwrap_or_default();
        let parts = Parts { rules, filter, shared_memory, namespace: Namespace::of_this_process() };
        Ok(Self { parts: Some(parts), enforcement })
    }

    /// What is enforced if no remark comes.
    pub(crate) fn enforcement(&self) -> &Enforcement {
        &self.enforcement
    }

    /// Confines this process and what it starts from here on, for good.
    ///
    /// `remark` is told which part could not be had, and the error.
    ///
    /// # Errors
    /// If a part that was to be enforced can't be: the command must not run.
    ///
    /// # Safety
    /// For a process between fork and exec: it calls nothing but system calls.
    pub(crate) unsafe fn enter(&self, remark: impl Fn(Remark, i32)) -> io::Result<()> {
        let Some(parts) = &self.parts else { return Ok(()) };
        // SAFETY: system calls on prepared buffers that outlive them.
        unsafe {
            if let Err(error) = parts.namespace.own_shared_memory(&parts.shared_memory) {
                remark(Remark::SharedMemory, error.raw_os_error().unwrap_or(0));
            }
            drop_capabilities()?;
            check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0).into())?;
            if let Some(rules) = &parts.rules {
                rules.add_shared_memory(&parts.shared_memory)?;
                let none = 0u32;
                check(libc::syscall(libc::SYS_landlock_restrict_self, rules.descriptor.as_raw_fd(), none))?;
            }
            if !parts.filter.is_empty() {
                let program = libc::sock_fprog {
                    len: parts.filter.len() as u16,
                    filter: parts.filter.as_ptr().cast_mut(),
                };
                let done = libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program, 0, 0);
                if let Err(error) = check(done.into()) {
                    remark(Remark::Filter, error.raw_os_error().unwrap_or(0));
                }
            }
        }
        Ok(())
    }
}

impl Rules {
    /// Allows the `/dev/shm` that this process sees now. One that does not exist needs no rule.
    unsafe fn add_shared_memory(&self, path: &CStr) -> io::Result<()> {
        /// The kernel's `struct landlock_path_beneath_attr`.
        #[repr(C, packed)]
        struct PathBeneath {
            allowed: u64,
            parent: i32,
        }
        const PATH_BENEATH: libc::c_int = 1;
        // SAFETY: a terminated path, and a structure that lives across the call.
        unsafe {
            let parent = libc::open(path.as_ptr(), libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC);
            if parent < 0 {
                return Ok(());
            }
            let rule = PathBeneath { allowed: self.shared_memory, parent };
            let none = 0u32;
            let added = libc::syscall(
                libc::SYS_landlock_add_rule,
                self.descriptor.as_raw_fd(),
                PATH_BENEATH,
                &raw const rule,
                none,
            );
            let result = check(added);
            libc::close(parent);
            result
        }
    }
}

impl Namespace {
    fn of_this_process() -> Self {
        // SAFETY: calls that can't fail.
        let (user, group) = unsafe { (libc::geteuid(), libc::getegid()) };
        if user == 0 {
            return Self::Mount;
        }
        Self::User { users: format!("{user} {user} 1").into(), groups: format!("{group} {group} 1").into() }
    }

    /// Mounts a fresh `/dev/shm` that only this process and its children see.
    unsafe fn own_shared_memory(&self, path: &CStr) -> io::Result<()> {
        // SAFETY: as for `Confinement::enter`.
        unsafe {
            if let Self::User { .. } = self {
                // A system may grant a user namespace and then nothing in it, which would leave
                // this process a nobody. So another one tries first.
                self.try_mount(path)?;
            }
            self.mount(path)
        }
    }

    /// Whether [`Self::mount`] works, tried by another process.
    unsafe fn try_mount(&self, path: &CStr) -> io::Result<()> {
        // SAFETY: as for `Confinement::enter`; the child ends with `_exit`.
        unsafe {
            let pid = libc::fork();
            check(pid.into())?;
            if pid == 0 {
                let errno = match self.mount(path) {
                    Ok(()) => 0,
                    Err(error) => error.raw_os_error().unwrap_or(libc::EPERM),
                };
                libc::_exit(errno);
            }
            let mut status = 0;
            while libc::waitpid(pid, &mut status, 0) < 0 && *libc::__errno_location() == libc::EINTR {}
            match status {
                0 => Ok(()),
                _ => Err(io::Error::from_raw_os_error(libc::WEXITSTATUS(status))),
            }
        }
    }

    unsafe fn mount(&self, path: &CStr) -> io::Result<()> {
        // SAFETY: as for `Confinement::enter`.
        unsafe {
            match self {
                Self::Mount => check(libc::unshare(libc::CLONE_NEWNS).into())?,
                Self::User { users, groups } => {
                    check(libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNS).into())?;
                    write(c"/proc/self/setgroups", b"deny")?;
                    write(c"/proc/self/uid_map", users)?;
                    write(c"/proc/self/gid_map", groups)?;
                }
            }
            let nothing = std::ptr::null();
            let inherit = libc::MS_REC | libc::MS_SLAVE;
            check(libc::mount(nothing, c"/".as_ptr(), nothing, inherit, nothing.cast()).into())?;
            let flags = libc::MS_NOSUID | libc::MS_NODEV;
            let tmpfs = c"tmpfs".as_ptr();
            let mode = c"mode=1777".as_ptr().cast();
            check(libc::mount(tmpfs, path.as_ptr(), tmpfs, flags, mode).into())
        }
    }
}

/// Gives up every capability for good. As root they would open other processes' memory and
/// environment whatever Landlock says; for others this changes nothing.
unsafe fn drop_capabilities() -> io::Result<()> {
    /// The kernel's `struct __user_cap_header_struct`.
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    // SAFETY: as for `Confinement::enter`.
    unsafe {
        // Needs a capability itself; without it there is nothing that exec could give back, since
        // `no_new_privs` follows.
        let mut capability = 0;
        while libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) == 0 {
            capability += 1;
        }
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        let mut header = Header { version: VERSION_3, pid: 0 };
        let none = [[0u32; 3]; 2];
        check(libc::syscall(libc::SYS_capset, &raw mut header, &raw const none))
    }
}

unsafe fn write(path: &CStr, text: &[u8]) -> io::Result<()> {
    // SAFETY: as for `Confinement::enter`.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        check(file.into())?;
        let written = libc::write(file, text.as_ptr().cast(), text.len());
        let result = check(written as libc::c_long);
        libc::close(file);
        result
    }
}

fn check(answer: libc::c_long) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Whether a process of this user could get a `/dev/shm` of its own; tried in a fork.
pub(super) fn own_shared_memory_works() -> io::Result<()> {
    let path = CString::new(paths::SHARED_MEMORY).unwrap_or_default();
    // SAFETY: what happens, happens to a process of its own.
    unsafe { Namespace::of_this_process().try_mount(&path) }
}
