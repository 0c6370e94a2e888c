//! The machine's clock and randomness: the one place that asks for them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use modelyard_core::{Clock, Timestamp};

pub(crate) struct MachineClock {
    began: Instant,
}

impl MachineClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock that all others are handed")]
    pub(crate) fn new() -> Self {
        Self { began: Instant::now() }
    }
}

impl Clock for MachineClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock that all others are handed")]
    fn now(&self) -> Timestamp {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }

    fn steady_micros(&self) -> i64 {
        i64::try_from(self.began.elapsed().as_micros()).unwrap_or(i64::MAX)
    }

    #[allow(clippy::disallowed_methods, reason = "this is the randomness that all others are handed")]
    fn entropy(&self) -> u128 {
        rand::random()
    }
}
