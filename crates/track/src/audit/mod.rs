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
    /// The first entry that was changed or put elsewhere, or the one that is missing.
    pub broken_at: Option<u64>,
    /// Documents that are not what the log says of them.
    pub altered: Vec<Altered>,
}

/// Recomputes the chain of all entries, compares each with the digest that was noted beside it, the end with the
/// head that is kept apart, and what the home holds with what the entries say of it.
///
/// # Errors
/// Only if the home can't be read; a broken chain is an answer.
pub async fn verify(home: &Home) -> Result<Verdict> {
    let Log { entries, digests, head, altered } = read(home).await?;
    let broken_at = [broken_at(&entries, head), changed(&entries, &digests)].into_iter().flatten().min();
    Ok(Verdict {
        intact: broken_at.is_none() && altered.is_empty(),
        entries: entries.len() as u64,
        head: head.map(|(_, digest)| digest),
        broken_at,
        altered,
    })
}

fn broken_at(entries: &[AuditEntry], head: Option<(u64, Digest)>) -> Option<u64> {
    let count = entries.len() as u64;
    if let Err(number) = audit::verify(entries, head.filter(|(number, _)| *number == count)) {
        return Some(number);
    }
    match head {
        None => (count > 0).then_some(1),
        Some((number, _)) => (number != count).then(|| number.min(count) + 1),
    }
}

/// The first entry that is not what was noted beside it. The chain alone can't tell which side of a broken link
/// was changed.
fn changed(entries: &[AuditEntry], digests: &[Digest]) -> Option<u64> {
    let mut pairs = entries.iter().zip(digests).zip(1..);
    pairs.find(|((entry, digest), _)| entry.digest() != **digest).map(|(_, number)| number)
}

struct Log {
    entries: Vec<AuditEntry>,
    /// As they were noted beside the entries.
    digests: Vec<Digest>,
    head: Option<(u64, Digest)>,
    altered: Vec<Altered>,
}

/// Entries, head and documents of one moment: no entry was appended while they were read.
async fn read(home: &Home) -> Result<Log> {
    let mut head = home.audit.head().await?;
    for _ in 1..ATTEMPTS {
        let entries = home.audit.entries().await?;
        let digests = home.audit.digests().await?;
        let altered = documents::altered(home, &entries).await?;
        let after = home.audit.head().await?;
        if after == head {
            return Ok(Log { entries, digests, head, altered });
        }
        head = after;
    }
    // Appended to without a pause: what came after the head is left out, and no document is of its moment.
    let mut entries = home.audit.entries().await?;
    entries.truncate(head.map_or(0, |(number, _)| usize::try_from(number).unwrap_or(usize::MAX)));
    let digests = home.audit.digests().await?;
    Ok(Log { entries, digests, head, altered: Vec::new() })
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
        digests: Vec<Digest>,
        head: Option<(u64, Digest)>,
    }

    #[async_trait]
    impl AuditStore for Given {
        async fn entries(&self) -> Result<Vec<AuditEntry>> {
            Ok(self.entries.clone())
        }

        async fn digests(&self) -> Result<Vec<Digest>> {
            Ok(self.digests.clone())
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

    /// Where it is broken, with nobody's digests changed but those that were computed anew.
    async fn found(entries: Vec<AuditEntry>, head: Option<(u64, Digest)>) -> Option<u64> {
        let digests = entries.iter().map(AuditEntry::digest).collect();
        found_beside(entries, digests, head).await
    }

    async fn found_beside(
        entries: Vec<AuditEntry>,
        digests: Vec<Digest>,
        head: Option<(u64, Digest)>,
    ) -> Option<u64> {
        let home = Home { audit: Arc::new(Given { entries, digests, head }), ..modelyard_store::memory() };
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
    async fn an_entry_that_was_changed_is_named() {
        let (_, entries, head) = three().await;
        let digests: Vec<Digest> = entries.iter().map(AuditEntry::digest).collect();
        for place in 0..3 {
            let number = Some(place as u64 + 1);
            let mut changed = entries.clone();
            changed[place].actor = "somebody else".into();
            assert_eq!(found_beside(changed.clone(), digests.clone(), head).await, number);
            assert_eq!(found(changed.clone(), head).await, number, "its digest was changed with it");
            for after in &mut changed[place + 1..] {
                after.actor = "somebody else".into();
            }
            assert_eq!(found_beside(changed, digests.clone(), head).await, number, "and all after it");
            let mut relinked = entries.clone();
            relinked[place].previous = Digest::of(b"another");
            assert_eq!(found(relinked, head).await, number);
            let mut beside = digests.clone();
            beside[place] = Digest::of(b"another");
            assert_eq!(found_beside(entries.clone(), beside, head).await, number);
        }
    }

    #[tokio::test]
    async fn whatever_was_moved_or_cut_off_is_named() {
        let (_, entries, head) = three().await;
        let moved = |order: [usize; 3]| order.map(|place| entries[place].clone()).to_vec();
        assert_eq!(found(moved([1, 0, 2]), head).await, Some(1), "the first changed places");
        assert_eq!(found(moved([0, 2, 1]), head).await, Some(2), "the last changed places");
        let mut without = entries.clone();
        without.remove(1);
        assert_eq!(found(without, head).await, Some(2), "one in the middle is missing");
        assert_eq!(found(entries[..1].to_vec(), head).await, Some(2), "the tail is missing");
        assert_eq!(found(entries[1..].to_vec(), head).await, Some(1), "the first is missing");
        assert_eq!(found(entries.clone(), None).await, Some(1), "the head is missing");
        assert_eq!(found(Vec::new(), head).await, Some(1), "all are missing");
        assert_eq!(found(entries, head).await, None);
    }
}
