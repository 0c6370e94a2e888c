//! Where windows begin and end.

use modelyard_core::Timestamp;
use modelyard_core::monitor::MonitorSpec;

const WEEK_MICROS: i64 = 7 * 86_400_000_000;
/// Monday, 5 January 1970.
const MONDAY_MICROS: i64 = 4 * 86_400_000_000;

/// Windows of one length, without a gap: whole weeks begin on Mondays, others so that one begins with 1970, all
/// in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spans {
    origin: i64,
    micros: i64,
}

impl Spans {
    pub(crate) fn of(spec: &MonitorSpec) -> Self {
        let micros = micros(spec.window_secs).max(1);
        let origin = if micros % WEEK_MICROS == 0 { MONDAY_MICROS } else { 0 };
        Self { origin, micros }
    }

    pub(crate) fn origin(self) -> Timestamp {
        Timestamp::from_micros(self.origin)
    }

    pub(crate) fn micros(self) -> i64 {
        self.micros
    }

    /// Begin of the window in which `at` lies.
    pub(crate) fn start(self, at: Timestamp) -> Timestamp {
        let windows = at.micros().saturating_sub(self.origin).div_euclid(self.micros);
        Timestamp::from_micros(self.origin + windows * self.micros)
    }

    /// End of the window that begins at `start`, which is the begin of the next.
    pub(crate) fn end(self, start: Timestamp) -> Timestamp {
        later(start, self.micros)
    }

    /// Begins of the windows from that of `first` to that of `last`, both included.
    pub(crate) fn between(self, first: Timestamp, last: Timestamp) -> impl Iterator<Item = Timestamp> {
        let last = self.start(last);
        std::iter::successors(Some(self.start(first)), move |start| Some(self.end(*start)))
            .take_while(move |start| *start <= last)
    }

    /// How many those are.
    pub(crate) fn count(self, first: Timestamp, last: Timestamp) -> i64 {
        (self.start(last).micros() - self.start(first).micros()) / self.micros + 1
    }
}

/// `at`, so many microseconds later.
pub(crate) fn later(at: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(at.micros().saturating_add(micros))
}

pub(crate) fn micros(seconds: f64) -> i64 {
    (seconds * 1e6) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn weeks_begin_on_mondays_and_days_at_midnight() {
        let week = Spans { origin: MONDAY_MICROS, micros: WEEK_MICROS };
        assert_eq!(week.start(at("2013-05-19 23:59")), at("2013-05-13"));
        assert_eq!(week.start(at("2013-05-20")), at("2013-05-20"));
        assert_eq!(week.start(at("1969-12-31")), at("1969-12-29"));
        let day = Spans { origin: 0, micros: WEEK_MICROS / 7 };
        assert_eq!(day.start(at("2013-05-19 23:59")), at("2013-05-19"));
        let starts: Vec<_> = day.between(at("2013-05-19 12:00"), at("2013-05-21")).collect();
        assert_eq!(starts, [at("2013-05-19"), at("2013-05-20"), at("2013-05-21")]);
        assert_eq!(day.count(at("2013-05-19 12:00"), at("2013-05-21")), 3);
    }
}
