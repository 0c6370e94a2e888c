//! What a test environment and production must have in common, so that what is tested is what serves.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::environment::{Batch, EnvironmentSpec, Limits, TargetKind};
use crate::Digest;

/// Size, address, credentials and rules are not among them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Facts {
    pub target: TargetKind,
    /// Of this program's file.
    pub program: Digest,
    /// Of the ONNX Runtime library; `None` where none was needed yet.
    pub onnx_library: Option<Digest>,
    pub python: Option<String>,
    pub sandbox: bool,
    pub limits: Limits,
    pub batch: Batch,
    pub env: BTreeMap<String, String>,
}

impl Facts {
    pub fn of(spec: &EnvironmentSpec, program: Digest, onnx_library: Option<Digest>) -> Self {
        Self {
            target: spec.runs_on,
            program,
            onnx_library,
            python: spec.python.clone(),
            sandbox: spec.sandbox,
            limits: spec.limits.clone(),
            batch: spec.batch,
            env: spec.env.clone(),
        }
    }

    /// Names of what differs, with both values, this one's first; empty where nothing does.
    pub fn differences(&self, other: &Self) -> Vec<(&'static str, String, String)> {
        fn shown(value: &impl Serialize) -> String {
            serde_json::to_string(value).unwrap_or_default()
        }
        let pairs = [
            ("runs_on", shown(&self.target), shown(&other.target)),
            ("program", shown(&self.program), shown(&other.program)),
            ("onnx_library", shown(&self.onnx_library), shown(&other.onnx_library)),
            ("python", shown(&self.python), shown(&other.python)),
            ("sandbox", shown(&self.sandbox), shown(&other.sandbox)),
            ("limits", shown(&self.limits), shown(&other.limits)),
            ("batch", shown(&self.batch), shown(&other.batch)),
            ("env", shown(&self.env), shown(&other.env)),
        ];
        pairs.into_iter().filter(|(_, one, another)| one != another).collect()
    }
}
