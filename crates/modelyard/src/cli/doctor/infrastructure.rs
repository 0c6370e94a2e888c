//! Driver *infrastructure*: processors, memory, disk, and what the kernel can enforce.

use modelyard_process::sandbox::support;

use super::{Row, Subject, bytes};

/// Below this, an environment and a home hardly fit.
const ENOUGH_DISK: u64 = 2_000_000_000;

pub(super) fn look(subject: &Subject) -> Vec<Row> {
    let mut rows = vec![processors()];
    rows.extend(memory());
    rows.push(disk(subject));
    rows.extend(sandbox());
    rows
}

fn processors() -> Row {
    let count = std::thread::available_parallelism().map_or(1, |count| count.get());
    Row::ok("processors", count.to_string())
}

/// What Linux says is there and free; elsewhere nothing is said.
fn memory() -> Option<Row> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
    };
    let (total, free) = (field("MemTotal")?, field("MemAvailable")?);
    Some(Row::ok("memory", format!("{} free of {}", bytes(free), bytes(total))))
}

fn disk(subject: &Subject) -> Row {
    let Ok(volume) = rustix::fs::statvfs(&subject.root) else {
        return Row::missing("disk", "can't tell what is free").optional();
    };
    let free = volume.f_bavail * volume.f_frsize;
    let found = format!("{} free", bytes(free));
    if free < ENOUGH_DISK {
        return Row::wrong("disk", found, format!("free some: {} are soon used", bytes(ENOUGH_DISK)));
    }
    Row::ok("disk", found)
}

fn sandbox() -> Vec<Row> {
    let support = support();
    let mut rows = vec![
        if support.enforced() {
            Row::ok("landlock", format!("ABI {}: steps open what they declare", support.landlock_abi))
                .optional()
        } else {
            let hint = "steps can open anything, and their runs say so; Linux 5.13 or newer has it";
            Row::missing("landlock", hint).optional()
        },
        if support.seccomp {
            Row::ok("seccomp", "steps have no network unless they declare it").optional()
        } else {
            Row::missing("seccomp", "steps can use the network, and their runs say so").optional()
        },
    ];
    for reason in support.reasons.iter().filter(|_| support.enforced() && support.seccomp) {
        rows.push(Row::wrong("sandbox", "not enforced in full", reason.clone()).optional());
    }
    rows
}
