//! The audit log: append-only, each entry holding the digest of the one before.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::{Digest, canonical};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Format version, 1.
    pub version: u32,
    /// 1, 2, 3 … without a gap.
    pub number: u64,
    /// Digest of the entry before; zeros for the first.
    pub previous: Digest,
    pub at: Timestamp,
    pub actor: String,
    /// `model.version.registered`, `model.alias.set`.
    pub event: String,
    /// What it happened to: `late-flights@2`.
    pub subject: String,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub details: Value,
}

impl AuditEntry {
    /// What the next entry holds as `previous`, and each audited row as its proof.
    pub fn digest(&self) -> Digest {
        canonical::digest("modelyard audit v1", self)
    }
}

/// What an entry holds of an audited document, under `digests` in its details: whoever changes the document
/// without an entry is found out.
pub fn proof(document: &impl Serialize) -> Digest {
    canonical::digest("modelyard record v1", document)
}

/// Who does something, when: handed to every change that is audited.
#[derive(Clone, Debug)]
pub struct Actor {
    pub name: String,
    pub at: Timestamp,
}

/// Checks that `entries`, in order from the first, form an unbroken chain that ends in `head`.
///
/// # Errors
/// The number of the first entry that does not fit, or of the entry that is missing.
pub fn verify(entries: &[AuditEntry], head: Option<(u64, Digest)>) -> Result<(), u64> {
    let mut previous = Digest::from_bytes([0; 32]);
    for (entry, number) in entries.iter().zip(1..) {
        if entry.number != number || entry.previous != previous {
            return Err(number);
        }
        previous = entry.digest();
    }
    match head {
        Some((number, digest)) if number != entries.len() as u64 || digest != previous => Err(number),
        _ => Ok(()),
    }
}
