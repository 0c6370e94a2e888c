//! Times as cron writes them: five fields, in a time zone.
//!
//! `minute hour day-of-month month day-of-week`; each is `*`, a number, a range `1-5`, a list `1,15`, with a step
//! `*/10`; months and days of the week also by their first three letters, and Sunday is 0 or 7. Where both days are
//! restricted, one of them is enough, as in cron.
//!
//! Where a clock is set forward, a time that is skipped comes as soon as it is past; where it is set back, one that
//! is there twice comes once, the first time. There is a crate for this, which would have all of DataFusion built
//! with another `chrono`.

use chrono::{DateTime, Datelike, Duration, NaiveDate, NaiveDateTime, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use modelyard_core::{Fault, Kind, Result, Timestamp};

/// The longest that two times of one schedule lie apart: a leap day over a century that is none.
const DAYS: i64 = 8 * 366;

/// When something is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    minutes: Field,
    hours: Field,
    days: Field,
    months: Field,
    weekdays: Field,
    zone: Tz,
}

/// The values that a field allows, a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Field {
    allowed: u64,
    /// Whether it is `*`.
    any: bool,
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    /// # Errors
    /// [`Kind::Config`], saying which field is wrong, or that the zone or no time at all is meant.
    pub fn parse(cron: &str, zone: &str) -> Result<Self> {
        let zone = zone.parse().map_err(|_| {
            Fault::new(Kind::Config, format!("there is no time zone `{zone}`"))
                .hint("name one as `Europe/Berlin`, or UTC")
        })?;
        let fields: Vec<&str> = cron.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields[..] else {
            return Err(Fault::new(
                Kind::Config,
                format!("`{cron}` has {} fields where cron has five", fields.len()),
            )
            .hint("minute hour day-of-month month day-of-week: `0 2 * * *` is every night at two"));
        };
        let mut weekdays = Field::parse(weekdays, "day of the week", 0..=7, WEEKDAYS, 0)?;
        weekdays.allowed |= weekdays.allowed >> 7 & 1;
        let schedule = Self {
            minutes: Field::parse(minutes, "minute", 0..=59, &[], 0)?,
            hours: Field::parse(hours, "hour", 0..=23, &[], 0)?,
            days: Field::parse(days, "day of the month", 1..=31, &[], 0)?,
            months: Field::parse(months, "month", 1..=12, MONTHS, 1)?,
            weekdays,
            zone,
        };
        if schedule.after(Timestamp::from_micros(0)).is_none() {
            return Err(Fault::new(Kind::Config, format!("`{cron}` names a day that never comes")));
        }
        Ok(schedule)
    }

    /// The first time after `at`.
    pub fn after(&self, at: Timestamp) -> Option<Timestamp> {
        let from = self.local(at);
        (0..DAYS).find_map(|offset| {
            let day = from.date() + Duration::days(offset);
            self.times_of(day).find(|due| *due > at)
        })
    }

    /// The last time up to `at`, that instant included.
    pub fn before(&self, at: Timestamp) -> Option<Timestamp> {
        let from = self.local(at);
        // What was skipped late in a day may come in the next one.
        (-1..DAYS).find_map(|offset| {
            let day = from.date() - Duration::days(offset);
            self.times_of(day).filter(|due| *due <= at).last()
        })
    }

    fn local(&self, at: Timestamp) -> NaiveDateTime {
        DateTime::<Utc>::from_timestamp_micros(at.micros())
            .unwrap_or_default()
            .with_timezone(&self.zone)
            .naive_local()
    }

    /// The instants of a day, in order.
    fn times_of(&self, day: NaiveDate) -> impl Iterator<Item = Timestamp> {
        let matches = self.matches(day);
        let minutes = (0..1440_u32).filter(move |minute| {
            matches && self.hours.allows(minute / 60) && self.minutes.allows(minute % 60)
        });
        let mut last = None;
        minutes.filter_map(move |minute| {
            let instant = self.instant(day.and_hms_opt(minute / 60, minute % 60, 0)?)?;
            // Several that are skipped come together.
            (last.replace(instant) != Some(instant)).then_some(instant)
        })
    }

    fn matches(&self, day: NaiveDate) -> bool {
        let (in_month, in_week) =
            (self.days.allows(day.day()), self.weekdays.allows(day.weekday().num_days_from_sunday()));
        let of_days = match (self.days.any, self.weekdays.any) {
            (false, false) => in_month || in_week,
            _ => in_month && in_week,
        };
        of_days && self.months.allows(day.month())
    }

    /// The instant of a local time; of one that is skipped, the end of the gap.
    fn instant(&self, local: NaiveDateTime) -> Option<Timestamp> {
        let at = |local: &NaiveDateTime| self.zone.from_local_datetime(local).earliest();
        // Gaps end at whole minutes, and no zone was ever set forward by more than a day.
        let found = at(&local).or_else(|| {
            let end = local.with_second(0)?;
            (1..=1440).find_map(|minutes| at(&(end + Duration::minutes(minutes))))
        })?;
        Some(Timestamp::from_micros(found.timestamp_micros()))
    }
}

