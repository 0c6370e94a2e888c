//! Whether the audit log is whole, and the home what it says.

mod documents;

use modelyard_core::audit::AuditEntry;
use modelyard_core::ports::Home;
use modelyard_core::{Digest, Result, audit};
use serde::Serialize;
use utoipa::ToSchema;

pub use documents::Altered;

/// How often the log is read again where somebody appended meanwhile.
const ATTEMPTS: usize = 10;

/// What a check of the log found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = AuditVerdict)]
pub struct Verdict {
    pub intact: bool,
    /// How many entries there are.
    pub entries: u64,
    /// Digest of the newest entry, as the home keeps it apart from the entries.
    pub head: Option<Digest>,
    /// The first entry that does not fit the one before it, or the one that is missing.
    pub broken_at: Option<u64>,
    /// Documents that are not what the log says of them.
    pub altered: Vec<Altered>,
}

/// Recomputes the chain of all entries, compares its end with the head that is kept apart, and what the home
/// holds with what the entries say of it.
///
/// # Errors
/// Only if the home can't be read; a broken chain is an answer.
pub async fn verify(home: &Home) -> Result<Verdict> {
    let Log { entries, head, altered } = read(home).await?;
    let broken_at = broken_at(&entries, head);
    Ok(Verdict {
        intact: broken_at.is_none() && altered.is_empty(),
        entries: entries.len() as u64,
        head: head.map(|(_, digest)| digest),
        broken_at,
        altered,
    })
}

fn broken_at(entries: &[AuditEntry], head: Option<(u64, Digest)>) -> Option<u64> {
    if let Err(number) = audit::verify(entries, None) {
        return Some(number);
    }
    let count = entries.len() as u64;
    let newest = entries.last().map(AuditEntry::digest);
    match head {
        None => (count > 0).then_some(1),
        Some((number, _)) if number != count => Some(number.min(count) + 1),
        Some((number, digest)) => (newest != Some(digest)).then_some(number),
    }
}

struct Log {
    entries: Vec<AuditEntry>,
    head: Option<(u64, Digest)>,
    altered: Vec<Altered>,
}

/// Entries, head and documents of one moment: no entry was appended while they were read.
async fn read(home: &Home) -> Result<Log> {
    let mut head = home.audit.head().await?;
    for _ in 1..ATTEMPTS {
        let entries = home.audit.entries().await?;
        let altered = documents::altered(home, &entries).await?;
        let after = home.audit.head().await?;
        if after == head {
            return Ok(Log { entries, head, altered });
        }
        head = after;
    }
    // Appended to without a pause: what came after the head is left out, and no document is of its moment.
    let mut entries = home.audit.entries().await?;
    entries.truncate(head.map_or(0, |(number, _)| usize::try_from(number).unwrap_or(usize::MAX)));
    Ok(Log { entries, head, altered: Vec::new() })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use modelyard_core::audit::{Actor, AuditFilter};
    use modelyard_core::ports::AuditStore;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing;

    /// Entries as somebody may have left them.
    struct Given {
        entries: Vec<AuditEntry>,
        head: Option<(u64, Digest)>,
    }

    #[async_trait]
    impl AuditStore for Given {
        async fn entries(&self) -> Result<Vec<AuditEntry>> {
            Ok(self.entries.clone())
        }

        async fn list(&self, _: &AuditFilter) -> Result<Vec<AuditEntry>> {
            panic!("all are read")
        }

        async fn head(&self) -> Result<Option<(u64, Digest)>> {
            Ok(self.head)
        }

        async fn append(&self, _: &Actor, _: &str, _: &str, _: Value) -> Result<AuditEntry> {
            panic!("only read")
        }
    }

    async fn three() -> (Home, Vec<AuditEntry>, Option<(u64, Digest)>) {
        let home = modelyard_store::memory();
        for number in 1..=3 {
            home.audit.append(&testing::actor(), "tried", "x", json!(number)).await.unwrap();
        }
        let (entries, head) = (home.audit.entries().await.unwrap(), home.audit.head().await.unwrap());
        (home, entries, head)
    }

    async fn found(entries: Vec<AuditEntry>, head: Option<(u64, Digest)>) -> Option<u64> {
        let home = Home { audit: Arc::new(Given { entries, head }), ..modelyard_store::memory() };
        verify(&home).await.unwrap().broken_at
    }

    #[tokio::test]
    async fn a_whole_log_is_intact_and_an_empty_one_too() {
        let (home, _, head) = three().await;
        let verdict = verify(&home).await.unwrap();
        assert_eq!((verdict.intact, verdict.entries, verdict.broken_at), (true, 3, None));
        assert_eq!(verdict.head, head.map(|(_, digest)| digest));
        assert!(verify(&modelyard_store::memory()).await.unwrap().intact);
    }

    #[tokio::test]
    async fn whatever_was_changed_or_cut_off_is_named() {
        let (_, entries, head) = three().await;
        let mut changed = entries.clone();
        changed[1].actor = "somebody else".into();
        assert_eq!(found(changed, head).await, Some(3), "the entry after it no longer fits");
        assert_eq!(found(entries[..1].to_vec(), head).await, Some(2), "the tail is missing");
        let mut last = entries.clone();
        last[2].actor = "somebody else".into();
        assert_eq!(found(last, head).await, Some(3), "nothing but the head proves the last one");
        assert_eq!(found(entries[1..].to_vec(), head).await, Some(1), "the first is missing");
        assert_eq!(found(entries.clone(), None).await, Some(1), "the head is missing");
        assert_eq!(found(Vec::new(), head).await, Some(1), "all are missing");
        assert_eq!(found(entries, head).await, None);
    }
}
