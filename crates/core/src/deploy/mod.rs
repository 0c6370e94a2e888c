//! The nouns of deployment: what is wanted, what is seen, and what was decided.
//!
//! ```text
//! environment  what `[environments.NAME]` says once checked, and the record of an environment
//! strategy     how a release takes over, and by what it is judged
//! state        desired state: versions with phase and weight, and which of them a request goes to
//! release      the act and record of putting a version into an environment
//! observed     what replicas report: what they have ready, and cumulative counts by version
//! facts        what must be equal between a test environment and production
//! applied      what `modelyard apply` wrote
//! approval     who approved or rejected a version
//! ```
//!
//! Commands and rules write desired state; one reconciler compares it with what is observed. Nothing here
//! acts.

pub mod applied;
pub mod approval;
pub mod environment;
pub mod facts;
pub mod observed;
pub mod release;
pub mod state;
pub mod strategy;

pub use applied::Applied;
pub use approval::{Approval, Verdict};
pub use environment::{Environment, EnvironmentId, EnvironmentSpec, Freeze};
pub use facts::Facts;
pub use observed::{Counts, LATENCY_ENDS_US, ReplicaReport, TestFinished, TestRunning, TestsUnderWay};
pub use release::{Decision, Release, ReleaseId, ReleaseKind, ReleaseStatus, Slow, Wish};
pub use state::{EnvironmentState, Phase, Placed, Role, Served, StateRecord};
pub use strategy::{Judge, OnTimeout, Strategy, StrategyKind};
