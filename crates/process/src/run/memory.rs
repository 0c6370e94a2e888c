//! How much memory a process tree holds.
//!
//! What the kernel reports at the end is the peak of the largest process, and counts the pages of
//! the fork that became the command; workers beside it are left out. So the tree is looked at now
//! and then, often at first and rarely later.

use std::time::{Duration, Instant};

/// When to look, and the most that was seen.
pub(crate) struct Memory {
    supervisor: u32,
    pub(crate) next: Instant,
    pause: Duration,
    pub(crate) peak_bytes: u64,
}

const FIRST: Duration = Duration::from_millis(25);
const LAST: Duration = Duration::from_secs(1);

impl Memory {
    pub(crate) fn of_tree(supervisor: u32) -> Self {
        Self { supervisor, next: Instant::now() + FIRST, pause: FIRST, peak_bytes: 0 }
    }

    /// Looks at the tree, which costs some 30 µs a process.
    pub(crate) fn look(&mut self) {
        self.peak_bytes = self.peak_bytes.max(of_tree(self.supervisor));
        self.pause = (self.pause * 2).min(LAST);
        self.next = Instant::now() + self.pause;
    }
}

/// Bytes that all processes below `supervisor` hold now.
pub(crate) fn of_tree(supervisor: u32) -> u64 {
    of(&below(supervisor))
}

/// Bytes that `processes` hold together.
pub(crate) fn of(processes: &[u32]) -> u64 {
    let (mut private, mut shared) = (0, 0);
    for (own, common) in processes.iter().copied().filter_map(resident) {
        private += own;
        // The same libraries and segments are mapped by most of them.
        shared = common.max(shared);
    }
    private + shared
}

/// All processes below `process`.
pub(crate) fn below(process: u32) -> Vec<u32> {
    let mut known = Vec::new();
    children(process, &mut known);
    // Grows while it is walked.
    let mut place = 0;
    while let Some(process) = known.get(place).copied() {
        children(process, &mut known);
        place += 1;
    }
    known
}

/// Adds the children of all threads of `process`.
fn children(process: u32, found: &mut Vec<u32>) {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return };
    for thread in threads.flatten() {
        let list = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        found.extend(list.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
}

/// Resident bytes that only `process` holds, and those it may share.
pub(crate) fn resident(process: u32) -> Option<(u64, u64)> {
    let pages = std::fs::read_to_string(format!("/proc/{process}/statm")).ok()?;
    let mut pages = pages.split_whitespace().skip(1).filter_map(|pages| pages.parse::<u64>().ok());
    let (resident, shared) = (pages.next()?, pages.next()?);
    let page = page_bytes();
    Some((resident.saturating_sub(shared) * page, shared * page))
}

#[allow(unsafe_code)] // The size of a page is only told by the C library.
fn page_bytes() -> u64 {
    // SAFETY: takes and gives a number.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}
