use std::cmp::Reverse;

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::id::RunId;
use modelyard_core::ports::RunStore;
use modelyard_core::run::{Run, RunFilter};

use super::Memory;

#[async_trait]
impl RunStore for Memory {
    async fn save(&self, run: &Run) -> Result<()> {
        self.change().runs.insert(run.id, run.clone());
        Ok(())
    }

    async fn get(&self, id: RunId) -> Result<Option<Run>> {
        Ok(self.state().runs.get(&id).cloned())
    }

    async fn list(&self, filter: &RunFilter) -> Result<Vec<Run>> {
        let state = self.state();
        let mut runs: Vec<Run> = state.runs.values().filter(|run| fits(filter, run)).cloned().collect();
        runs.sort_by_key(|run| Reverse((run.started_at, run.id)));
        if let Some(limit) = filter.limit {
            runs.truncate(limit as usize);
        }
        Ok(runs)
    }
}

fn fits(filter: &RunFilter, run: &Run) -> bool {
    filter.project.as_ref().is_none_or(|project| *project == run.project)
        && filter.kind.is_none_or(|kind| kind == run.kind)
        && filter.parent.is_none_or(|parent| Some(parent) == run.parent)
        && filter.id_prefix.as_ref().is_none_or(|prefix| run.id.to_string().starts_with(prefix))
}
