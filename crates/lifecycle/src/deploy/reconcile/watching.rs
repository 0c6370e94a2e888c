//! When the reconciler looks: as soon as the home changed, else once a second.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use futures::future::join_all;
use modelyard_core::Result;
use modelyard_core::deploy::EnvironmentId;

use super::Reconciler;

/// The home is asked so often whether it changed.
const ASKED: Duration = Duration::from_millis(100);

/// Time passes without the home changing: steps last, replicas die.
const ASKINGS: u32 = 10;

impl Reconciler {
    /// Reconciles all environments of the home, or `only` one, until `end`. Faults of single passes are
    /// handed to `troubled`, each once as long as it stays the same, and tried again.
    pub async fn run(
        &self,
        only: Option<&EnvironmentId>,
        troubled: impl Fn(&modelyard_core::Fault),
        end: impl Future<Output = ()>,
    ) {
        let mut end = pin!(end);
        let mut last = String::new();
        loop {
            let result = tokio::select! {
                () = &mut end => return,
                result = self.watch(only) => result,
            };
            let Err(fault) = result else { continue };
            let report = fault.report();
            if report != last {
                troubled(&fault);
                last = report;
            }
            // A full disk or a locked database may come right.
            tokio::select! {
                () = &mut end => return,
                () = tokio::time::sleep(ASKED * ASKINGS) => {}
            }
        }
    }

    async fn watch(&self, only: Option<&EnvironmentId>) -> Result<()> {
        let mut watch = self.home.observations.watch().await?;
        loop {
            while self.pass(only).await? {}
            for _ in 0..ASKINGS {
                let woken = tokio::time::timeout(ASKED, self.woken.notified()).await.is_ok();
                if woken || watch.changed().await? {
                    break;
                }
            }
        }
    }

    /// One look at everything; answers whether something moved, so that the next look is due at once.
    ///
    /// # Errors
    /// If the home can't be read or written.
    pub async fn pass(&self, only: Option<&EnvironmentId>) -> Result<bool> {
        let environments = match only {
            Some(id) => self.home.environments.environment(id).await?.into_iter().collect(),
            None => self.home.environments.environments(None).await?,
        };
        let set_by = self.set_by();
        for environment in environments.iter().filter(|_| set_by != 0) {
            self.with_memory(&environment.id, |memory| memory.set_by += set_by);
        }
        let looked = join_all(environments.into_iter().map(|environment| self.reconcile(environment))).await;
        let mut moved = false;
        for looked in looked {
            moved |= looked?;
        }
        Ok(moved)
    }
}
