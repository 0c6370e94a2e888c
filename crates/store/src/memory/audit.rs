use async_trait::async_trait;
use modelyard_core::audit::{Actor, AuditEntry, AuditFilter};
use modelyard_core::ports::AuditStore;
use modelyard_core::{Digest, Result};
use serde_json::Value;

use super::{Memory, State};
use crate::chain;

#[async_trait]
impl AuditStore for Memory {
    async fn entries(&self) -> Result<Vec<AuditEntry>> {
        Ok(self.state().audit.clone())
    }

    async fn digests(&self) -> Result<Vec<Digest>> {
        Ok(self.state().audit.iter().map(AuditEntry::digest).collect())
    }

    async fn list(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let state = self.state();
        let entries = state.audit.iter().rev().filter(|entry| filter.lets_through(entry));
        Ok(entries.take(filter.limit.unwrap_or(usize::MAX)).cloned().collect())
    }

    async fn head(&self) -> Result<Option<(u64, Digest)>> {
        Ok(self.state().audit_head())
    }

    async fn append(&self, actor: &Actor, event: &str, subject: &str, details: Value) -> Result<AuditEntry> {
        Ok(self.change().note(actor, event, subject, details))
    }
}

impl State {
    fn audit_head(&self) -> Option<(u64, Digest)> {
        self.audit.last().map(|entry| (entry.number, entry.digest()))
    }

    pub(super) fn note(&mut self, actor: &Actor, event: &str, subject: &str, details: Value) -> AuditEntry {
        let entry = chain::next(self.audit_head(), actor, event, subject, details);
        self.audit.push(entry.clone());
        entry
    }
}
