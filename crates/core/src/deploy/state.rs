//! Desired state: which versions an environment has, in which phase and with which share of traffic.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ReleaseId;
use crate::Digest;
use crate::clock::Timestamp;

/// What replicas follow. A new state has the next generation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct EnvironmentState {
    /// 0: nothing was ever deployed.
    pub generation: u64,
    /// What keys are hashed with, so that two releases select other requests.
    pub release: Option<ReleaseId>,
    /// At most one of each role but `Stable` versions that are warm or leave.
    pub placed: Vec<Placed>,
}

/// A version in an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Placed {
    pub package: Digest,
    pub model: String,
    pub number: u32,
    pub role: Role,
    pub phase: Phase,
    /// In [0, 1]; of those that serve the sum is 1. Of a shadow: the share of requests it sees copies of.
    pub weight: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The incumbent, and what came before it.
    Stable,
    Candidate,
    /// Sees copies; its answers are never returned.
    Shadow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Is loaded and proven; gets no traffic.
    Load,
    /// Answers its share.
    Serve,
    /// Stays loaded, gets no traffic: the way back.
    Warm,
    /// Answers what it was asked, then is closed.
    Leave,
}

impl Role {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Candidate => "candidate",
            Self::Shadow => "shadow",
        }
    }
}

impl Phase {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Serve => "serve",
            Self::Warm => "warm",
            Self::Leave => "leave",
        }
    }
}

impl EnvironmentState {
    pub fn of_role(&self, role: Role) -> Option<&Placed> {
        self.placed
            .iter()
            .find(|placed| placed.role == role && matches!(placed.phase, Phase::Serve | Phase::Load))
    }

    /// The version that serves as incumbent.
    pub fn stable(&self) -> Option<&Placed> {
        self.placed.iter().find(|placed| placed.role == Role::Stable && placed.phase == Phase::Serve)
    }

    pub fn candidate(&self) -> Option<&Placed> {
        self.of_role(Role::Candidate)
    }

    pub fn shadow(&self) -> Option<&Placed> {
        self.of_role(Role::Shadow)
    }

    /// Share of traffic that the candidate answers.
    pub fn candidate_weight(&self) -> f64 {
        self.candidate().filter(|placed| placed.phase == Phase::Serve).map_or(0.0, |placed| placed.weight)
    }

    /// Those that must be loaded.
    pub fn wanted(&self) -> impl Iterator<Item = &Placed> {
        self.placed.iter().filter(|placed| placed.phase != Phase::Leave)
    }
}

/// Where in [0, 1) the request with `key` falls under `release`: below the candidate's weight it goes to
/// the candidate. The first eight bytes of BLAKE3 over the release's id, a zero byte and the key, little
/// endian, scaled by 2^-64 to 53 bits.
pub fn position(release: ReleaseId, key: &str) -> f64 {
    let mut hasher = blake3::Hasher::new();
    hasher.update(release.to_string().as_bytes());
    hasher.update(&[0]);
    hasher.update(key.as_bytes());
    place(&hasher.finalize())
}

/// Where in [0, 1) `bytes` fall by themselves: as [`position`], of BLAKE3 over them alone.
pub fn share(bytes: &[u8]) -> f64 {
    place(&blake3::hash(bytes))
}

fn place(hash: &blake3::Hash) -> f64 {
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    (u64::from_le_bytes(first) >> 11) as f64 / (1_u64 << 53) as f64
}

/// A state as history keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StateRecord {
    /// Format version, 1.
    pub version: u32,
    pub state: EnvironmentState,
    /// From when on it was wanted.
    pub wanted_from: Timestamp,
    pub actor: String,
    /// `release 01J…, step 2 of 3: not worse`.
    pub cause: String,
}

/// When a version answered under a generation, over all replicas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Served {
    pub generation: u64,
    pub package: Digest,
    pub first: Timestamp,
    pub last: Timestamp,
}
