//! Monitoring: what production answered is kept and read back, and people are told.
//!
//! ```text
//! alerts   what holds and should not, from its first notice to its end, and who is told
//! windows  what was logged, judged: `look` when, `gathered` from which rows, `reference` against what, `judge` how,
//!          `memory` what is remembered, `consequences` what follows
//! feedback what turned out to be true, on its way into the home
//! import   labels of a file
//! view     what windows show, in words and numbers
//! query    SQL over what was logged
//! record   the inference log as a data plane writes it
//! replay   last year's rows once more, as traffic
//! trigger  what sets off a training, and what becomes of each cause
//! train    from a training's begin to a version that serves
//! report   what the page of a watched environment shows
//! rows     the inference log read back: the rows of a span of time, piece by piece
//! upkeep   the inference log kept small
//! watched  which watched environment is meant
//! watcher  what a server does for all this, again and again
//! ```

pub mod alerts;
mod consequences;
pub mod feedback;
mod gathered;
pub mod import;
mod judge;
mod look;
mod memory;
pub mod query;
pub mod record;
mod reference;
pub mod replay;
pub mod report;
pub mod rows;
mod span;
pub mod train;
pub mod trigger;
pub mod upkeep;
pub mod view;
pub mod watched;
mod watcher;

pub use look::Windows;
pub use watcher::{Duty, Watcher};
