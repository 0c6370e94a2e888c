//! What every node works with: the project, the engine, who executes, and the settings of a command.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use modelyard_core::audit::Actor;
use modelyard_core::config::Project;
use modelyard_core::id::RunId;
use modelyard_core::ports::Home;
use modelyard_core::run::Commit;
use modelyard_pipeline::Engine;
use modelyard_pipeline::executor::Executor;
use modelyard_process::python::Environment;
use modelyard_serve::PythonSpec;
use tokio::sync::OnceCell;

use crate::progress::Progress;

pub struct Workshop {
    pub engine: Engine,
    pub executor: Arc<dyn Executor>,
    pub project: Project,
    /// Where `modelyard.toml`, code, requirements and their lock lie.
    pub root: PathBuf,
    /// Where relative sources lie: `root`, but for a project that was rebuilt from a snapshot.
    pub sources: PathBuf,
    /// Where the home's blobs lie, if on this machine: test rows are among them.
    pub home_folder: Option<PathBuf>,
    pub settings: Settings,
    pub progress: Arc<dyn Progress>,
    pub(crate) python: OnceCell<Option<Environment>>,
    pub(crate) sealed: OnceLock<Vec<PathBuf>>,
}

/// What a command decides.
#[derive(Clone)]
pub struct Settings {
    /// Who acts, for the audit log.
    pub actor: String,
    /// The user's cache folder: Python environments and the ONNX Runtime library.
    pub cache: PathBuf,
    /// `--onnx-library`.
    pub onnx_library: Option<PathBuf>,
    /// Names of nodes that are executed even though their result is there.
    pub force: BTreeSet<String>,
    /// Whether a champion that can't be compared is passed over.
    pub accept_champion: bool,
    /// What else is to name the version that the build comes to.
    pub aliases: Vec<String>,
    /// The text of `modelyard.toml`, for the snapshot.
    pub config_text: String,
    /// The command, as it was typed, for reports.
    pub command: String,
    /// Of a training that a trigger set off.
    pub triggered: Option<Triggered>,
}

/// What a training that a trigger set off has beyond one that somebody asked for.
#[derive(Clone, Debug)]
pub struct Triggered {
    /// The id of its run, which stands on its causes already.
    pub run: RunId,
    /// The commit that the project was applied from, or that is trained.
    pub source: Option<Commit>,
    /// What set it off: `drift: window 2013-05-14T00:00:00Z; new-data: data 1f0c…`.
    pub causes: String,
}

impl Workshop {
    pub fn new(
        engine: Engine,
        executor: Arc<dyn Executor>,
        project: Project,
        root: PathBuf,
        settings: Settings,
        progress: Arc<dyn Progress>,
    ) -> Self {
        Self {
            engine,
            executor,
            project,
            sources: root.clone(),
            root,
            home_folder: None,
            settings,
            progress,
            python: OnceCell::new(),
            sealed: OnceLock::new(),
        }
    }

    pub fn home(&self) -> &Home {
        &self.engine.home
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor { name: self.settings.actor.clone(), at: self.engine.clock.now() }
    }

    /// How long a Python model may take over one question.
    pub(crate) fn patience(&self) -> Duration {
        let declared = self.project.package.timeout_secs;
        declared.map_or(PythonSpec::DEFAULT_PATIENCE, Duration::from_secs_f64)
    }

    /// Whether the user wants `node` executed anew.
    pub(crate) fn forced(&self, node: &modelyard_pipeline::Node) -> bool {
        self.settings.force.contains(&node.to_string())
    }
}
