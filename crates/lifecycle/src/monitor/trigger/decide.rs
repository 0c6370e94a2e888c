//! What becomes of a cause: a pure function of it, its trigger, what is known and the time.

use modelyard_core::Timestamp;
use modelyard_core::monitor::{Cause, CauseState, Origin, TriggerSpec};

/// What is known when a cause is judged.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What is under way in the project: a training, a release of what was trained.
    pub busy: Option<String>,
    /// Who froze the environment that would be released to.
    pub frozen: Option<String>,
    /// Whether the sources hold what no model was trained on yet; `None` while they are being written.
    pub fresh: Option<bool>,
    /// When trainings of this trigger began, the newest first.
    pub trainings: Vec<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Train,
    /// Until the sources change.
    WaitForData,
    /// It stays pending, for this reason.
    Hold(String),
    Skip(String),
}

/// What to do about `cause`, which is pending or waits for data, at `now`. `trigger`: its own; `None` where the
/// project no longer has it.
///
/// What is in the way of a training puts off what nobody would bring up again (new data, a commit, another model's
/// version, and what has waited for data already); a further tick, window or request comes by itself, so such a
/// cause is skipped.
pub fn next(cause: &Cause, trigger: Option<&TriggerSpec>, facts: &Facts, now: Timestamp) -> Act {
    let Some(trigger) = trigger else {
        return Act::Skip("the trigger is no longer in modelyard.toml".to_owned());
    };
    if matches!(cause.origin, Origin::Drift | Origin::Decay) {
        match facts.fresh {
            None => return Act::Hold("the sources are being written".to_owned()),
            Some(false) => return Act::WaitForData,
            Some(true) => {}
        }
    }
    if let Some(busy) = &facts.busy {
        return match cause.origin {
            Origin::Schedule => Act::Skip(busy.clone()),
            _ => Act::Hold(busy.clone()),
        };
    }
    let Some(obstacle) = obstacle(trigger, facts, now) else { return Act::Train };
    let lasts = matches!(cause.origin, Origin::NewData | Origin::Code | Origin::Registry)
        || cause.state == CauseState::WaitingForData;
    if lasts { Act::Hold(obstacle) } else { Act::Skip(obstacle) }
}

fn obstacle(trigger: &TriggerSpec, facts: &Facts, now: Timestamp) -> Option<String> {
    if let Some(last) = facts.trainings.first() {
        let until = later(*last, trigger.cool_down_secs);
        if until > now {
            return Some(format!("cooling down until {until}"));
        }
    }
    if let Some(budget) = trigger.budget {
        let since = later(now, -trigger.budget_secs);
        let used = facts.trainings.iter().filter(|began| **began > since).count();
        if used >= budget as usize {
            return Some(format!("its budget is used up: {used} of {budget} trainings"));
        }
    }
    facts.frozen.clone()
}

fn later(at: Timestamp, secs: f64) -> Timestamp {
    Timestamp::from_micros(at.micros().saturating_add((secs * 1e6) as i64))
}

#[cfg(test)]
pub(super) mod tests {
    use modelyard_core::id::CauseId;
    use modelyard_core::monitor::{Missed, Then};

    use super::*;

    struct Still;

    impl modelyard_core::Clock for Still {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(0)
        }

        fn entropy(&self) -> u128 {
            0
        }
    }

    pub(in super::super) fn spec(on: Origin) -> TriggerSpec {
        TriggerSpec {
            name: on.as_str().to_owned(),
            on: vec![on],
            then: Then::Release,
            set: Default::default(),
            cron: None,
            zone: "UTC".to_owned(),
            missed: Missed::Once,
            min_rows: 0,
            model: None,
            secret: None,
            cool_down_secs: 3600.0,
            budget: Some(2),
            budget_secs: 86_400.0,
        }
    }

    fn cause(origin: Origin, state: CauseState) -> Cause {
        Cause {
            version: 1,
            id: CauseId::new(&Still),
            project: "flights".to_owned(),
            trigger: origin.as_str().to_owned(),
            origin,
            key: "key".to_owned(),
            state,
            reason: String::new(),
            actor: "trigger".to_owned(),
            at: Timestamp::from_micros(0),
            changed_at: Timestamp::from_micros(0),
            run: None,
            model: None,
            release: None,
            revision: 1,
        }
    }

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_micros(hour * 3_600_000_000)
    }

    fn decided(origin: Origin, state: CauseState, facts: &Facts) -> Act {
        next(&cause(origin, state), Some(&spec(origin)), facts, hour(100))
    }

    fn fresh() -> Facts {
        Facts { fresh: Some(true), ..Facts::default() }
    }

    #[test]
    fn a_drift_waits_for_data_that_is_new_and_nothing_else_does() {
        let stale = Facts { fresh: Some(false), ..Facts::default() };
        for origin in Origin::ALL {
            let waits = matches!(origin, Origin::Drift | Origin::Decay);
            let wanted = if waits { Act::WaitForData } else { Act::Train };
            assert_eq!(decided(origin, CauseState::Pending, &stale), wanted, "{origin:?}");
            assert_eq!(decided(origin, CauseState::Pending, &fresh()), Act::Train, "{origin:?}");
        }
        let written = Facts { fresh: None, ..Facts::default() };
        assert!(matches!(decided(Origin::Drift, CauseState::WaitingForData, &written), Act::Hold(_)));
    }

    #[test]
    fn what_is_in_the_way_puts_off_what_nobody_would_bring_up_again() {
        let obstacles = [
            (
                Facts { trainings: vec![hour(99), hour(2)], ..fresh() },
                "cooling down until 1970-01-05T04:00:00Z",
            ),
            (
                Facts { trainings: vec![hour(98), hour(97)], ..fresh() },
                "its budget is used up: 2 of 2 trainings",
            ),
            (Facts { frozen: Some("`ann` froze it".to_owned()), ..fresh() }, "`ann` froze it"),
        ];
        for (facts, reason) in obstacles {
            // At the very end of the cool-down it is over.
            let facts =
                Facts { trainings: facts.trainings.iter().map(|at| later(*at, 1.0)).collect(), ..facts };
            let reason = reason.replace("04:00:00", "04:00:01");
            for origin in Origin::ALL {
                let lasts = matches!(origin, Origin::NewData | Origin::Code | Origin::Registry);
                let wanted = if lasts { Act::Hold(reason.clone()) } else { Act::Skip(reason.clone()) };
                assert_eq!(decided(origin, CauseState::Pending, &facts), wanted, "{origin:?}");
            }
            assert_eq!(decided(Origin::Drift, CauseState::WaitingForData, &facts), Act::Hold(reason.clone()));
        }
        assert_eq!(
            decided(Origin::Request, CauseState::Pending, &Facts { trainings: vec![hour(99)], ..fresh() }),
            Act::Train,
        );
    }

    #[test]
    fn a_tick_during_a_training_is_skipped_and_all_else_waits() {
        let busy = Facts { busy: Some("run 1 trains".to_owned()), ..fresh() };
        for origin in Origin::ALL {
            let act = decided(origin, CauseState::Pending, &busy);
            assert_eq!(matches!(act, Act::Skip(_)), origin == Origin::Schedule, "{origin:?}");
            assert_ne!(act, Act::Train);
        }
    }

    #[test]
    fn a_trigger_that_is_gone_trains_nothing() {
        let act = next(&cause(Origin::Request, CauseState::Pending), None, &fresh(), hour(1));
        assert_eq!(act, Act::Skip("the trigger is no longer in modelyard.toml".to_owned()));
    }
}
