//! What passes between this program and a supervisor: records of one size.

use std::time::Duration;

use modelyard_core::action::Usage;

/// Bytes of every record.
pub(super) const SIZE: usize = 64;

/// An order to the supervisor, one byte.
#[derive(Clone, Copy)]
pub(super) enum Order {
    /// SIGTERM to the command's process group.
    Terminate = b'T' as isize,
    /// SIGKILL to everything.
    Kill = b'K' as isize,
}

/// What the supervisor says when nothing of the tree is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// As `waitpid` gave it.
    pub(crate) status: i32,
    /// User and system time of the tree.
    pub(super) cpu_us: u64,
    /// The largest resident set of any process of the tree.
    pub(super) peak_kib: u64,
    /// Resident set of the fork before it became the command: `peak_kib` is at least this.
    pub(super) baseline_kib: u64,
    /// Whether processes outlived the command and had to be killed.
    pub(super) leftovers: bool,
}

/// A record, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// From the child before it became the command: its process id, and of its group.
    Started(i32),
    /// From it too: a part of its confinement that it had to do without, and `errno`.
    Remark(u8, i32),
    Report(Report),
}

const REMARK: u8 = 1;
const REPORT: u8 = 2;
const STARTED: u8 = 3;

impl Report {
    /// `seen_bytes` is the most that the tree was seen to hold while it ran.
    pub(crate) fn usage(&self, wall: Duration, seen_bytes: u64) -> Usage {
        // At the baseline, the peak may be that of the fork before it became the command.
        let above = seen_bytes == 0 || self.peak_kib > self.baseline_kib + self.baseline_kib / 8;
        let largest_bytes = if above { self.peak_kib * 1024 } else { 0 };
        Usage {
            wall_ms: wall.as_millis() as u64,
            cpu_ms: self.cpu_us / 1000,
            peak_memory_bytes: seen_bytes.max(largest_bytes),
        }
    }

    pub(super) fn started(group: i32) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[0] = STARTED;
        bytes[8..12].copy_from_slice(&group.to_le_bytes());
        bytes
    }

    pub(super) fn remark(code: u8, errno: i32) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[0] = REMARK;
        bytes[1] = code;
        bytes[8..12].copy_from_slice(&errno.to_le_bytes());
        bytes
    }

    pub(super) fn to_bytes(&self) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        bytes[0] = REPORT;
        bytes[1] = self.leftovers.into();
        bytes[8..12].copy_from_slice(&self.status.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.cpu_us.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.peak_kib.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.baseline_kib.to_le_bytes());
        bytes
    }
}

impl Record {
    /// `None` for what no supervisor of this program sends.
    pub(super) fn read(bytes: &[u8; SIZE]) -> Option<Self> {
        let long = |at: usize| {
            let mut part = [0; 8];
            part.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(part)
        };
        match bytes[0] {
            STARTED => Some(Self::Started(long(8) as i32)),
            REMARK => Some(Self::Remark(bytes[1], long(8) as i32)),
            REPORT => Some(Self::Report(Report {
                status: long(8) as i32,
                cpu_us: long(16),
                peak_kib: long(24),
                baseline_kib: long(32),
                leftovers: bytes[1] != 0,
            })),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_survive_the_socket() {
        let report = Report { status: -9, cpu_us: 1 << 40, peak_kib: 7, baseline_kib: 3, leftovers: true };
        assert_eq!(Record::read(&report.to_bytes()), Some(Record::Report(report)));
        assert_eq!(Record::read(&Report::started(77)), Some(Record::Started(77)));
        assert_eq!(Record::read(&Report::remark(2, -1)), Some(Record::Remark(2, -1)));
        assert_eq!(Record::read(&[0; SIZE]), None);
    }
}
