//! What `modelyard apply` wrote: the server acts on it, never on a working folder.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::EnvironmentSpec;
use crate::Digest;
use crate::clock::Timestamp;
use crate::monitor::{MonitorSpec, TriggerSpec, lenient};
use crate::run::Commit;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Applied {
    /// Format version, 1.
    pub version: u32,
    pub project: String,
    /// Absolute; only sources and commits are looked at there.
    pub folder: String,
    /// Tree of configuration, declared code and lock.
    pub snapshot: Digest,
    /// The registered model that the environments hold.
    pub model: String,
    pub environments: BTreeMap<String, EnvironmentSpec>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "lenient")]
    pub monitor: Option<MonitorSpec>,
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "lenient")]
    pub triggers: Vec<TriggerSpec>,
    pub source: Option<Commit>,
    pub at: Timestamp,
    pub by: String,
}
