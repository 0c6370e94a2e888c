//! Python for steps and workers: interpreters, locks, environments.
//!
//! ```text
//! requirements.txt ──lock──▶ requirements.lock ──ensure──▶ Environment { python, digest, packages }
//!                                  ▲ Interpreter (find) ──────▲
//! ```
//!
//! An environment is made once for a lock and an interpreter, kept in the user's cache folder and
//! never changed; its digest says what was *installed*, so it is the same whichever tool did it.
//! uv resolves and installs where it is found, `venv` and pip do without it.
//!
//! Nothing here runs in a sandbox: resolving and installing need the network, and building a
//! package that has no wheel runs its build script with the rights of the user.
//!
//! In the cache folder:
//!
//! ```text
//! interpreters/KEY.json   what an interpreter said of itself, by its file's state
//! environments/KEY/       a virtual environment; valid once it holds `modelyard.json`
//! environments/KEY.lock   held while it is made
//! tools/pip-KEY/          pip, where uv is missing
//! ```

mod environment;
mod installed;
mod interpreter;
mod lock;
mod requirements;
mod tool;
mod variables;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub use environment::Environment;
pub use interpreter::Interpreter;
pub use lock::Locked;
pub use variables::{StepVariables, step_environment};

pub(crate) use environment::hold;
pub(crate) use interpreter::Stamp;
pub(crate) use tool::replace;

/// Is told, before something that takes a while, what it is: `installing 12 packages`.
pub type Note<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Where tools are looked for and environments are kept.
#[derive(Clone, Debug)]
pub struct Python {
    cache: PathBuf,
    search: OsString,
}

impl Python {
    /// With the user's cache folder (`$XDG_CACHE_HOME/modelyard`; made when needed) and the
    /// folders of a `PATH` to find interpreters and uv in.
    pub fn new(cache: impl Into<PathBuf>, search: impl Into<OsString>) -> Self {
        Self { cache: cache.into(), search: search.into() }
    }

    pub(crate) fn cache(&self) -> &Path {
        &self.cache
    }
}
