//! Instants as people write them: `2026-11-24T10:05:00Z`, `2026-11-24 10:05`, `2h ago`, `30 minutes ago`; and
//! those to come, also as how long from now on: `3d`.

use modelyard_core::Timestamp;

use crate::config::duration;

/// The instant that `text` means at `now`; where it names no zone it is UTC.
///
/// # Errors
/// What was wanted, for an argument of a command.
pub(crate) fn parse(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    if text == "now" {
        return Ok(now);
    }
    if let Some(length) = text.strip_suffix("ago") {
        return ago(length, now).ok_or_else(wanted);
    }
    Timestamp::parse(text).ok_or_else(wanted)
}

/// The instant after `now` that `text` means: one, or how long it is until then.
///
/// # Errors
/// What was wanted, for an argument of a command.
pub(crate) fn parse_ahead(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    let wanted =
        || "wanted an instant, `2026-12-24 08:00` (UTC), or how long from now on: `3d`, `12h`".to_owned();
    let at = match duration::parse(text) {
        Some(seconds) => now.micros().checked_add((seconds * 1e6) as i64).map(Timestamp::from_micros),
        None => Timestamp::parse(text),
    };
    match at.ok_or_else(wanted)? {
        at if at > now => Ok(at),
        _ => Err(format!("it lies in the past; {}", wanted())),
    }
}

fn wanted() -> String {
    "wanted an instant: `2026-11-24 10:05` (UTC), `2026-11-24T10:05:00+01:00`, `2h ago`, `30 minutes ago`"
        .to_owned()
}

fn ago(length: &str, now: Timestamp) -> Option<Timestamp> {
    // `2 hours` as `2 h`: units begin with the letter that stands for them.
    let short: Vec<&str> = length
        .split_whitespace()
        .map(|word| match word {
            "second" | "seconds" | "sec" => "s",
            "minute" | "minutes" | "min" => "m",
            "hour" | "hours" => "h",
            "day" | "days" => "d",
            "week" | "weeks" => "w",
            other => other,
        })
        .collect();
    let seconds = duration::parse(&short.join(" "))?;
    Some(Timestamp::from_micros(now.micros().checked_sub((seconds * 1e6) as i64)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_people_write_them() {
        let now = Timestamp::parse("2026-11-24T12:00:00Z").unwrap();
        for (text, wanted) in [
            ("now", "2026-11-24T12:00:00Z"),
            ("2026-11-24T10:05:00Z", "2026-11-24T10:05:00Z"),
            ("2026-11-24T10:05:00.25+01:00", "2026-11-24T09:05:00.250Z"),
            ("2026-11-24 10:05:30", "2026-11-24T10:05:30Z"),
            ("2026-11-24 10:05", "2026-11-24T10:05:00Z"),
            ("2026-11-24T10:05", "2026-11-24T10:05:00Z"),
            ("2026-11-24", "2026-11-24T00:00:00Z"),
            ("2h ago", "2026-11-24T10:00:00Z"),
            ("2 hours ago", "2026-11-24T10:00:00Z"),
            ("1 day 30 minutes ago", "2026-11-23T11:30:00Z"),
        ] {
            assert_eq!(parse(text, now).unwrap().to_string(), wanted, "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "2026-11-24 25:00", "2 ago", "ago", "-1h ago", "1764"] {
            assert!(parse(text, now).is_err(), "{text}");
        }
    }

    #[test]
    fn instants_to_come_are_read_as_people_write_them() {
        let now = Timestamp::parse("2026-11-24T12:00:00Z").unwrap();
        for (text, wanted) in [
            ("3d", "2026-11-27T12:00:00Z"),
            ("90m", "2026-11-24T13:30:00Z"),
            ("1h 30m", "2026-11-24T13:30:00Z"),
            ("2026-12-24", "2026-12-24T00:00:00Z"),
            ("2026-12-24 08:00", "2026-12-24T08:00:00Z"),
            ("2026-12-24T08:00:00+01:00", "2026-12-24T07:00:00Z"),
        ] {
            assert_eq!(parse_ahead(text, now).unwrap().to_string(), wanted, "{text}");
        }
        for text in ["", "soon", "0s", "2026-11-24", "2h ago", "99999999999999d"] {
            assert!(parse_ahead(text, now).is_err(), "{text}");
        }
    }
}