impl Field {
    fn parse(
        text: &str,
        what: &str,
        range: std::ops::RangeInclusive<u32>,
        names: &[&str],
        first: u32,
    ) -> Result<Self> {
        let wrong = || {
            Fault::new(Kind::Config, format!("`{text}` is no {what} as cron writes it")).hint(format!(
                "`*`, a number from {} to {}, `1-5`, `1,3`, `*/2`",
                range.start(),
                range.end()
            ))
        };
        let value = |text: &str| {
            let named = names.iter().position(|name| name.eq_ignore_ascii_case(text));
            let value = match named {
                Some(place) => u32::try_from(place).ok()? + first,
                None if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok()?,
                None => return None,
            };
            range.contains(&value).then_some(value)
        };
        let mut allowed = 0;
        for part in text.split(',') {
            let (span, step) = match part.split_once('/') {
                Some((span, step)) => {
                    (span, Some(step.parse().ok().filter(|step| *step > 0).ok_or_else(wrong)?))
                }
                None => (part, None),
            };
            let (low, high) = match span.split_once('-') {
                _ if span == "*" => (*range.start(), *range.end()),
                Some((low, high)) => (value(low).ok_or_else(wrong)?, value(high).ok_or_else(wrong)?),
                None => {
                    let low = value(span).ok_or_else(wrong)?;
                    // `5/10` is every tenth from 5 on.
                    (low, if step.is_some() { *range.end() } else { low })
                }
            };
            if low > high {
                return Err(wrong());
            }
            for value in (low..=high).step_by(step.unwrap_or(1)) {
                allowed |= 1 << value;
            }
        }
        Ok(Self { allowed, any: text == "*" })
    }

    fn allows(self, value: u32) -> bool {
        self.allowed >> value & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    /// The next `count` times after `from`.
    fn next(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let schedule = Schedule::parse(cron, zone).unwrap();
        let mut last = at(from);
        let mut times = Vec::new();
        for _ in 0..count {
            let due = schedule.after(last).unwrap();
            assert_eq!(schedule.before(due), Some(due), "{due}");
            let just_before = Timestamp::from_micros(due.micros() - 1);
            assert!(schedule.before(just_before).unwrap() <= last, "{due}");
            times.push(due.to_string());
            last = due;
        }
        times
    }

    #[test]
    fn fields_mean_what_cron_says() {
        let from = "2026-11-24 10:05";
        assert_eq!(next("*/20 * * * *", "UTC", from, 2), ["2026-11-24T10:20:00Z", "2026-11-24T10:40:00Z"]);
        assert_eq!(next("5 10 * * *", "UTC", from, 1), ["2026-11-25T10:05:00Z"]);
        assert_eq!(next("0 2 * * mon-fri", "UTC", "2026-11-27 03:00", 1), ["2026-11-30T02:00:00Z"]);
        assert_eq!(next("0 0 * * 7", "UTC", from, 1), next("0 0 * * sun", "UTC", from, 1));
        // One of the two days is enough.
        assert_eq!(
            next("0 0 13 * fri", "UTC", "2026-11-28", 3),
            ["2026-12-04T00:00:00Z", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z"]
        );
        assert_eq!(next("0 0 29 feb *", "UTC", from, 1), ["2028-02-29T00:00:00Z"]);
        assert_eq!(
            next("30 2,14 1 1-6/5 *", "UTC", from, 2),
            ["2027-01-01T02:30:00Z", "2027-01-01T14:30:00Z"]
        );
    }

    #[test]
    fn a_time_that_the_clock_skips_comes_as_soon_as_it_is_past() {
        // 29 March 2026 in Berlin: two o'clock is three.
        assert_eq!(
            next("30 2 * * *", "Europe/Berlin", "2026-03-27 12:00", 3),
            ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]
        );
        assert_eq!(
            next("*/30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", 2),
            ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"]
        );
    }

    #[test]
    fn a_time_that_is_there_twice_comes_once() {
        // 25 October 2026 in Berlin: three o'clock is two.
        assert_eq!(
            next("30 2 * * *", "Europe/Berlin", "2026-10-24 12:00", 2),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
    }

    #[test]
    fn what_is_wrong_is_said() {
        let message = |cron: &str, zone: &str| Schedule::parse(cron, zone).unwrap_err().message().to_owned();
        assert_eq!(message("0 2 * *", "UTC"), "`0 2 * *` has 4 fields where cron has five");
        assert_eq!(message("61 2 * * *", "UTC"), "`61` is no minute as cron writes it");
        assert_eq!(message("0 2 * * 5-1", "UTC"), "`5-1` is no day of the week as cron writes it");
        assert_eq!(message("0 */0 * * *", "UTC"), "`*/0` is no hour as cron writes it");
        assert_eq!(message("0 2 * +3 *", "UTC"), "`+3` is no month as cron writes it");
        assert_eq!(message("0 0 30 2 *", "UTC"), "`0 0 30 2 *` names a day that never comes");
        assert_eq!(message("0 2 * * *", "Europe/Nowhere"), "there is no time zone `Europe/Nowhere`");
    }
}
