//! What the ports promise, over both kinds of home (`promises`), and what a folder promises
//! beyond: death at any moment, many processes, full and read-only disks, versions.

mod promises;
mod support;
