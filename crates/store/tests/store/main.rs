//! What the ports promise, over both kinds of home (`promises`), and what a folder promises
//! beyond: death at any moment, many processes, full and read-only disks, versions.

// Helpers of tests are tests to everybody but clippy.
#![allow(clippy::unwrap_used)]

mod child;
mod crash;
mod damage;
mod deployed;
mod disk;
mod folders;
mod processes;
mod promises;
mod support;
mod versions;
mod watched;
