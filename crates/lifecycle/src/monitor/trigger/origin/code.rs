//! `code`: another commit is checked out in the project's folder than the one it was applied from.

use std::path::Path;

use modelyard_core::monitor::Origin;

use super::{Seen, World};
use crate::source_control;

pub(super) fn look(world: &World<'_>) -> Option<Seen> {
    let applied = world.applied.source.as_ref().map(|commit| commit.id.as_str());
    let head = tokio::task::block_in_place(|| source_control::head(Path::new(&world.applied.folder)))?;
    let newest = world
        .causes
        .iter()
        .find(|cause| cause.origin == Origin::Code && cause.trigger == world.trigger.name)
        .filter(|cause| cause.at >= world.applied.at);
    let known = newest.map_or(applied, |cause| cause.key.strip_prefix("commit "));
    (known != Some(head.as_str())).then(|| Seen::new(format!("commit {head}")))
}
