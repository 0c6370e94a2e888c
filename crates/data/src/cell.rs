//! One cell of text: which types it could have, its value, and a value's text.
//!
//! The rules are few and strict, because a wrong guess is worse than a string: a number has no
//! leading zero (zip codes), no leading `+` (phone numbers) and, without a fraction, fits 64 bits
//! (long ids); a bool is `true` or `false`; dates and times are ISO 8601. Blanks around numbers,
//! bools and times don't count.

use std::io::Write;

use chrono::{DateTime, Datelike, NaiveDate, Timelike};
use modelyard_core::table::{Column, DataType};

/// A set of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Types(u8);

impl Types {
    pub(crate) const ALL: Self = Self(0b11_1111);
    const BOOL: Self = Self(0b00_0001 | Self::STRING.0);
    const INT: Self = Self(0b00_0110 | Self::STRING.0);
    const FLOAT: Self = Self(0b00_0100 | Self::STRING.0);
    const DATE: Self = Self(0b01_1000 | Self::STRING.0);
    const TIMESTAMP: Self = Self(0b01_0000 | Self::STRING.0);
    pub(crate) const STRING: Self = Self(0b10_0000);

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn allow(self, data_type: DataType) -> bool {
        let bit = match data_type {
            DataType::Bool => 0b00_0001,
            DataType::Int => 0b00_0010,
            DataType::Float => 0b00_0100,
            DataType::Date => 0b00_1000,
            DataType::Timestamp => 0b01_0000,
            DataType::String => 0b10_0000,
        };
        self.0 & bit != 0
    }

    /// The narrowest type of the set; a column without any value is float, since most columns
    /// that are empty for a while hold numbers later.
    pub(crate) fn narrowest(self) -> DataType {
        if self == Self::ALL {
            return DataType::Float;
        }
        let order = [DataType::Bool, DataType::Int, DataType::Float, DataType::Date, DataType::Timestamp];
        order.into_iter().find(|data_type| self.allow(*data_type)).unwrap_or(DataType::String)
    }

    /// The types that a column of `data_type` could also be read as.
    pub(crate) fn of(data_type: DataType) -> Self {
        match data_type {
            DataType::Bool => Self::BOOL,
            DataType::Int => Self::INT,
            DataType::Float => Self::FLOAT,
            DataType::Date => Self::DATE,
            DataType::Timestamp => Self::TIMESTAMP,
            DataType::String => Self::STRING,
        }
    }
}

/// The types that `text` could have; of blanks alone, all.
pub(crate) fn types_of(text: &[u8]) -> Types {
    let text = text.trim_ascii();
    let Some(first) = text.first() else { return Types::ALL };
    match first {
        b'0'..=b'9' | b'-' | b'.' => numeric_types(text),
        b't' | b'T' | b'f' | b'F' if boolean(text).is_some() => Types::BOOL,
        b'n' | b'N' | b'i' | b'I' if float(text).is_some() => Types::FLOAT,
        _ => Types::STRING,
    }
}

fn numeric_types(text: &[u8]) -> Types {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.iter().all(u8::is_ascii_digit) {
        return if int(text).is_some() { Types::INT } else { Types::STRING };
    }
    if text.len() >= 10 && text[4] == b'-' {
        return if date(text).is_some() {
            Types::DATE
        } else if timestamp(text).is_some() {
            Types::TIMESTAMP
        } else {
            Types::STRING
        };
    }
    if float(text).is_some() { Types::FLOAT } else { Types::STRING }
}

/// `true` or `false`, in any case.
fn boolean(text: &[u8]) -> Option<bool> {
    if text.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if text.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}

fn int(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || (digits.len() > 1 && digits[0] == b'0') || digits.len() > 19 {
        return None;
    }
    let mut value: i64 = 0;
    let negative = digits.len() < text.len();
    for digit in digits {
        let digit = i64::from(digit.wrapping_sub(b'0'));
        if !(0..=9).contains(&digit) {
            return None;
        }
        // Built below zero, where there is one number more.
        value = value.checked_mul(10)?.checked_sub(digit)?;
    }
    if negative { Some(value) } else { value.checked_neg() }
}

