//! What a command may open, enforced by the kernel and inherited by everything it starts.
//!
//! A confinement is *prepared* before the fork (rules collected, descriptors opened, the filter
//! assembled) and *entered* between fork and exec, where only async-signal-safe calls are allowed.
//!
//! | what | by |
//! |---|---|
//! | files: read and write lists, the system readable | Landlock |
//! | abstract sockets and signals to others | Landlock scopes (ABI 6) |
//! | network | a seccomp filter on `socket()`, and Landlock's TCP rules for allowed ports |
//! | `/dev/shm` of its own | a mount namespace, with a user namespace where not root |
//! | other processes' `/proc` entries as root | capabilities dropped |
//!
//! What it does not do: names, sizes and modes of files stay visible (and changeable where the
//! user may), since Landlock guards opening; Unix sockets reached by path stay reachable below
//! Landlock ABI 9; where the kernel lacks a part, the command runs without it and its
//! [`Enforcement`] says so.
//!
//! To let every command open one more path of the system, add it to [`paths`].

mod confinement;
mod landlock;
pub mod paths;
mod seccomp;
mod support;

use std::path::PathBuf;

pub use support::{Support, support};

pub(crate) use confinement::Confinement;

/// What a command may open beside the system and its devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxSpec {
    /// Files and folders to read and execute. What does not exist is left out.
    pub read: Vec<PathBuf>,
    /// Files and folders to read, write and execute. Rules add up: nothing below one of these can
    /// be made read-only.
    pub write: Vec<PathBuf>,
    /// Whether the network is open.
    pub network: bool,
    /// TCP ports that may be connected to though the network is closed, on any address (the
    /// kernel's rules know ports alone).
    pub ports: Vec<u16>,
    /// False runs the command without any confinement.
    pub enforce: bool,
}

/// Enforced, with nothing to open but the system.
impl Default for SandboxSpec {
    fn default() -> Self {
        Self { read: Vec::new(), write: Vec::new(), network: false, ports: Vec::new(), enforce: true }
    }
}

/// What became of a sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enforcement {
    /// Whether the kernel enforced what the command may open.
    pub enforced: bool,
    /// Why not, or which part was not.
    pub reasons: Vec<String>,
}

/// The sentence of a remark that a child made while it was confined.
pub(crate) fn remark(code: u8, errno: i32) -> Option<String> {
    confinement::Remark::sentence(code, errno)
}
