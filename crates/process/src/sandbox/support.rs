//! What of a sandbox this machine can enforce.

#![allow(unsafe_code)] // One `prctl` that asks whether the kernel has seccomp.

use super::{SandboxSpec, confinement, landlock};

/// What a command's sandbox comes to on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Support {
    /// The kernel's Landlock ABI; 0 where there is none.
    pub landlock_abi: i32,
    /// Whether the network can be closed.
    pub seccomp: bool,
    /// Whether a command gets a `/dev/shm` of its own.
    pub private_shared_memory: bool,
    /// What is not enforced, a sentence each; empty where all of it is.
    pub reasons: Vec<String>,
}

impl Support {
    /// Whether files are guarded: what a run records as *enforced*.
    pub fn enforced(&self) -> bool {
        self.landlock_abi > 0
    }
}

/// Tries what this machine offers. Costs about a millisecond: for `doctor`, not for every run
/// (which reports its own [`super::Enforcement`]).
pub fn support() -> Support {
    let landlock_abi = landlock::kernel_abi();
    let mut reasons = landlock::gaps(landlock_abi, &SandboxSpec::default());
    // SAFETY: asks only; the kernel answers EFAULT for the missing filter where it has seccomp,
    // EINVAL where it has not.
    let seccomp = unsafe {
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, 0, 0, 0) == -1
            && std::io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
    };
    if !seccomp {
        reasons.push("this kernel takes no seccomp filter, so the network stays open".to_owned());
    }
    let shared_memory = confinement::own_shared_memory_works();
    if let Err(error) = &shared_memory {
        reasons.push(format!("`/dev/shm` is shared with the machine ({error})"));
    }
    Support { landlock_abi, seccomp, private_shared_memory: shared_memory.is_ok(), reasons }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_said() {
        let support = support();
        if support.landlock_abi >= 6 && support.seccomp && support.private_shared_memory {
            assert_eq!(support.reasons, Vec::<String>::new());
        } else {
            assert!(!support.reasons.is_empty());
        }
    }
}
