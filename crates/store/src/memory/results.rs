use async_trait::async_trait;
use modelyard_core::action::{ActionKey, ActionResult};
use modelyard_core::ports::{FileStamp, ResultStore, StampStore};
use modelyard_core::{Digest, Result};

use super::Memory;

#[async_trait]
impl ResultStore for Memory {
    async fn get(&self, key: ActionKey) -> Result<Option<ActionResult>> {
        Ok(self.state().results.get(&key).cloned())
    }

    async fn put(&self, result: &ActionResult) -> Result<()> {
        self.change().results.insert(result.key, result.clone());
        Ok(())
    }
}

#[async_trait]
impl StampStore for Memory {
    async fn get(&self, stamp: &FileStamp) -> Result<Option<Digest>> {
        let state = self.state();
        let known = state.stamps.get(&stamp.path).filter(|(known, _)| known == stamp);
        Ok(known.map(|(_, digest)| *digest))
    }

    async fn put(&self, stamps: &[(FileStamp, Digest)]) -> Result<()> {
        let mut state = self.change();
        for (stamp, digest) in stamps {
            state.stamps.insert(stamp.path.clone(), (stamp.clone(), *digest));
        }
        Ok(())
    }
}
