use async_trait::async_trait;
use modelyard_core::audit::Actor;
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::id::CauseId;
use modelyard_core::monitor::{Cause, WindowRecord};
use modelyard_core::ports::{CauseStore, Found, MonitorStore};
use modelyard_core::{Result, Timestamp};
use serde_json::Value;

use super::{Memory, State};
use crate::monitoring;

#[async_trait]
impl MonitorStore for Memory {
    async fn memory(&self, id: &EnvironmentId) -> Result<Option<(u64, Value)>> {
        Ok(self.state().monitors.get(id).cloned())
    }

    async fn keep(&self, found: &Found, actor: &Actor) -> Result<()> {
        let mut state = self.change();
        let id = &found.environment;
        let revision = state.monitors.get(id).map_or(0, |(revision, _)| *revision);
        if revision != found.revision {
            return Err(monitoring::monitor_changed(id));
        }
        state.monitors.insert(id.clone(), (revision + 1, found.memory.clone()));
        let windows = state.windows.entry(id.clone()).or_default();
        windows.extend(found.windows.iter().map(|window| ((window.start, window.number), window.clone())));
        for cause in &found.causes {
            state.add_cause(cause, actor);
        }
        Ok(())
    }

    async fn windows(&self, id: &EnvironmentId, after: Option<Timestamp>) -> Result<Vec<WindowRecord>> {
        let state = self.state();
        let windows = state.windows.get(id).into_iter().flat_map(|windows| windows.values());
        Ok(windows.filter(|window| after.is_none_or(|after| window.end > after)).cloned().collect())
    }
}

#[async_trait]
impl CauseStore for Memory {
    async fn add_cause(&self, cause: &Cause, actor: &Actor) -> Result<(Cause, bool)> {
        Ok(self.change().add_cause(cause, actor))
    }

    async fn change_cause(&self, cause: &Cause, actor: &Actor) -> Result<Cause> {
        let mut state = self.change();
        let place = state.causes.iter().position(|known| known.id == cause.id);
        let place = place.ok_or_else(|| monitoring::no_cause(cause))?;
        let before = state.causes[place].clone();
        if before.revision != cause.revision {
            return Err(monitoring::changed_meanwhile(cause));
        }
        let cause = Cause { revision: cause.revision + 1, ..cause.clone() };
        let (event, details) = monitoring::cause_entry(Some(&before), &cause);
        state.note(actor, event, &monitoring::cause_subject(&cause), details);
        state.causes[place] = cause.clone();
        Ok(cause)
    }

    async fn cause(&self, id: CauseId) -> Result<Option<Cause>> {
        Ok(self.state().causes.iter().find(|cause| cause.id == id).cloned())
    }

    async fn causes(&self, project: &str) -> Result<Vec<Cause>> {
        let state = self.state();
        Ok(state.causes.iter().rev().filter(|cause| cause.project == project).cloned().collect())
    }
}

impl State {
    fn add_cause(&mut self, cause: &Cause, actor: &Actor) -> (Cause, bool) {
        let name = |cause: &Cause| (cause.project.clone(), cause.trigger.clone(), cause.key.clone());
        if let Some(known) = self.causes.iter().find(|known| name(known) == name(cause)) {
            return (known.clone(), false);
        }
        let cause = Cause { revision: 1, ..cause.clone() };
        let (event, details) = monitoring::cause_entry(None, &cause);
        self.note(actor, event, &monitoring::cause_subject(&cause), details);
        self.causes.push(cause.clone());
        (cause, true)
    }
}
