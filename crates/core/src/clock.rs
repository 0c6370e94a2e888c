//! Instants, and the clock that is handed to whoever needs one.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An instant in UTC with microseconds; as text and in JSON RFC 3339.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, format = DateTime)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// `micros` since 1970-01-01T00:00:00Z; instants outside chrono's range become the epoch.
    pub fn from_micros(micros: i64) -> Self {
        Self(DateTime::from_timestamp_micros(micros).unwrap_or_default())
    }

    /// An instant as RFC 3339 writes it, or shorter: `2026-11-24 10:05:00`, `2026-11-24 10:05`, `2026-11-24`,
    /// then in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Some(Self(at.to_utc()));
        }
        let text = text.replacen('T', " ", 1);
        ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(&text, format).ok())
            .or_else(|| NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
            .map(|at| Self(at.and_utc()))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    pub fn micros(self) -> i64 {
        self.0.timestamp_micros()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

/// Where time and randomness come from. The binary passes the real one, tests a fixed one.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;

    /// Microseconds since some moment, untouched when the time is set. A clock that nobody sets needs none of
    /// its own.
    fn steady_micros(&self) -> i64 {
        self.now().micros()
    }

    /// Random bits for ids and temporary names, never for results.
    fn entropy(&self) -> u128;
}