/// A decimal number, or `nan`, `inf`, `infinity` in any case.
fn float(text: &[u8]) -> Option<f64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    match digits {
        [b'0', b'0'..=b'9', ..] | [b'+', ..] | [] => return None,
        _ => {}
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// `YYYY-MM-DD`.
fn date(text: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let year = number(&[*y1, *y2, *y3, *y4])?;
    let day = NaiveDate::from_ymd_opt(year as i32, number(&[*m1, *m2])?, number(&[*d1, *d2])?)?;
    Some(day.num_days_from_ce() - EPOCH)
}

/// 1970-01-01 as chrono counts days.
const EPOCH: i32 = 719_163;

/// `YYYY-MM-DD`, a `T` or blank, `HH:MM`, `:SS`, a fraction, a zone; without a zone UTC. Digits
/// beyond microseconds are cut.
fn timestamp(text: &[u8]) -> Option<i64> {
    let day = date(text.get(..10)?)?;
    let rest = text[10..].strip_prefix(b"T").or_else(|| text[10..].strip_prefix(b" "))?;
    let [h1, h2, b':', m1, m2, rest @ ..] = rest else { return None };
    let (hour, minute) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
    let (second, rest) = match rest {
        [b':', s1, s2, rest @ ..] => (number(&[*s1, *s2])?, rest),
        _ => (0, rest),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, zone) = match rest {
        [b'.', rest @ ..] => {
            let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let mut micros = 0;
            for place in 0..6 {
                micros = micros * 10 + rest[..length].get(place).map_or(0, |digit| i64::from(digit - b'0'));
            }
            if length == 0 || length > 9 {
                return None;
            }
            (micros, &rest[length..])
        }
        _ => (0, rest),
    };
    let seconds =
        i64::from(day) * 86_400 + i64::from(hour * 3600 + minute * 60 + second) - zone_offset(zone)?;
    Some(seconds * 1_000_000 + fraction)
}

/// The first microsecond since 1970 of the date or timestamp that `text` is; `None` where it is neither.
pub fn lowest_micros(text: &str) -> Option<i64> {
    let text = text.trim().as_bytes();
    timestamp(text).or_else(|| Some(i64::from(date(text)?) * DAY_MICROS))
}

/// The last one: of a date the end of its day.
pub fn highest_micros(text: &str) -> Option<i64> {
    match date(text.trim().as_bytes()) {
        Some(day) => Some((i64::from(day) + 1) * DAY_MICROS - 1),
        None => lowest_micros(text),
    }
}

const DAY_MICROS: i64 = 86_400_000_000;

/// Seconds east of Greenwich.
fn zone_offset(text: &[u8]) -> Option<i64> {
    let text = text.strip_prefix(b" ").unwrap_or(text);
    let (sign, digits) = match text {
        [] | b"Z" | b"z" | b"UTC" => return Some(0),
        [b'+', digits @ ..] => (1, digits),
        [b'-', digits @ ..] => (-1, digits),
        _ => return None,
    };
    let (hour, minute) = match digits {
        [h1, h2] => (number(&[*h1, *h2])?, 0),
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => (number(&[*h1, *h2])?, number(&[*m1, *m2])?),
        _ => return None,
    };
    (hour < 24 && minute < 60).then_some(sign * i64::from(hour * 3600 + minute * 60))
}

fn number(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))
}

/// Appends the value of `text` to `column`; false where it is none of the column's type.
///
/// Where a type is known beforehand a little more is understood than inference guesses: an
/// integer may be written `1.0`, a bool `1`, `0`, `yes`, `no`, a date may stand for its midnight.
pub(crate) fn push(column: &mut Column, text: &[u8]) -> bool {
    let trimmed = text.trim_ascii();
    match column {
        Column::String(values) => match std::str::from_utf8(text) {
            Ok(text) => values.push(Some(text.to_owned())),
            Err(_) => return false,
        },
        _ if trimmed.is_empty() => push_null(column),
        Column::Bool(values) => match boolean(trimmed).or_else(|| loose_boolean(trimmed)) {
            Some(value) => values.push(Some(value)),
            None => return false,
        },
        Column::Int(values) => match int(trimmed).or_else(|| whole(trimmed)) {
            Some(value) => values.push(Some(value)),
            None => return false,
        },
        Column::Float(values) => match float(trimmed) {
            Some(value) => values.push(canonical_float(value)),
            None => return false,
        },
        Column::Date(values) => match date(trimmed) {
            Some(value) => values.push(Some(value)),
            None => return false,
        },
        Column::Timestamp(values) => {
            match timestamp(trimmed).or_else(|| Some(i64::from(date(trimmed)?) * DAY_MICROS)) {
                Some(value) => values.push(Some(value)),
                None => return false,
            }
        }
    }
    true
}

pub(crate) fn push_null(column: &mut Column) {
    match column {
        Column::Bool(values) => values.push(None),
        Column::Int(values) | Column::Timestamp(values) => values.push(None),
        Column::Float(values) => values.push(None),
        Column::String(values) => values.push(None),
        Column::Date(values) => values.push(None),
    }
}

/// One zero, and NaN is a missing value.
pub(crate) fn canonical_float(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value + 0.0)
}

fn loose_boolean(text: &[u8]) -> Option<bool> {
    match text.to_ascii_lowercase().as_slice() {
        b"1" | b"yes" | b"y" | b"t" => Some(true),
        b"0" | b"no" | b"n" | b"f" => Some(false),
        _ => None,
    }
}

