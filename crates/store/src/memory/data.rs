use async_trait::async_trait;
use modelyard_core::data::{DataVersion, NumberedVersion};
use modelyard_core::ports::DataStore;
use modelyard_core::{Digest, Result, Timestamp};

use super::Memory;

#[async_trait]
impl DataStore for Memory {
    async fn record(&self, project: &str, version: &DataVersion, at: Timestamp) -> Result<NumberedVersion> {
        let mut state = self.change();
        let versions = state.data.entry((project.to_owned(), version.name.clone())).or_default();
        if let Some(known) = versions.iter().find(|known| known.data.digest == version.digest) {
            return Ok(known.clone());
        }
        let number = versions.last().map_or(1, |last| last.number + 1);
        let numbered =
            NumberedVersion { project: project.to_owned(), number, created_at: at, data: version.clone() };
        versions.push(numbered.clone());
        Ok(numbered)
    }

    async fn get(&self, project: &str, name: &str, number: Option<u32>) -> Result<Option<NumberedVersion>> {
        let state = self.state();
        let versions = state.data.get(&(project.to_owned(), name.to_owned()));
        let found = versions.and_then(|versions| match number {
            Some(number) => versions.iter().find(|version| version.number == number),
            None => versions.last(),
        });
        Ok(found.cloned())
    }

    async fn list(&self, project: &str, name: Option<&str>) -> Result<Vec<NumberedVersion>> {
        let state = self.state();
        let wanted = |key: &(String, String)| key.0 == project && name.is_none_or(|name| key.1 == name);
        let sets = state.data.iter().filter(|(key, _)| wanted(key));
        Ok(sets.flat_map(|(_, versions)| versions.iter().rev().cloned()).collect())
    }

    async fn count_test_use(&self, split: Digest, package: Digest) -> Result<u64> {
        let mut state = self.change();
        state.test_uses.insert((split, package));
        Ok(state.test_uses.iter().filter(|(used, _)| *used == split).count() as u64)
    }
}
