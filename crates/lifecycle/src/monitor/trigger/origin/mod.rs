//! Where causes of training come from. An origin looks at its corner of the world and tells what it finds; the
//! home keeps what it has not kept before, so an origin need not remember.
//!
//! Causes of `drift` and `decay` are found with the windows that show them, requests come by themselves. To add
//! an origin: a variant of [`Origin`], a file here, an arm in [`look`].

mod code;
mod new_data;
mod registry;
mod schedule;

use modelyard_core::deploy::Applied;
use modelyard_core::monitor::{Cause, Origin, TriggerSpec};
use modelyard_core::ports::Home;
use modelyard_core::{Digest, Result, Timestamp};

pub(super) use schedule::due;

/// What origins see.
pub(super) struct World<'a> {
    pub(super) home: &'a Home,
    pub(super) applied: &'a Applied,
    pub(super) trigger: &'a TriggerSpec,
    /// Of the project, the newest first.
    pub(super) causes: &'a [Cause],
    /// What the sources hold, where no model was trained on that.
    pub(super) fresh: Option<Digest>,
    /// By how many rows that is more than the champion learnt from, where the trigger asks.
    pub(super) new_rows: Option<u64>,
    pub(super) now: Timestamp,
}

/// A cause that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) key: String,
    /// Why nothing is to be trained for it.
    pub(super) skipped: Option<String>,
    /// What people are told besides.
    pub(super) alert: Option<String>,
}

impl Seen {
    fn new(key: String) -> Self {
        Self { key, skipped: None, alert: None }
    }
}

/// What `origin` finds now.
///
/// # Errors
/// If it can't look.
pub(super) async fn look(origin: Origin, world: &World<'_>) -> Result<Option<Seen>> {
    match origin {
        Origin::Schedule => schedule::look(world),
        Origin::NewData => Ok(new_data::look(world)),
        Origin::Code => Ok(code::look(world)),
        Origin::Registry => registry::look(world).await,
        Origin::Drift | Origin::Decay | Origin::Request => Ok(None),
    }
}
