//! `new-data`: the sources hold what no model was trained on.

use super::{Seen, World};

pub(super) fn look(world: &World<'_>) -> Option<Seen> {
    let mut seen = Seen::new(format!("data {}", world.fresh?));
    if let Some(rows) = world.new_rows
        && rows < world.trigger.min_rows
    {
        let least = world.trigger.min_rows;
        seen.skipped = Some(format!("{rows} rows are new, fewer than min_rows = {least}"));
    }
    Some(seen)
}
