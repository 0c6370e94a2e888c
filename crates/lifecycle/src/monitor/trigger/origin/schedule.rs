//! `schedule`: a time that cron's fields name has come.

use modelyard_core::deploy::Applied;
use modelyard_core::monitor::{Cause, Missed, Origin, TriggerSpec};
use modelyard_core::{Fault, Kind, Result, Timestamp};

use super::{Seen, World};
use crate::monitor::trigger::cron::Schedule;

/// A time that is noticed later than this was missed: no server ran.
const MISSED_MICROS: i64 = 60_000_000;

pub(super) fn look(world: &World<'_>) -> Result<Option<Seen>> {
    let schedule = of(world.trigger)?;
    let last = last(world.trigger, world.causes, world.applied);
    let Some(due) = schedule.before(world.now).filter(|due| *due > last) else { return Ok(None) };
    let mut seen = Seen::new(format!("tick {due}"));
    let (name, missed) = (&world.trigger.name, world.now.micros() - due.micros() > MISSED_MICROS);
    if missed {
        seen.alert = Some(format!("`{name}` was due at {due}, and no server ran"));
    }
    if missed && world.trigger.missed == Missed::Skip {
        seen.skipped = Some("missed: no server ran".to_owned());
    }
    Ok(Some(seen))
}

/// When the schedule of `trigger` is due next; `None` where it has none.
///
/// # Errors
/// If it can't be understood.
pub(in crate::monitor::trigger) fn due(trigger: &TriggerSpec, now: Timestamp) -> Result<Option<Timestamp>> {
    if !trigger.on.contains(&Origin::Schedule) {
        return Ok(None);
    }
    Ok(of(trigger)?.after(now))
}

fn of(trigger: &TriggerSpec) -> Result<Schedule> {
    let cron = trigger.cron.as_deref().ok_or_else(|| {
        Fault::new(Kind::Config, format!("the trigger `{}` has no schedule", trigger.name))
            .hint("cron = \"0 2 * * *\"")
    })?;
    Schedule::parse(cron, &trigger.zone)
}

/// Times up to this one have been seen. Applying anew begins anew.
fn last(trigger: &TriggerSpec, causes: &[Cause], applied: &Applied) -> Timestamp {
    let ticks = causes
        .iter()
        .filter(|cause| cause.origin == Origin::Schedule && cause.trigger == trigger.name)
        .filter_map(|cause| Timestamp::parse(cause.key.strip_prefix("tick ")?));
    ticks.max().map_or(applied.at, |tick| tick.max(applied.at))
}
