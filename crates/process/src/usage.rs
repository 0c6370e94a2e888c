//! What this process and those below it use, and how urgent one of its threads is.

#![allow(unsafe_code)] // Asked of the C library, which takes and gives plain numbers.

use std::time::Duration;

use crate::run::memory;

/// What a process uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Processor time since it began.
    pub cpu: Duration,
    /// Memory that it holds; 0 where the system does not tell.
    pub memory_bytes: u64,
}

/// What this process and all its threads use.
pub fn own() -> Used {
    let memory = memory::resident(std::process::id()).map_or(0, |(private, shared)| private + shared);
    Used { cpu: told(libc::RUSAGE_SELF), memory_bytes: memory }
}

/// What all processes below this one use; the processor time of those that have ended included. Looking costs
/// some 30 µs a process, and as much a thread of this one.
pub fn below() -> Used {
    let processes = memory::below(std::process::id());
    let running: Duration = processes.iter().copied().filter_map(cpu_of).sum();
    Used { cpu: told(libc::RUSAGE_CHILDREN) + running, memory_bytes: memory::of(&processes) }
}

fn told(of: libc::c_int) -> Duration {
    // SAFETY: writes a structure of this stack.
    let used = unsafe {
        let mut used: libc::rusage = std::mem::zeroed();
        libc::getrusage(of, &mut used);
        used
    };
    let micros = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    Duration::from_micros(micros(used.ru_utime) + micros(used.ru_stime))
}

/// Processor time of a process and of its children that have ended.
fn cpu_of(process: u32) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name stands in brackets and may hold anything; `man 5 proc`: fields 14 to 17, in hundredths of a second.
    let fields = text.rsplit_once(')')?.1.split_whitespace().skip(11).take(4);
    let hundredths: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(Duration::from_millis(hundredths * 10))
}

/// Gives way to all other threads, of this thread alone.
pub fn lower_priority() {
    // SAFETY: takes and gives numbers. On Linux, 0 is the calling thread.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn what_runs_below_is_counted_while_it_runs_and_after_its_end() {
        let before = below();
        // A grandchild, as a worker below its supervisor is.
        let script = "(while :; do :; done) & echo; wait";
        let mut child = Command::new("sh").args(["-c", script]).spawn().unwrap();
        let began = Instant::now();
        let running = loop {
            let now = below();
            if now.cpu >= before.cpu + Duration::from_millis(100) {
                break now;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{before:?}, then {now:?}");
            std::thread::sleep(Duration::from_millis(10));
        };
        assert!(running.memory_bytes > 100_000, "{running:?}");
        for process in memory::below(child.id()) {
            Command::new("kill").arg(process.to_string()).status().unwrap();
        }
        child.wait().unwrap();
        assert!(below().cpu >= running.cpu, "{running:?}, then {:?}", below());
    }
}
