//! When the reconciler looks: as soon as the home changed, else once a second. Each environment is looked at
//! by itself, its replicas and its release apart: replacing a replica may take minutes, and nothing else
//! waits for that.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join;
use futures::stream::{FuturesUnordered, StreamExt};
use modelyard_core::deploy::{Environment, EnvironmentId};
use modelyard_core::ports::Watch;
use modelyard_core::{Fault, Result};
use tokio::sync::watch;

use super::Reconciler;
use crate::troubles::Troubles;

/// The home is asked so often whether it changed.
const ASKED: Duration = Duration::from_millis(100);

/// Time passes without the home changing: steps last, replicas die.
const ASKINGS: u32 = 10;

/// All environments, as they were when the home last changed.
type Seen = Arc<Vec<Environment>>;

impl Reconciler {
    /// Reconciles all environments of the home, or `only` one, until `end`. Faults are handed to `troubled`,
    /// each once as long as it stays the same, and tried again.
    pub async fn run(
        &self,
        only: Option<&EnvironmentId>,
        troubled: impl Fn(&Fault) + Sync,
        end: impl Future<Output = ()>,
    ) {
        let mut end = pin!(end);
        let (tell, told) = watch::channel(Seen::default());
        let mut known = BTreeSet::new();
        let mut each = FuturesUnordered::new();
        let mut looking = pin!(self.look(only, &tell, &troubled));
        let mut news = told.clone();
        loop {
            tokio::select! {
                () = &mut end => return,
                () = &mut looking => {}
                Some(()) = each.next() => {}
                Ok(()) = news.changed() => {
                    for environment in news.borrow_and_update().iter() {
                        if known.insert(environment.id.clone()) {
                            each.push(self.keep(environment.id.clone(), told.clone(), &troubled));
                        }
                    }
                }
            }
        }
    }

    /// Tells of all environments whenever they are to be looked at, for ever.
    async fn look(
        &self,
        only: Option<&EnvironmentId>,
        tell: &watch::Sender<Seen>,
        troubled: &(impl Fn(&Fault) + Sync),
    ) {
        let mut troubles = Troubles::new(troubled);
        let mut home = None;
        loop {
            match self.seen(only, &mut home).await {
                Ok(seen) => {
                    troubles.none();
                    tell.send_replace(seen);
                }
                // A full disk or a locked database may come right: a second later, with a new watch.
                Err(fault) => {
                    home = None;
                    troubles.tell(&fault);
                    tokio::time::sleep(ASKED * ASKINGS).await;
                }
            }
        }
    }

    /// All environments, once they are to be looked at; at once where the home was not watched before.
    async fn seen(&self, only: Option<&EnvironmentId>, home: &mut Option<Box<dyn Watch>>) -> Result<Seen> {
        match home {
            Some(watch) => {
                for _ in 0..ASKINGS {
                    let woken = tokio::time::timeout(ASKED, self.woken.notified()).await.is_ok();
                    if woken || watch.changed().await? {
                        break;
                    }
                }
            }
            None => *home = Some(self.home.observations.watch().await?),
        }
        self.environments(only).await.map(Arc::new)
    }

    /// Reconciles the environment `id` whenever `told`, for ever.
    async fn keep(
        &self,
        id: EnvironmentId,
        told: watch::Receiver<Seen>,
        troubled: &(impl Fn(&Fault) + Sync),
    ) {
        let find = |seen: &Seen| seen.iter().find(|environment| environment.id == id).cloned();
        let mut news = told.clone();
        let replicas = async {
            let mut troubles = Troubles::new(troubled);
            while news.changed().await.is_ok() {
                let seen = find(&news.borrow_and_update());
                let Some(environment) = seen else { continue };
                match self.tell(&environment).await {
                    Some(Ok(())) => troubles.none(),
                    Some(Err(fault)) => troubles.tell(&fault),
                    None => {}
                }
            }
        };
        let mut news = told;
        let release = async {
            let mut troubles = Troubles::new(troubled);
            while news.changed().await.is_ok() {
                let seen = find(&news.borrow_and_update());
                match self.steps(seen).await {
                    Ok(()) => troubles.none(),
                    Err(fault) => troubles.tell(&fault),
                }
            }
        };
        join(replicas, release).await;
    }

    /// Moves the release of `environment` as far as it goes now.
    async fn steps(&self, mut environment: Option<Environment>) -> Result<()> {
        while let Some(now) = environment {
            let id = now.id.clone();
            if !self.step(now).await? {
                return Ok(());
            }
            environment = self.home.environments.environment(&id).await?;
        }
        Ok(())
    }

    /// One look at everything, one environment after the other, for those who look by themselves; answers
    /// whether something moved, so that the next look is due at once.
    ///
    /// # Errors
    /// If the home can't be read or written.
    pub async fn pass(&self, only: Option<&EnvironmentId>) -> Result<bool> {
        let mut moved = false;
        for environment in self.environments(only).await? {
            self.tell(&environment).await;
            moved |= self.step(environment).await?;
        }
        Ok(moved)
    }

    /// All environments, or `only` one; each is told by how much the time was set since the last look.
    async fn environments(&self, only: Option<&EnvironmentId>) -> Result<Vec<Environment>> {
        let environments: Vec<Environment> = match only {
            Some(id) => self.home.environments.environment(id).await?.into_iter().collect(),
            None => self.home.environments.environments(None).await?,
        };
        let set_by = self.set_by();
        for environment in environments.iter().filter(|_| set_by != 0) {
            self.with_memory(&environment.id, |memory| memory.set_by += set_by);
        }
        Ok(environments)
    }
}
