//! Python environments and the ONNX Runtime library, and what is opened with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use modelyard_core::package::{Package, Runtime};
use modelyard_core::{Fault, Kind, Result};
use modelyard_data::source;
use modelyard_pipeline::{CommandJob, Done, Mode, Node, StepContext, Stop};
pub(crate) use modelyard_process::onnx_library::OnnxLibrary;
use modelyard_process::onnx_library::Places;
use modelyard_process::python::{Environment, Note, Python};
use modelyard_serve::{Model, Options, PythonSpec};

use crate::build::Build;
use crate::workshop::{Settings, Workshop};

/// Threads of a model's worker: the same when it is packaged, tested and served. Waking a second one for
/// every tree of a forest costs a single row more than all the rest of its answer.
pub(crate) const WORKER_THREADS: u32 = 1;

/// What a model may use where it is asked.
pub(crate) struct Means {
    /// How long a Python model may take over a batch.
    pub(crate) patience: Duration,
    /// The same for opening it.
    pub(crate) start_patience: Duration,
    pub(crate) batch_rows: usize,
    /// `3.11`, instead of the package's own.
    pub(crate) python: Option<String>,
    pub(crate) sandboxed: bool,
    /// Variables of the model's worker.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) memory_bytes: Option<u64>,
}

impl Means {
    fn new(patience: Duration) -> Self {
        Self {
            patience,
            start_patience: patience,
            batch_rows: Options::DEFAULT_MAX_BATCH_ROWS,
            python: None,
            sandboxed: true,
            variables: BTreeMap::new(),
            memory_bytes: None,
        }
    }
}

impl Settings {
    pub fn python(&self) -> Python {
        Python::new(&self.cache, std::env::var_os("PATH").unwrap_or_default())
    }

    /// The library, looked for where it may lie, else fetched into the cache; `note` hears of that.
    ///
    /// # Errors
    /// If it is nowhere and can't be fetched.
    pub async fn find_onnx_library(&self, note: Note<'_>) -> Result<OnnxLibrary> {
        let variable = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        let program = std::env::current_exe().ok();
        let places = Places {
            given: self.onnx_library.as_deref(),
            variable: variable.as_deref(),
            program: program.as_deref().and_then(Path::parent),
            environments: &[],
        };
        self.python().onnx_library(places, note).await
    }

    /// The model of `package`, proven; a Python package gets the environment of its lock.
    ///
    /// # Errors
    /// If library or environment can't be had, or the model does not answer its golden rows, each
    /// time within `patience`.
    pub async fn open_package(&self, package: &Package, patience: Duration, note: Note<'_>) -> Result<Model> {
        Model::open(package, &self.options_for(package, &Means::new(patience), note).await?).await
    }

    /// What `package` is opened with: the library, or the environment of its lock, made if missing.
    ///
    /// # Errors
    /// If library or environment can't be had.
    pub(crate) async fn options_for(
        &self,
        package: &Package,
        means: &Means,
        note: Note<'_>,
    ) -> Result<Options> {
        let Some(stage) = package.manifest.stages.first() else {
            return Err(Fault::new(Kind::Package, "the package has no stage"));
        };
        let mut options = match &stage.runtime {
            Runtime::Onnx { library_version, .. } => {
                let library = self.find_onnx_library(note).await?;
                if library.version != *library_version {
                    note(&format!(
                        "packaged with ONNX Runtime {library_version}, served with {}: the golden rows decide",
                        library.version
                    ));
                }
                Options::new(library.path)
            }
            Runtime::Python { python, environment, .. } => {
                let python = means.python.as_deref().unwrap_or(python);
                let made = self.environment_of(&package.folder, python, note).await?;
                if made.digest != *environment {
                    note(&format!(
                        "the environment made here ({}) is not the one of training ({}): the golden rows decide",
                        made.digest.short(),
                        environment.short()
                    ));
                }
                let mut options = Options::new(PathBuf::new());
                options.python = Some(PythonSpec {
                    interpreter: made.python,
                    read: made.read,
                    sandboxed: means.sandboxed,
                    threads: WORKER_THREADS,
                    patience: means.patience,
                    start_patience: means.start_patience,
                    variables: means.variables.clone(),
                    memory_bytes: means.memory_bytes,
                });
                options
            }
        };
        options.max_batch_rows = means.batch_rows;
        Ok(options)
    }

