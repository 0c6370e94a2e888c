//! The next entry of the audit log, for both kinds of home.

use modelyard_core::Digest;
use modelyard_core::audit::{Actor, AuditEntry};
use serde_json::Value;

/// The entry that follows `head`, the number and digest of the last one.
pub(crate) fn next(
    head: Option<(u64, Digest)>,
    actor: &Actor,
    event: &str,
    subject: &str,
    details: Value,
) -> AuditEntry {
    let (number, previous) = match head {
        Some((number, digest)) => (number + 1, digest),
        None => (1, Digest::from_bytes([0; 32])),
    };
    AuditEntry {
        version: 1,
        number,
        previous,
        at: actor.at,
        actor: actor.name.clone(),
        event: event.to_owned(),
        subject: subject.to_owned(),
        details,
    }
}
