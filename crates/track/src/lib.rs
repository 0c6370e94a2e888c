//! The rules about what was recorded: how a run or a version is named, which runs still live, how
//! runs compare, where a version comes from, whether the audit log is whole.
//!
//! Everything goes through the ports of `core`: there is no SQL here, nothing is printed, and
//! nothing is executed. A rule about one noun is a file; what a command shows of it, and how, is
//! the binary's.

pub mod audit;
pub mod lineage;
pub mod nearest;
pub mod registry;
pub mod runs;

#[cfg(test)]
mod testing;
