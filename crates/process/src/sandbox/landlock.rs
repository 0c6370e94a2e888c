//! The Landlock ruleset of a command.

#![allow(unsafe_code)] // One system call that the crate `landlock` does not offer: the kernel's ABI.

use std::os::fd::OwnedFd;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath, PathFd,
    Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};
use modelyard_core::fault::Attempt;
use modelyard_core::{Kind, Result};

use super::{SandboxSpec, paths};

/// The newest ABI this program knows rules of; older kernels enforce what they can.
const NEWEST: ABI = ABI::V10;

/// A ruleset, and what is yet to be added to it after the fork.
pub(super) struct Rules {
    pub(super) descriptor: OwnedFd,
    /// Rights on `/dev/shm`, as the kernel's bits: the folder is opened after the fork, when it
    /// may have become another one.
    pub(super) shared_memory: u64,
}

/// The kernel's Landlock ABI; 0 where there is none.
pub(super) fn kernel_abi() -> i32 {
    const VERSION: libc::c_uint = 1;
    // SAFETY: with this flag the call takes no attributes and only answers a number.
    let abi = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<libc::c_void>(), 0usize, VERSION)
    };
    abi.max(0) as i32
}

/// What `abi` leaves open of what `spec` asks for.
pub(super) fn gaps(abi: i32, spec: &SandboxSpec) -> Vec<String> {
    let mut gaps = Vec::new();
    if abi == 0 {
        gaps.push("this kernel does not offer Landlock, so any file could be opened".to_owned());
        return gaps;
    }
    let mut gap = |needs: i32, what: &str| {
        if abi < needs {
            gaps.push(format!("this kernel's Landlock (ABI {abi}, {needs} is needed) does not guard {what}"));
        }
    };
    gap(3, "truncating files");
    if !spec.network && !spec.ports.is_empty() {
        gap(4, "TCP ports");
    }
    gap(6, "abstract sockets and signals to other processes");
    gaps
}

/// The rules of `spec`; `None` where the kernel has no Landlock.
///
/// # Errors
/// [`Kind::Internal`] if the kernel refuses a rule.
pub(super) fn rules(spec: &SandboxSpec) -> Result<Option<Rules>> {
    let abi = kernel_abi();
    if abi == 0 {
        return Ok(None);
    }
    let created = create(spec).attempt(Kind::Internal, || "cannot prepare the sandbox's rules".to_owned())?;
    let shared_memory = (write_access() & AccessFs::from_all(known(abi))).bits();
    Ok(created.map(|descriptor| Rules { descriptor, shared_memory }))
}

fn create(spec: &SandboxSpec) -> std::result::Result<Option<OwnedFd>, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::from_all(NEWEST))?;
    if !spec.network {
        ruleset = ruleset.handle_access(AccessNet::from_all(NEWEST))?;
    }
    let mut readable: Vec<_> = paths::SYSTEM.iter().map(std::path::PathBuf::from).collect();
    readable.extend(spec.read.iter().cloned());
    if spec.network {
        readable.extend(paths::resolver());
    }
    let mut created = ruleset
        .create()?
        .add_rules(path_beneath_rules(readable, AccessFs::from_read(NEWEST)))?
        .add_rules(path_beneath_rules(&spec.write, write_access()))?
        .add_rules(path_beneath_rules(paths::gpu_devices(), device_access()))?;
    for device in paths::DEVICES {
        if let Ok(device) = PathFd::new(device) {
            created = created.add_rule(PathBeneath::new(
                device,
                AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate,
            ))?;
        }
    }
    if !spec.network {
        let ports =
            spec.ports.iter().map(|port| Ok::<_, RulesetError>(NetPort::new(*port, AccessNet::ConnectTcp)));
        created = created.add_rules(ports)?;
    }
    Ok(created.into())
}

/// Everything but making device nodes.
fn write_access() -> BitFlags<AccessFs> {
    AccessFs::from_all(NEWEST) & !(AccessFs::MakeChar | AccessFs::MakeBlock)
}

fn device_access() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev
}

fn known(abi: i32) -> ABI {
    match abi {
        i32::MIN..=0 => ABI::Unsupported,
        1 => ABI::V1,
        2 => ABI::V2,
        3 => ABI::V3,
        4 => ABI::V4,
        5 => ABI::V5,
        6 => ABI::V6,
        7 => ABI::V7,
        8 => ABI::V8,
        9 => ABI::V9,
        10.. => ABI::V10,
    }
}
