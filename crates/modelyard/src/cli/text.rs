//! Numbers, sizes and times as people read them.

use modelyard_core::Timestamp;
use modelyard_core::run::RunStatus;
use modelyard_core::table::date_text;
pub(crate) use modelyard_core::text::thousands as count;
use serde_json::Value;

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400 * MICROS;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `1 source`, `3 sources`.
pub(crate) fn plural(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `148 kB`, in powers of a thousand.
pub(crate) fn bytes(size: u64) -> String {
    let mut value = size as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 999.5 {
            let places = usize::from(unit != "B" && value < 9.95);
            return format!("{value:.places$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

/// Just enough digits: three decimals where the number is small, fewer where it is large.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if value == value.trunc() && size < 1e15 => format!("{value}"),
        1e15.. | 0.0..1e-4 => format!("{value:.2e}"),
        1000.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.2}"),
        0.01.. => format!("{value:.3}"),
        _ => format!("{value:.5}"),
    }
}

/// A metric's value: 0 and 1 keep their decimals, so that columns line up.
pub(crate) fn score(value: f64) -> String {
    match value.abs() {
        0.0 | 0.01..10.0 => format!("{value:.3}"),
        10.0..1000.0 => format!("{value:.2}"),
        _ => number(value),
    }
}

/// A difference, with its sign and two digits that say something.
pub(crate) fn signed(value: f64) -> String {
    let places = match value.abs() {
        1000.0.. => 0,
        10.0.. => 2,
        0.1.. => 3,
        1e-9.. => (1 - value.abs().log10().floor() as i32).unsigned_abs() as usize,
        _ => return "±0".to_owned(),
    };
    format!("{value:+.places$}")
}

/// A parameter's or metric's value on a line of text.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `learning_rate 0.05, leaves 15`.
pub(crate) fn params<'a>(params: impl IntoIterator<Item = (&'a String, &'a Value)>) -> String {
    let words: Vec<_> = params.into_iter().map(|(name, set)| format!("{name} {}", value(set))).collect();
    words.join(", ")
}

/// `2 min ago`, `5 h ago`, then `14 May 09:12` (in UTC), in another year `14 May 2024`.
pub(crate) fn when(at: Timestamp, now: Timestamp) -> String {
    let seconds = (now.micros() - at.micros()).div_euclid(MICROS);
    match seconds {
        0..5 => return "now".to_owned(),
        5..60 => return format!("{seconds} s ago"),
        60..3_600 => return format!("{} min ago", seconds / 60),
        3_600..86_400 => return format!("{} h ago", seconds / 3_600),
        _ => {}
    }
    let (year, month, day) = date(at);
    let month = month.parse().ok().and_then(|month: usize| MONTHS.get(month.wrapping_sub(1))).unwrap_or(&"");
    if date(now).0 != year {
        return format!("{day} {month} {year}");
    }
    let minutes = at.micros().rem_euclid(DAY) / (60 * MICROS);
    format!("{day} {month} {:02}:{:02}", minutes / 60, minutes % 60)
}

/// Year, month and day in UTC, the day without a leading zero.
fn date(at: Timestamp) -> (String, String, String) {
    let days = i32::try_from(at.micros().div_euclid(DAY)).unwrap_or_default();
    let text = date_text(days);
    let mut parts = text.rsplitn(3, '-').map(str::to_owned);
    let day = parts.next().unwrap_or_default();
    let month = parts.next().unwrap_or_default();
    (parts.next().unwrap_or_default(), month, day.trim_start_matches('0').to_owned())
}

/// How long it took, where it ended.
pub(crate) fn milliseconds(from: Timestamp, to: Option<Timestamp>) -> Option<u64> {
    to.map(|to| u64::try_from((to.micros() - from.micros()) / 1000).unwrap_or(0))
}

pub(crate) fn status(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Running => "running",
        RunStatus::Finished => "finished",
        RunStatus::Failed => "failed",
        RunStatus::Cancelled => "cancelled",
        RunStatus::Interrupted => "interrupted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_near_then_dates() {
        // 2026-05-14T09:12:30Z
        let at = Timestamp::from_micros(1_778_749_950 * MICROS);
        let after = |seconds: i64| Timestamp::from_micros(at.micros() + seconds * MICROS);
        let cases = [
            (0, "now"),
            (59, "59 s ago"),
            (125, "2 min ago"),
            (7_300, "2 h ago"),
            (200_000, "14 May 09:12"),
            (31_536_000, "14 May 2026"),
            (-100, "14 May 09:12"),
        ];
        for (seconds, wanted) in cases {
            assert_eq!(when(at, after(seconds)), wanted);
        }
    }

    #[test]
    fn numbers_have_their_units_and_just_enough_digits() {
        assert_eq!([1, 36_180].map(|number| plural(number, "row")), ["1 row", "36,180 rows"]);
        assert_eq!([12, 1_480, 148_000, 2_900_000].map(bytes), ["12 B", "1.5 kB", "148 kB", "2.9 MB"]);
        assert_eq!(
            [0.69312, 53.4213, 1234.5, 7.0, 0.001234].map(number),
            ["0.693", "53.42", "1234", "7", "0.00123"]
        );
        assert_eq!([0.5, 0.0, 123.456].map(score), ["0.500", "0.000", "123.46"]);
        assert_eq!([0.00712, -0.21, 0.0].map(signed), ["+0.0071", "-0.210", "±0"]);
    }
}
