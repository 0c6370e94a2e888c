//! The shared library of ONNX Runtime: found, or fetched once, always known by its digest.
//!
//! It is looked for where the user says, beside the program, in Python environments and in the
//! user's cache; where it is nowhere, the pinned wheel of PyPI's `onnxruntime` is fetched with uv
//! or pip, checked against its hash, and its library kept in the cache with its licences.
//!
//! Loading it is up to whoever runs models.

mod known;
mod pin;

use std::path::{Path, PathBuf};

use modelyard_core::fault::Attempt;
use modelyard_core::{Digest, Fault, Kind, Result};

use crate::python::{Note, Python};
use crate::temporary::PrivateTmp;
use known::Known;

/// A library that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnnxLibrary {
    pub path: PathBuf,
    /// Its own: `1.32.0`.
    pub version: String,
    pub digest: Digest,
}

/// Where the library is looked for before the cache, first to last.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places<'a> {
    /// What the user named on the command line. If it is none, nothing else is tried.
    pub given: Option<&'a Path>,
    /// The variable `ORT_DYLIB_PATH`; likewise.
    pub variable: Option<&'a Path>,
    /// The folder of the program. If that is the `bin` of a Python environment, its packages are
    /// looked at too.
    pub program: Option<&'a Path>,
    /// Folders of Python environments that may have the package `onnxruntime`.
    pub environments: &'a [&'a Path],
}

/// The oldest version that answers float64 trees exactly.
const OLDEST: (u32, u32) = (1, 21);

impl Python {
    /// The library: the first there is of `places`, else the pinned one of the cache, fetched if
    /// it is not there yet (`note` is told before).
    ///
    /// One that is known costs a look at its file's size and time; 35 MB are read where that has
    /// changed.
    ///
    /// # Errors
    /// [`Kind::Environment`] if a named file is no such library or too old, or if the wheel can't
    /// be fetched.
    pub async fn onnx_library(&self, places: Places<'_>, note: Note<'_>) -> Result<OnnxLibrary> {
        let known = Known::in_cache(self.cache());
        for (named, by) in [(places.given, "the command line"), (places.variable, "`ORT_DYLIB_PATH`")] {
            let Some(path) = named else { continue };
            let refused = |what: &str| {
                Fault::new(Kind::Environment, format!("`{}`, named by {by}, {what}", path.display()))
            };
            let library = known
                .look(path)
                .map_err(|error| refused("can't be read").because(error))?
                .ok_or_else(|| refused("is no library of ONNX Runtime"))?;
            if !new_enough(&library.version) {
                let (major, minor) = OLDEST;
                return Err(refused(&format!("is ONNX Runtime {}, which is too old", library.version))
                    .hint(format!("{major}.{minor} or newer is needed")));
            }
            return Ok(library);
        }
        for folder in folders(&places) {
            for path in libraries(&folder) {
                if let Ok(Some(library)) = known.look(&path)
                    && new_enough(&library.version)
                {
                    return Ok(library);
                }
            }
        }
        self.pinned_onnx_library(&known, note).await
    }

    async fn pinned_onnx_library(&self, known: &Known, note: Note<'_>) -> Result<OnnxLibrary> {
        let Some(pin) = pin::of_this_machine() else {
            return Err(Fault::new(Kind::Environment, "there is no pinned ONNX Runtime for this machine")
                .hint("install ONNX Runtime and name its library by `ORT_DYLIB_PATH`"));
        };
        let folder = self.cache().join("onnxruntime").join(pin::VERSION);
        let path = folder.join(pin::library_name());
        let right = |found: std::io::Result<Option<OnnxLibrary>>| match found {
            Ok(Some(library)) if library.digest == pin.library => Some(library),
            _ => None,
        };
        if let Some(library) = right(known.look(&path)) {
            return Ok(library);
        }
        let cannot = || format!("cannot keep ONNX Runtime in `{}`", folder.display());
        std::fs::create_dir_all(&folder).attempt(Kind::Environment, cannot)?;
        let lock = folder.with_extension("lock");
        let _held = crate::python::hold(lock).await.attempt(Kind::Environment, cannot)?;
        if let Some(library) = right(known.look(&path)) {
            return Ok(library);
        }
        note(&format!("fetching ONNX Runtime {}, once", pin::VERSION));
        let unpacked = PrivateTmp::new()?;
        self.unpack(&pin, unpacked.path()).await?;
        let package = unpacked.path().join("onnxruntime");
        for licence in ["LICENSE", "ThirdPartyNotices.txt"] {
            std::fs::copy(package.join(licence), folder.join(licence)).attempt(Kind::Environment, cannot)?;
        }
        // The library comes last and at once: where it is, everything is.
        let new = folder.join("new");
        std::fs::copy(package.join("capi").join(pin::library_name()), &new)
            .and_then(|_| std::fs::File::open(&new)?.sync_all())
            .and_then(|()| std::fs::rename(&new, &path))
            .attempt(Kind::Environment, cannot)?;
        right(known.look(&path)).ok_or_else(|| {
            Fault::new(Kind::Environment, "the ONNX Runtime that was fetched is not the pinned one")
                .detail("file", path.display().to_string())
        })
    }
}

/// The folders that `places` stands for.
fn folders(places: &Places<'_>) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    let mut environments = places.environments.to_vec();
    if let Some(program) = places.program {
        folders.push(program.to_owned());
        if program.ends_with("bin") {
            environments.insert(0, program.parent().unwrap_or(program));
        }
    }
    for environment in environments {
        let Ok(versions) = std::fs::read_dir(environment.join("lib")) else { continue };
        let versions = versions.flatten().map(|version| version.path());
        folders.extend(versions.map(|version| version.join("site-packages/onnxruntime/capi")));
    }
    folders
}

/// The libraries in `folder`, the newest name first.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<_> = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("libonnxruntime.so"))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found.reverse();
    found
}

fn new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= OLDEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(new_enough("1.21.0") && new_enough("1.32.0") && new_enough("2.0.0"));
        assert!(!new_enough("1.3.0") && !new_enough("1.20.1") && !new_enough(""));
    }
}
