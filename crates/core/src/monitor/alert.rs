//! What people are told.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::AlertId;

/// Something that holds and should not, from its first notice to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    /// Format version, 1.
    pub version: u32,
    pub id: AlertId,
    pub project: String,
    pub environment: Option<String>,
    /// `drift`, `decay`, `schema`, `silence`, `not-finite`, `age`, `missed-schedule`, `training-failed`, …
    pub rule: String,
    /// What it is about: a column, a metric, a trigger. At most one alert of a rule and subject is open.
    pub subject: String,
    pub severity: Severity,
    pub state: AlertState,
    /// One sentence.
    pub message: String,
    /// Begin of the first window, or the moment, by which it holds; on the rule's own clock.
    pub since: Timestamp,
    pub opened_at: Timestamp,
    pub acknowledged: Option<(String, Timestamp)>,
    pub resolved_at: Option<Timestamp>,
    /// Nobody is told of it until then.
    pub silenced_until: Option<Timestamp>,
    /// How often what is said of it changed while it was open, its opening included.
    pub seen: u64,
    /// Raised by every change.
    pub revision: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertState {
    Opened,
    Acknowledged,
    Resolved,
}

/// What an alert is about, in its project; at most one alert about it is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub project: String,
    pub environment: Option<String>,
    pub rule: String,
    pub subject: String,
}

impl Alert {
    pub fn about(&self) -> About {
        About {
            project: self.project.clone(),
            environment: self.environment.clone(),
            rule: self.rule.clone(),
            subject: self.subject.clone(),
        }
    }

    pub fn is_open(&self) -> bool {
        self.state != AlertState::Resolved
    }
}

/// That one sink is to be told of an alert, once for its opening and once for its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    pub alert: AlertId,
    pub sink: String,
    /// `opened` or `resolved`.
    pub what: AlertState,
    pub attempts: u32,
    /// When it is tried next; `None` where it was delivered, or is not to be any more.
    pub due: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub last_error: Option<String>,
}
