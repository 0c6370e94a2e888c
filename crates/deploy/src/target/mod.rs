//! Where replicas run: a file a kind, a line in [`crate::target`]'s list.
//!
//! A target is told what is wanted, again and again, and closes the difference. It knows nothing of
//! versions and traffic: a replica is a data plane that follows its environment's state by itself.

pub mod process;

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::deploy::EnvironmentId;

/// The replicas that an environment is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub environment: EnvironmentId,
    pub listen: SocketAddr,
    /// 0 stops it and gives the port back.
    pub replicas: u32,
    /// Digest of what a replica must be started anew for: its limits, batching, variables.
    pub settings: modelyard_core::Digest,
    /// How long an answer may take: one that is ended may still need so long for what it took.
    pub longest_answer: Duration,
    /// How long one may take until it is ready, where that is longer than others need.
    pub longest_start: Duration,
}

/// A replica as the target sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaStatus {
    pub replica: u32,
    pub settings: modelyard_core::Digest,
    /// Where it answers.
    pub listen: SocketAddr,
    pub condition: Condition,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Running {
        pid: u32,
    },
    /// Ended by itself; started again after a pause that doubles with every end in a row.
    Waiting {
        ended: String,
        again_in_ms: u64,
    },
}

/// What [`Target::apply`] would do to replicas, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan(pub Vec<Act>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Start(u32),
    /// Started anew with other settings, after another one took over where there are several.
    Replace(u32),
    /// Answers what it took, then ends.
    Stop(u32),
}

/// Runs replicas. The conformance suite in `tests/` holds every member to what stands here.
#[async_trait]
pub trait Target: Send + Sync {
    /// What `apply` would do where `status` is what there is. Pure.
    fn plan(&self, wanted: &Wanted, status: &[ReplicaStatus]) -> Plan;

    /// Brings about what is wanted; asked twice, the second time changes nothing. Whatever a process
    /// that died half-way left is taken up.
    ///
    /// # Errors
    /// If the port is taken or a replica can't be started.
    async fn apply(&self, wanted: &Wanted) -> Result<()>;

    /// Also of replicas that an earlier process started.
    async fn status(&self, environment: &EnvironmentId) -> Result<Vec<ReplicaStatus>>;

    /// The last `lines` that a replica wrote.
    async fn logs(&self, environment: &EnvironmentId, replica: u32, lines: usize) -> Result<String>;

    /// Ends all replicas, after what they took is answered, and forgets the environment; also after an
    /// `apply` that was cut short.
    async fn remove(&self, environment: &EnvironmentId) -> Result<()>;
}
