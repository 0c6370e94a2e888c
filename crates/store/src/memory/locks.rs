use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::ports::{LockGuard, Locks};
use tokio::sync::OwnedMutexGuard;

#[derive(Default)]
pub(super) struct MemoryLocks {
    names: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

struct Held {
    _guard: OwnedMutexGuard<()>,
}

impl LockGuard for Held {}

impl MemoryLocks {
    fn of(&self, name: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(names.entry(name.to_owned()).or_default())
    }
}

#[async_trait]
impl Locks for MemoryLocks {
    async fn lock(&self, name: &str) -> Result<Box<dyn LockGuard>> {
        Ok(Box::new(Held { _guard: self.of(name).lock_owned().await }))
    }

    async fn try_lock(&self, name: &str) -> Result<Option<Box<dyn LockGuard>>> {
        Ok(self.of(name).try_lock_owned().ok().map(|guard| Box::new(Held { _guard: guard }) as _))
    }

    async fn is_held(&self, name: &str) -> Result<bool> {
        Ok(self.of(name).try_lock_owned().is_err())
    }
}
