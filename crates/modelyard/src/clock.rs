//! The machine's clock and randomness: the one place that asks for them.

use std::time::{SystemTime, UNIX_EPOCH};

use modelyard_core::{Clock, Timestamp};

pub(crate) struct MachineClock;

impl Clock for MachineClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock that all others are handed")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }

    #[allow(clippy::disallowed_methods, reason = "this is the randomness that all others are handed")]
    fn entropy(&self) -> u128 {
        rand::random()
    }
}
