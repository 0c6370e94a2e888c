//! The folder in which one action is executed.
//!
//! ```text
//! KEY/inputs/    read-only to the step: rules of the sandbox add up, so it lies beside, never below
//! KEY/work/      copy of the declared code; the working folder
//! KEY/outputs/   what the step leaves
//! KEY/home/      HOME and caches
//! ```
//!
//! It is named by the action's key, so that a path which a step writes into its output is the same
//! when the action is repeated.

use std::path::{Path, PathBuf};

use modelyard_core::action::ActionKey;
use modelyard_core::fault::Attempt;
use modelyard_core::{Kind, Result};
use modelyard_process::temporary::remove_folder;

/// Removed with all its content when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// An empty folder for `key` below `parent`; what a killed execution left there is removed.
    pub(crate) fn new(parent: &Path, key: ActionKey) -> Result<Self> {
        let folder = parent.join(folder_name(key));
        let failed = || format!("cannot make the folder `{}` for a step", folder.display());
        if folder.exists() {
            remove_folder(&folder).attempt(Kind::Store, failed)?;
        }
        std::fs::create_dir_all(&folder).attempt(Kind::Store, failed)?;
        Ok(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing depends on it being gone: the next execution of the key removes it first.
        let _ = remove_folder(&self.0);
    }
}

/// The name under which `key` has its folder and its lock.
pub(crate) fn folder_name(key: ActionKey) -> String {
    key.to_string()[..32].to_owned()
}
