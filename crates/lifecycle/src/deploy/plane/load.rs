//! One package: fetched, verified, opened, proven.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use modelyard_core::deploy::EnvironmentSpec;
use modelyard_core::fault::Attempt;
use modelyard_core::package::{PROFILE, TrainingProfile};
use modelyard_core::ports::Home;
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_process::temporary::PrivateTmp;
use modelyard_serve::Model;
use tokio::sync::oneshot;

use super::Options;
use crate::Settings;
use crate::environment::Means;

/// Beyond the limit, within which what can be interrupted is.
const GRACE: Duration = Duration::from_secs(2);

pub(super) struct Loader {
    home: Home,
    settings: Settings,
    means: Means,
    start_limit: Duration,
    note: Arc<dyn Fn(&str) + Send + Sync>,
    left_behind: Mutex<BTreeSet<Digest>>,
}

/// A proven model, and the folder that its worker reads.
pub(super) struct Loaded {
    pub(super) model: Model,
    pub(super) profile: Option<TrainingProfile>,
    pub(super) place: PrivateTmp,
}

impl Loader {
    pub(super) fn new(home: Home, settings: Settings, spec: EnvironmentSpec, options: &Options) -> Self {
        let lasting = |secs| Duration::try_from_secs_f64(secs).unwrap_or(Duration::MAX);
        let start_limit = options.start_limit.unwrap_or_else(|| lasting(spec.limits.start_secs));
        let means = Means {
            patience: lasting(spec.limits.timeout_secs),
            start_patience: start_limit,
            batch_rows: spec.batch.rows as usize,
            python: spec.python,
            sandboxed: spec.sandbox,
            variables: spec.env,
            memory_bytes: spec.limits.memory_bytes,
        };
        Self { home, settings, means, start_limit, note: options.note.clone(), left_behind: Mutex::default() }
    }

    /// The model of `package`, until `ended` says that it is not wanted any more.
    ///
    /// Opening a graph runs foreign code that nothing can interrupt, so it has a thread of its own (hashing
    /// keeps it busy as well, and requests are answered by others), and one that hangs is left behind: it is
    /// remembered, its package is refused until it comes back, and it ends with this process.
    ///
    /// # Errors
    /// If a byte of it is not what it was, it can't be opened or proven, or that takes too long.
    pub(super) async fn load(
        self: Arc<Self>,
        package: Digest,
        ended: oneshot::Receiver<()>,
    ) -> Result<Loaded> {
        if self.left_behind().contains(&package) {
            return Err(Fault::new(
                Kind::Timeout,
                "the version hangs while it is opened: it was tried before",
            )
            .hint("a replica that is started anew tries again"));
        }
        let (mut tell, told) = oneshot::channel();
        let (opening, is_opened) = oneshot::channel();
        let runtime = tokio::runtime::Handle::current();
        let loader = Arc::clone(&self);
        let work = move || {
            runtime.block_on(async {
                let loaded = tokio::select! {
                    loaded = loader.fetch_and_open(package, opening) => loaded,
                    () = tell.closed() => return,
                };
                loader.left_behind().remove(&package);
                let _ = tell.send(loaded);
            });
        };
        std::thread::Builder::new()
            .name("modelyard-load".to_owned())
            .spawn(work)
            .attempt(Kind::Internal, || "cannot start a thread that opens the version".to_owned())?;
        let hangs = async {
            match is_opened.await {
                Ok(()) => tokio::time::sleep(self.start_limit.saturating_add(GRACE)).await,
                // It failed before.
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            loaded = told => loaded.attempt(Kind::Internal, || "the loading was given up".to_owned())?,
            _ = ended => Err(Fault::new(Kind::Cancelled, "it is not wanted any more")),
            () = hangs => {
                let mut left_behind = self.left_behind();
                left_behind.insert(package);
                let count = left_behind.len();
                (self.note)(&format!(
                    "opening package {} hangs and can't be interrupted: its thread is left behind, {count} by now",
                    package.short()
                ));
                Err(self.too_slow())
            }
        }
    }

    /// Packages whose threads hang.
    fn left_behind(&self) -> MutexGuard<'_, BTreeSet<Digest>> {
        // Nothing that is done with it can panic half-way.
        self.left_behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn too_slow(&self) -> Fault {
        let limit = self.start_limit.as_secs_f64();
        Fault::new(Kind::Timeout, format!("the version was not ready after {limit} s"))
    }

    /// Tells `opening` when the limit begins.
    async fn fetch_and_open(&self, wanted: Digest, opening: oneshot::Sender<()>) -> Result<Loaded> {
        let place = PrivateTmp::new()?;
        let folder = place.path().join("package");
        self.home.blobs.fetch_folder(wanted, &folder).await?;
        let package = modelyard_deploy::package::read(&folder)?;
        if package.digest() != wanted {
            let found = package.digest();
            return Err(Fault::new(Kind::Package, format!("the home holds the package {found} as {wanted}")));
        }
        let profile = std::fs::read(folder.join(PROFILE)).ok();
        let profile = profile.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        // Making a Python environment takes as long as it takes; it is there the next time.
        let options = self.settings.options_for(&package, &self.means, &|text| (self.note)(text)).await?;
        let _ = opening.send(());
        let opening = tokio::time::timeout(self.start_limit, Model::open(&package, &options));
        let model = opening.await.unwrap_or_else(|_| Err(self.too_slow()))?;
        Ok(Loaded { model, profile, place })
    }
}
