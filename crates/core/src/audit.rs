//! The audit log: append-only, each entry holding the digest of the one before.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::{Digest, canonical};

/// What a project applied, besides its environments.
pub const PROJECT_APPLIED: &str = "project.applied";

/// What of an environment was changed by that.
pub const ENVIRONMENT_APPLIED: &str = "environment.applied";

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

/// Which entries are looked at; by default all.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// What they are about: a whole subject, or a part of one, `late-flights` of `late-flights@2` and
    /// `production` of `flights/production`.
    pub about: Option<String>,
    /// Whole subjects; empty: any.
    pub subjects: Vec<String>,
    /// Empty: any.
    pub events: Vec<String>,
    /// Only entries with higher numbers.
    pub after: u64,
    /// Only entries with lower numbers.
    pub before: Option<u64>,
    /// How many at most.
    pub limit: Option<usize>,
}

impl AuditFilter {
    /// Whether it lets `entry` through, however many others.
    pub fn lets_through(&self, entry: &AuditEntry) -> bool {
        let is_about = |part: &String| {
            entry.subject == *part
                || entry
                    .subject
                    .split_once(['@', '/'])
                    .is_some_and(|(name, rest)| name == part || rest == part)
        };
        self.about.as_ref().is_none_or(is_about)
            && (self.subjects.is_empty() || self.subjects.contains(&entry.subject))
            && (self.events.is_empty() || self.events.contains(&entry.event))
            && entry.number > self.after
            && self.before.is_none_or(|before| entry.number < before)
    }
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
/// The number of the first entry that was changed or does not fit, or of the entry that is missing.
pub fn verify(entries: &[AuditEntry], head: Option<(u64, Digest)>) -> Result<(), u64> {
    let mut previous = Digest::from_bytes([0; 32]);
    for (place, (entry, number)) in entries.iter().zip(1..).enumerate() {
        let digest = entry.digest();
        if entry.number != number {
            return Err(number);
        }
        if entry.previous != previous {
            // One side of the link was changed. What comes after this entry may say that it is not this one.
            let said = entries.get(place + 1).map(|next| next.previous).or(head.map(|(_, digest)| digest));
            return Err(if said == Some(digest) && number > 1 { number - 1 } else { number });
        }
        previous = digest;
    }
    match head {
        Some((number, digest)) if number != entries.len() as u64 || digest != previous => Err(number),
        _ => Ok(()),
    }
}
