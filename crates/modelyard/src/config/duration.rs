//! Durations as people write them: `90s`, `1h30m`, `1w`.

use std::time::Duration;

const UNITS: [(&str, f64); 6] =
    [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0), ("w", 604_800.0)];

/// A thousand years; the clock's arithmetic ends somewhere beyond.
const MOST: f64 = 1_000.0 * 365.0 * 86_400.0;

/// Seconds of `text`: one or more whole or fractional numbers, each with its unit; above zero,
/// at most a thousand years.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (_, factor) = UNITS.iter().find(|(unit, _)| *unit == &rest[..letters])?;
        seconds += number * factor;
        rest = rest[letters..].trim_start();
    }
    (seconds > 0.0 && seconds <= MOST).then_some(seconds)
}

/// `seconds` as [`parse`] reads them: `1h30m`, to the millisecond.
pub(crate) fn text(seconds: f64) -> String {
    let mut rest = (seconds * 1e3).round();
    let mut text = String::new();
    for (unit, factor) in UNITS.iter().rev() {
        let factor = factor * 1e3;
        let number = (rest / factor).floor();
        if number > 0.0 {
            text.push_str(&format!("{number}{unit}"));
            rest -= number * factor;
        }
    }
    if text.is_empty() { format!("{}ms", seconds * 1e3) } else { text }
}

/// As [`parse`], for an argument of a command.
pub(crate) fn parse_argument(text: &str) -> Result<Duration, String> {
    let seconds = parse(text).ok_or("wanted a duration: `90s`, `1h30m`")?;
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::{parse, text};

    #[test]
    fn durations_have_units() {
        for (text, seconds) in
            [("90s", 90.0), ("1h30m", 5_400.0), ("1w", 604_800.0), ("250ms", 0.25), ("1.5 h", 5_400.0)]
        {
            assert_eq!(parse(text), Some(seconds), "{text}");
        }
        for written in ["250ms", "1s", "1m", "1h30m", "3d", "1w", "2w1d3h4m5s6ms", "0.4ms"] {
            assert_eq!(text(parse(written).unwrap()), written);
        }
        for text in ["", "5", "s", "1y", "0s", "1h30", "-1s", "1..2s", "∞", "99999999999999999999w"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