/// An integer written as a decimal number, as far as every integer has its own.
fn whole(text: &[u8]) -> Option<i64> {
    float(text)
        .filter(|value| value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0)
        .map(|value| value as i64)
}

/// Writes the value of `row` as CSV holds it, without quotes: nothing where missing, floats in
/// their shortest form, times as ISO 8601 without a zone (they are UTC).
pub(crate) fn write(column: &Column, row: usize, out: &mut Vec<u8>) {
    // Writing into a Vec can't fail.
    let _ = match column {
        Column::Bool(values) => values[row].map(|value| write!(out, "{value}")),
        Column::Int(values) => values[row].map(|value| write!(out, "{value}")),
        Column::Float(values) => values[row].map(|value| write!(out, "{value:?}")),
        Column::String(values) => values[row].as_ref().map(|value| out.write_all(value.as_bytes())),
        Column::Date(values) => {
            values[row].map(|days| write!(out, "{}", modelyard_core::table::date_text(days)))
        }
        Column::Timestamp(values) => values[row].map(|micros| write_timestamp(micros, out)),
    };
}

fn write_timestamp(micros: i64, out: &mut Vec<u8>) -> std::io::Result<()> {
    let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
    write!(
        out,
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minute(),
        time.second()
    )?;
    match micros.rem_euclid(1_000_000) {
        0 => Ok(()),
        fraction => write!(out, ".{fraction:06}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inferred(cells: &[&str]) -> DataType {
        let types = cells.iter().fold(Types::ALL, |types, cell| types.and(types_of(cell.as_bytes())));
        types.narrowest()
    }

    #[test]
    fn a_column_has_the_narrowest_type_that_holds_all_its_cells() {
        use DataType::*;
        for (cells, expected) in [
            (&["1", "-2", "", " 3 "][..], Int),
            (&["0", "-0", "10"], Int),
            (&["9223372036854775807", "-9223372036854775808"], Int),
            (&["1", "2.5"], Float),
            (&["1", "1e3", ".5", "1."], Float),
            (&["1", "NaN", "-inf"], Float),
            (&["", ""], Float),
            (&["true", "FALSE", ""], Bool),
            (&["true", "1"], String),
            (&["2024-02-29"], Date),
            (&["2023-02-29"], String),
            (&["2024-02-29", "2024-02-29 10:00"], Timestamp),
            (&["2024-02-29T10:00:00.123456789+02:00", "2024-02-29 10:00:00Z"], Timestamp),
            (&["2024-02-29T24:00"], String),
            (&["2024-02-29", "1"], String),
            // Zip codes, phone numbers, long ids, versions.
            (&["10001", "01234"], String),
            (&["+4930"], String),
            (&["9223372036854775808"], String),
            (&["00.5"], String),
            (&["1.2.3"], String),
            (&["1_000"], String),
            (&["-"], String),
        ] {
            assert_eq!(inferred(cells), expected, "{cells:?}");
        }
    }

    #[test]
    fn a_cell_survives_its_text() {
        for (data_type, text, written) in [
            (DataType::Int, "-9223372036854775808", "-9223372036854775808"),
            (DataType::Int, "3.0", "3"),
            (DataType::Float, "1e300", "1e300"),
            (DataType::Float, "-0.0", "0.0"),
            (DataType::Float, "0.1", "0.1"),
            (DataType::Float, "nan", ""),
            (DataType::Bool, "Yes", "true"),
            (DataType::Date, "1969-12-31", "1969-12-31"),
            (DataType::Timestamp, "1969-12-31 23:59:59.5", "1969-12-31T23:59:59.500000"),
            (DataType::Timestamp, "2013-01-01T05:00:00+05:30", "2012-12-31T23:30:00"),
            (DataType::Timestamp, "2013-01-01", "2013-01-01T00:00:00"),
            (DataType::String, " a ", " a "),
        ] {
            let mut column = Column::empty(data_type);
            assert!(push(&mut column, text.as_bytes()), "{text}");
            let mut out = Vec::new();
            write(&column, 0, &mut out);
            assert_eq!(String::from_utf8(out).as_deref(), Ok(written), "{text}");
        }
    }

    #[test]
    fn a_cell_of_another_type_is_refused() {
        for (data_type, text) in [
            (DataType::Int, "1.5"),
            (DataType::Int, "abc"),
            (DataType::Float, "1,5"),
            (DataType::Bool, "2"),
            (DataType::Date, "01.02.2024"),
            (DataType::Timestamp, "noon"),
        ] {
            assert!(!push(&mut Column::empty(data_type), text.as_bytes()), "{text}");
        }
    }
}
