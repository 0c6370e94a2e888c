//! One package: fetched, verified, opened, proven.

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

pub(super) struct Loader {
    home: Home,
    settings: Settings,
    means: Means,
    start_limit: Duration,
    note: std::sync::Arc<dyn Fn(&str) + Send + Sync>,
}

/// A proven model, and the folder that its worker reads.
pub(super) struct Loaded {
    pub(super) model: Model,
    pub(super) profile: Option<TrainingProfile>,
    pub(super) place: PrivateTmp,
}

impl Loader {
    pub(super) fn new(home: Home, settings: Settings, spec: EnvironmentSpec, options: &Options) -> Self {
        let means = Means {
            patience: Duration::try_from_secs_f64(spec.limits.timeout_secs).unwrap_or(Duration::MAX),
            start_patience: options.start_limit,
            batch_rows: spec.batch.rows as usize,
            python: spec.python,
            sandboxed: spec.sandbox,
            variables: spec.env,
            memory_bytes: spec.limits.memory_bytes,
        };
        Self { home, settings, means, start_limit: options.start_limit, note: options.note.clone() }
    }

    /// The model of `package`, until `ended` says that it is not wanted any more.
    ///
    /// # Errors
    /// If a byte of it is not what it was, it can't be opened or proven, or that takes too long.
    pub(super) async fn load(
        self: std::sync::Arc<Self>,
        package: Digest,
        ended: oneshot::Receiver<()>,
    ) -> Result<Loaded> {
        let runtime = tokio::runtime::Handle::current();
        // A thread of its own: hashing, and opening a large graph, keep it busy, and requests are answered
        // by the others.
        let loading = tokio::task::spawn_blocking(move || {
            runtime.block_on(async {
                tokio::select! {
                    loaded = self.fetch_and_open(package) => loaded,
                    _ = ended => Err(Fault::new(Kind::Cancelled, "it is not wanted any more")),
                }
            })
        });
        loading.await.attempt(Kind::Internal, || "the loading was given up".to_owned())?
    }

    async fn fetch_and_open(&self, wanted: Digest) -> Result<Loaded> {
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
        let opening = tokio::time::timeout(self.start_limit, Model::open(&package, &options));
        let model = opening.await.unwrap_or_else(|_| {
            let limit = self.start_limit.as_secs_f64();
            Err(Fault::new(Kind::Timeout, format!("the version was not ready after {limit} s")))
        })?;
        Ok(Loaded { model, profile, place })
    }
}
