use std::collections::BTreeMap;

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::audit::{Actor, AuditEntry, ENVIRONMENT_APPLIED, PROJECT_APPLIED};
use modelyard_core::deploy::{
    Applied, Approval, Environment, EnvironmentId, Release, ReleaseId, StateRecord,
};
use modelyard_core::ports::{Change, EnvironmentStore};

use super::{Memory, State};
use crate::{environments, registry};

#[async_trait]
impl EnvironmentStore for Memory {
    async fn apply(&self, applied: &Applied, wanted: &[Environment], actor: &Actor) -> Result<()> {
        let mut state = self.change();
        let mut changes = Vec::new();
        for wanted in wanted {
            let stored = state.environments.get(&wanted.id);
            let next = environments::next(stored, wanted, environments::APPLIED_CAUSE, actor)?;
            if environments::is_changed(stored, wanted) {
                changes.push((environments::applied_environment(stored, &next), next));
            }
        }
        let details = environments::applied(state.applied.get(&applied.project), applied);
        state.note(actor, PROJECT_APPLIED, &applied.project, details);
        state.applied.insert(applied.project.clone(), applied.clone());
        for (details, next) in changes {
            let subject = next.environment.id.to_string();
            state.note(actor, ENVIRONMENT_APPLIED, &subject, details);
            state.keep(next);
        }
        Ok(())
    }

    async fn applied(&self, project: &str) -> Result<Option<Applied>> {
        Ok(self.state().applied.get(project).cloned())
    }

    async fn projects(&self) -> Result<Vec<String>> {
        Ok(self.state().applied.keys().cloned().collect())
    }

    async fn environment(&self, id: &EnvironmentId) -> Result<Option<Environment>> {
        Ok(self.state().environments.get(id).cloned())
    }

    async fn environments(&self, project: Option<&str>) -> Result<Vec<Environment>> {
        let state = self.state();
        let of_project = |found: &&Environment| project.is_none_or(|project| found.id.project == project);
        Ok(state.environments.values().filter(of_project).cloned().collect())
    }

    async fn change(&self, change: &Change, actor: &Actor) -> Result<Environment> {
        let mut state = self.change();
        let id = &change.environment.id;
        let stored = state.environments.get(id);
        let next = environments::next(stored, &change.environment, &change.cause, actor)?;
        let before = change.release.as_ref().and_then(|release| state.release(release.id));
        if let Some(release) = &change.release {
            environments::check_release(id, release, before)?;
        }
        for (name, number, alias) in &change.aliases {
            if state.models.get(name).is_none_or(|model| model.version(*number).is_none()) {
                return Err(registry::no_version(name, *number, alias));
            }
        }
        let details = environments::changed(stored, &next, change, before);
        state.note(actor, change.event, &id.to_string(), details);
        for (name, number, alias) in &change.aliases {
            state.point(name, *number, alias, actor);
        }
        if let Some(release) = &change.release {
            match state.releases.iter_mut().find(|known| known.id == release.id) {
                Some(known) => *known = release.clone(),
                None => state.releases.push(release.clone()),
            }
        }
        let environment = next.environment.clone();
        state.keep(next);
        Ok(environment)
    }

    async fn release(&self, id: ReleaseId) -> Result<Option<Release>> {
        Ok(self.state().release(id).cloned())
    }

    async fn releases(&self, environment: &EnvironmentId) -> Result<Vec<Release>> {
        let state = self.state();
        let of = |release: &&Release| release.environment == *environment;
        Ok(state.releases.iter().rev().filter(of).cloned().collect())
    }

    async fn states(&self, environment: &EnvironmentId) -> Result<Vec<StateRecord>> {
        Ok(self.state().states.get(environment).cloned().unwrap_or_default())
    }

    async fn state_entries(&self, environment: &EnvironmentId) -> Result<BTreeMap<u64, u64>> {
        let subject = environment.to_string();
        let state = self.state();
        let generation = |entry: &AuditEntry| entry.details["after"]["state"]["generation"].as_u64();
        let of = state.audit.iter().filter(|entry| entry.subject == subject);
        Ok(of.filter_map(|entry| Some((generation(entry)?, entry.number))).collect())
    }

    async fn approve(&self, approval: &Approval) -> Result<()> {
        let mut state = self.change();
        let (name, number) = (&approval.model, approval.number);
        if state.models.get(name).is_none_or(|model| model.version(number).is_none()) {
            return Err(environments::no_version(approval));
        }
        let of = (name.clone(), number);
        let given = state.approvals.get(&of).map_or(&[][..], |given| given);
        let details = environments::approved(approval, given);
        let actor = Actor { name: approval.by.clone(), at: approval.at };
        let event = environments::approved_event(approval);
        state.note(&actor, event, &registry::subject(name, number), details);
        state.approvals.entry(of).or_default().push(approval.clone());
        Ok(())
    }

    async fn approvals(&self, model: &str, number: u32) -> Result<Vec<Approval>> {
        Ok(self.state().approvals.get(&(model.to_owned(), number)).cloned().unwrap_or_default())
    }
}

impl State {
    fn release(&self, id: ReleaseId) -> Option<&Release> {
        self.releases.iter().find(|release| release.id == id)
    }

    fn keep(&mut self, next: environments::Next) {
        let environments::Next { environment, record } = next;
        if let Some(record) = record {
            self.states.entry(environment.id.clone()).or_default().push(record);
        }
        self.environments.insert(environment.id.clone(), environment);
    }
}
