use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::deploy::{EnvironmentId, ReplicaReport, Served, TestsUnderWay};
use modelyard_core::ports::{ObservationStore, Watch};

use super::{Memory, State};
use crate::observations::{BOOTS, KEPT_MICROS};

/// Apart from the other ports, since watches keep the memory.
pub(super) struct Observations(pub(super) Arc<Memory>);

#[async_trait]
impl ObservationStore for Observations {
    async fn report(&self, report: &ReplicaReport) -> Result<()> {
        self.0.change().observe(report);
        Ok(())
    }

    async fn reports(&self, environment: &EnvironmentId) -> Result<Vec<ReplicaReport>> {
        let state = self.0.state();
        let of = |report: &&ReplicaReport| report.environment == *environment;
        Ok(state.reports.iter().filter(of).cloned().collect())
    }

    async fn served(&self, environment: &EnvironmentId) -> Result<Vec<Served>> {
        Ok(self.0.state().served.get(environment).cloned().unwrap_or_default())
    }

    async fn note_tests(&self, tests: &TestsUnderWay) -> Result<()> {
        self.0.change().tests.insert(tests.environment.clone(), tests.clone());
        Ok(())
    }

    async fn tests(&self, environment: &EnvironmentId) -> Result<Option<TestsUnderWay>> {
        Ok(self.0.state().tests.get(environment).cloned())
    }

    async fn watch(&self) -> Result<Box<dyn Watch>> {
        Ok(Box::new(MemoryWatch { memory: Arc::clone(&self.0), seen: None }))
    }
}

impl State {
    fn observe(&mut self, report: &ReplicaReport) {
        let same = |known: &ReplicaReport| {
            known.environment == report.environment
                && known.replica == report.replica
                && known.boot == report.boot
        };
        match self.reports.iter_mut().find(|known| same(known)) {
            Some(known) if known.sequence > report.sequence => return,
            Some(known) => *known = report.clone(),
            None => {
                self.reports.push(report.clone());
                self.forget_old(report);
            }
        }
        let spans = self.served.entry(report.environment.clone()).or_default();
        for span in &report.served {
            match spans
                .iter_mut()
                .find(|known| (known.generation, known.package) == (span.generation, span.package))
            {
                Some(known) => {
                    known.first = known.first.min(span.first);
                    known.last = known.last.max(span.last);
                }
                None => spans.push(span.clone()),
            }
        }
        spans.sort_by_key(|span| (span.generation, span.package));
    }

    fn forget_old(&mut self, report: &ReplicaReport) {
        let id = &report.environment;
        if self.environments.get(id).is_some_and(|environment| environment.release.is_some()) {
            return;
        }
        let limit = report.at.micros() - KEPT_MICROS;
        let mut newer: BTreeMap<u32, u32> = BTreeMap::new();
        let mut kept = Vec::with_capacity(self.reports.len());
        for old in self.reports.drain(..).rev() {
            if old.environment == *id {
                let newer = newer.entry(old.replica).or_default();
                *newer += 1;
                if old.at.micros() < limit || *newer > BOOTS {
                    continue;
                }
            }
            kept.push(old);
        }
        kept.reverse();
        self.reports = kept;
    }
}

struct MemoryWatch {
    memory: Arc<Memory>,
    seen: Option<u64>,
}

#[async_trait]
impl Watch for MemoryWatch {
    async fn changed(&mut self) -> Result<bool> {
        let changes = self.memory.state().changes;
        Ok(self.seen.replace(changes) != Some(changes))
    }
}