    /// The environment of the lock in the package at `folder`.
    async fn environment_of(&self, folder: &Path, version: &str, note: Note<'_>) -> Result<Environment> {
        let python = self.python();
        let minor: Vec<_> = version.split('.').take(2).collect();
        let interpreter = python.find(Some(&minor.join("."))).await?;
        let lock = folder.join("requirements.lock");
        python.ensure(lock.is_file().then_some(lock.as_path()), &interpreter, note).await
    }
}

impl Workshop {
    /// Locks the requirements where that is not done, so that the lock is part of the snapshot.
    ///
    /// # Errors
    /// If requirements can't be locked.
    pub(crate) async fn lock(&self, node: &Node) -> Result<()> {
        let (Some(requirements), Some(lock)) = (&self.project.python.requirements, self.lock_file()) else {
            return Ok(());
        };
        let python = self.settings.python();
        let interpreter = python.find(self.project.python.version.as_deref()).await?;
        let note = |text: &str| self.progress.note(node, text);
        python.lock(&interpreter, &self.root.join(requirements), &lock, false, &note).await.map(drop)
    }

    /// The project's locked environment, made on first use.
    ///
    /// # Errors
    /// If requirements can't be locked or installed.
    pub(crate) async fn python(&self, node: &Node) -> Result<Option<&Environment>> {
        let made = self.python.get_or_try_init(|| async {
            let python = self.settings.python();
            let note = |text: &str| self.progress.note(node, text);
            let interpreter = python.find(self.project.python.version.as_deref()).await?;
            let Some(lock) = self.lock_file() else {
                return python.ensure(None, &interpreter, &note).await.map(Some);
            };
            python.ensure(Some(&lock), &interpreter, &note).await.map(Some)
        });
        made.await.map(Option::as_ref)
    }

    /// `requirements.lock`, beside `requirements.txt`.
    pub(crate) fn lock_file(&self) -> Option<PathBuf> {
        let requirements = self.project.python.requirements.as_ref()?;
        Some(self.root.join(requirements).with_extension("lock"))
    }

    pub(crate) async fn onnx_library(&self, node: &Node) -> Result<OnnxLibrary> {
        self.settings.find_onnx_library(&|text| self.progress.note(node, text)).await
    }

    pub(crate) fn step_context<'a>(&'a self, python: Option<&'a Environment>) -> StepContext<'a> {
        let sealed = self.sealed.get_or_init(|| self.find_sealed());
        // The first of them, where there is one.
        let home_folder = self.home_folder.as_ref().and(sealed.first()).map(PathBuf::as_path);
        StepContext {
            home_folder,
            home: self.home(),
            clock: &*self.engine.clock,
            root: &self.root,
            python,
            secret: &secret,
            sealed,
        }
    }

    /// Real paths of what holds test rows: the home, and the files of all sources.
    fn find_sealed(&self) -> Vec<PathBuf> {
        let sources = self.project.data.values().flat_map(|data| data.sources.values());
        let files = sources.flat_map(|source| source::resolve(&self.sources, source).unwrap_or_default());
        let paths = self.home_folder.iter().cloned().chain(files.map(|file| file.absolute));
        paths.map(|path| std::fs::canonicalize(&path).unwrap_or(path)).collect()
    }
}

impl Build {
    /// The project's environment; while only looking, one that is not made yet is pending.
    pub(crate) async fn python(&self, node: &Node) -> Result<Option<&Environment>, Stop> {
        let shop = &self.shop;
        if shop.engine.mode() == Mode::Look {
            let python = shop.settings.python();
            let interpreter = python.find(shop.project.python.version.as_deref()).await?;
            let lock = shop.lock_file();
            if lock.as_ref().is_some_and(|lock| !lock.is_file()) {
                return Err(Stop::Pending("its requirements are not locked yet".into()));
            }
            if python.lookup(lock.as_deref(), &interpreter)?.is_none() {
                return Err(Stop::Pending("its Python environment is not made yet".into()));
            }
        }
        Ok(shop.python(node).await?)
    }

    /// Performs the action that is `job`.
    pub(crate) async fn command(&self, node: &Node, job: CommandJob) -> Result<Done, Stop> {
        let shop = &self.shop;
        self.perform(node, job.action.clone(), async |folder| {
            shop.progress.began(node);
            shop.executor.execute(&job, &folder, &*shop.home().blobs, &shop.engine.cancel).await
        })
        .await
    }
}

/// A declared secret, from the engine's own environment.
fn secret(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(crate) fn no_python(what: &str) -> Fault {
    Fault::new(Kind::Environment, format!("{what} needs a Python environment, and the project has none"))
        .hint("set `requirements = \"requirements.txt\"` in [python]")
}
