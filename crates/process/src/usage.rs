//! What this process uses, and how urgent one of its threads is.

#![allow(unsafe_code)] // Asked of the C library, which takes and gives plain numbers.

use std::time::Duration;

/// Processor time of this process and all its threads.
pub fn cpu_time() -> Duration {
    // SAFETY: writes a structure of this stack.
    let used = unsafe {
        let mut used: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut used);
        used
    };
    let micros = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    Duration::from_micros(micros(used.ru_utime) + micros(used.ru_stime))
}

/// Bytes of memory that this process holds; 0 where the system does not tell.
pub fn memory_bytes() -> u64 {
    crate::run::memory::resident(std::process::id()).map_or(0, |(private, shared)| private + shared)
}

/// Gives way to all other threads, of this thread alone.
pub fn lower_priority() {
    // SAFETY: takes and gives numbers. On Linux, 0 is the calling thread.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
}
