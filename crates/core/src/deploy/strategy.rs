//! How a release takes over, as configured.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Strategy {
    pub kind: StrategyKind,
    /// Shares in (0, 1]: of a canary's steps, rising to 1; of an A/B test's candidate, one; of the requests
    /// that a shadow sees copies of, one. Empty where the kind has none.
    pub weights: Vec<f64>,
    pub judge: Judge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StrategyKind {
    AllAtOnce,
    BlueGreen,
    Canary,
    Shadow,
    #[serde(rename = "a-b")]
    AB,
}

impl StrategyKind {
    pub const ALL: [Self; 5] = [Self::AllAtOnce, Self::BlueGreen, Self::Canary, Self::Shadow, Self::AB];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllAtOnce => "all-at-once",
            Self::BlueGreen => "blue-green",
            Self::Canary => "canary",
            Self::Shadow => "shadow",
            Self::AB => "a-b",
        }
    }

    /// Whether it goes on by itself over time, so that a server must watch it.
    pub fn needs_a_server(self) -> bool {
        matches!(self, Self::Canary | Self::Shadow | Self::AB)
    }

    /// The keys of `[environments.NAME.strategy]` that have an effect on it.
    pub fn heeds(self) -> &'static [&'static str] {
        match self {
            // It is over as soon as every replica is ready.
            Self::AllAtOnce => &[],
            // Nothing answers beside it: it is compared with what was before, for a time.
            Self::BlueGreen => &["min_time", "max_time", "on_timeout", "error_margin", "max_shift"],
            Self::Canary | Self::Shadow | Self::AB => &[
                "min_samples",
                "min_time",
                "max_time",
                "on_timeout",
                "error_margin",
                "latency_margin",
                "max_shift",
            ],
        }
    }

    /// The shares where none are configured.
    pub fn default_weights(self) -> Vec<f64> {
        match self {
            Self::AllAtOnce | Self::BlueGreen => Vec::new(),
            Self::Canary => vec![0.05, 0.25, 1.0],
            Self::Shadow => vec![1.0],
            Self::AB => vec![0.5],
        }
    }
}

/// By what a candidate is judged against the incumbent, over the same period.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Judge {
    /// Requests that the candidate must have answered in a step before the next.
    pub min_samples: u64,
    /// A step takes at least this long.
    pub min_time_secs: f64,
    /// A step that is undecided after so long does what `on_timeout` says.
    pub max_time_secs: f64,
    pub on_timeout: OnTimeout,
    /// How much higher the candidate's share of failed requests may be, in [0, 1].
    pub error_margin: f64,
    /// How much higher its share of requests slower than the incumbent's p95 may be, in [0, 1].
    pub latency_margin: f64,
    /// Largest distance between the two distributions of answers (total variation, in [0, 1]); above it the
    /// answers are absurd.
    pub max_shift: f64,
}

impl Judge {
    /// The share of good releases that may be rolled back by chance, and of those worse by a margin that may
    /// reach all traffic, over all that is looked at.
    pub const ALPHA: f64 = 0.05;
}

/// The margin of errors weighs two things that are simulated in `lifecycle`'s `tests/releases/rollouts.rs`:
/// with a smaller one a version that is as good takes many more requests to pass, with a larger one two points
/// more errors are found later.
impl Default for Judge {
    fn default() -> Self {
        Self {
            min_samples: 500,
            min_time_secs: 60.0,
            max_time_secs: 3_600.0,
            on_timeout: OnTimeout::Hold,
            error_margin: 0.008,
            latency_margin: 0.05,
            max_shift: 0.5,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    /// Stays at its weight until a person decides.
    Hold,
    Promote,
    Rollback,
}
