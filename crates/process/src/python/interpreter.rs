//! Finding interpreters, and what they say of themselves.

use std::ffi::OsStr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use modelyard_core::{Digest, Fault, Kind, Result};
use serde::{Deserialize, Serialize};

use super::{Python, tool};

/// A Python that is installed, never one of a virtual environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interpreter {
    /// Its executable, absolute, links followed.
    pub path: PathBuf,
    /// In full: `3.11.7`, `3.15.0rc1`.
    pub version: String,
    /// `cpython`, `pypy`.
    pub implementation: String,
    /// As in the names of wheels: `linux_x86_64`.
    pub platform: String,
    /// What its standard library lies below.
    pub base_prefix: PathBuf,
}

/// Asks an interpreter, without what a site or the user added to it.
const PROBE: &str = "import json, platform, sys, sysconfig\n\
    print(json.dumps({'path': getattr(sys, '_base_executable', None) or sys.executable,\n\
    'version': platform.python_version(), 'implementation': sys.implementation.name,\n\
    'platform': sysconfig.get_platform().replace('-', '_').replace('.', '_'), 'base_prefix': sys.base_prefix}))";

/// The oldest Python that environments are made for.
const OLDEST: (u32, u32) = (3, 9);

impl Interpreter {
    /// Major and minor version: `(3, 11)`.
    pub(super) fn minor(&self) -> (u32, u32) {
        minor(&self.version)
    }
}

/// Major and minor of a version of Python; 0 for what is no number.
pub(super) fn minor(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

impl Python {
    /// The interpreter of `version` (`3`, `3.11` or `3.11.7`), by default the `python3` there is:
    /// from the search path, else one that uv manages. An interpreter of an active virtual
    /// environment stands for the one that it was made from.
    ///
    /// What an interpreter says of itself is kept in the cache folder, so that finding a known
    /// one starts no process.
    ///
    /// # Errors
    /// [`Kind::Environment`] if there is none, naming what was looked for and what was found.
    pub async fn find(&self, version: Option<&str>) -> Result<Interpreter> {
        if let Some(version) = version
            && (version.is_empty()
                || !version.split('.').all(|part| part.starts_with(|c: char| c.is_ascii_digit())))
        {
            return Err(Fault::new(Kind::Environment, format!("`{version}` is not a version of Python"))
                .hint("write it as `3.11` or `3.11.7`"));
        }
        let mut names = Vec::new();
        if let Some(version) = version {
            let minor: Vec<_> = version.split('.').take(2).collect();
            if minor.len() == 2 {
                names.push(format!("python{}", minor.join(".")));
            }
        }
        names.extend(["python3".to_owned(), "python".to_owned()]);
        let mut found = Vec::new();
        for name in &names {
            for candidate in self.named(name) {
                let Some(interpreter) = self.probe(&candidate).await else { continue };
                if fits(&interpreter, version) {
                    return Ok(interpreter);
                }
                let seen = format!("{} {}", interpreter.path.display(), interpreter.version);
                if !found.contains(&seen) {
                    found.push(seen);
                }
            }
        }
        if let Some(interpreter) = self.managed(version).await.filter(|managed| fits(managed, version)) {
            return Ok(interpreter);
        }
        let wanted = version.map_or_else(|| "Python".to_owned(), |version| format!("Python {version}"));
        let mut fault = Fault::new(Kind::Environment, format!("cannot find {wanted}"))
            .detail("looked for", format!("{} on the path, and with uv", names.join(", ")));
        if !found.is_empty() {
            fault = fault.detail("found", found.join("\n"));
        }
        Err(fault.hint(match version {
            Some(version) => format!(
                "install it (`uv python install {version}`), or change `version` in [python] of modelyard.toml"
            ),
            None => format!("install Python {}.{} or newer (Debian: `apt install python3`)", OLDEST.0, OLDEST.1),
        }))
    }

    /// What the interpreter at `path` says of itself; `None` if it is none.
    async fn probe(&self, path: &Path) -> Option<Interpreter> {
        let stamp = Stamp::of(path)?;
        // What stands behind a shim of pyenv, asdf or mise depends on more than its file.
        let key = Digest::of(&serde_json::to_vec(&(path, &stamp, selectors())).ok()?);
        let memory = self.cache.join("interpreters").join(format!("{key}.json"));
        if let Ok(bytes) = std::fs::read(&memory)
            && let Ok(known) = serde_json::from_slice::<Memory>(&bytes)
        {
            match known.interpreter {
                Some((interpreter, stamp)) if Stamp::of(&interpreter.path).as_ref() == Some(&stamp) => {
                    return Some(interpreter);
                }
                Some(_) => {}
                None => return None,
            }
        }
        let asked = tool::command(path, &["-I", "-S", "-c", PROBE].map(OsStr::new));
        let answer = tool::output(asked, String::new).await.ok();
        let interpreter = answer.and_then(|answer| serde_json::from_str::<Interpreter>(&answer).ok());
        // One name for one interpreter, by whichever link it was found.
        let interpreter = interpreter
            .and_then(|found| Some(Interpreter { path: std::fs::canonicalize(&found.path).ok()?, ..found }));
        let interpreter = interpreter.and_then(|found| Stamp::of(&found.path).map(|stamp| (found, stamp)));
        // Only to save time: a cache that can't be written is no error here.
        if let Some(folder) = memory.parent()
            && std::fs::create_dir_all(folder).is_ok()
            && let Ok(bytes) = serde_json::to_vec(&Memory { interpreter: interpreter.clone() })
        {
            let _ = tool::replace(&memory, &bytes);
        }
        interpreter.map(|(interpreter, _)| interpreter)
    }

    /// One that uv knows of, its own or the system's.
    async fn managed(&self, version: Option<&str>) -> Option<Interpreter> {
        let uv = self.uv().await?;
        let mut asked = tool::command(&uv[0], &[]);
        asked.args(&uv[1..]).args(["python", "find", "--no-project", "--system", "--no-python-downloads"]);
        asked.args(version);
        let path = tool::output(asked, String::new).await.ok()?;
        self.probe(Path::new(path.trim())).await
    }
}

/// What is remembered of a candidate; nothing where it is no working interpreter.
#[derive(Serialize, Deserialize)]
struct Memory {
    interpreter: Option<(Interpreter, Stamp)>,
}

/// What changes when a file is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    path: PathBuf,
    size_bytes: u64,
    modified_ns: i64,
}

impl Stamp {
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let real = std::fs::canonicalize(path).ok()?;
        let found = std::fs::metadata(&real).ok()?;
        let modified_ns = found.mtime().wrapping_mul(1_000_000_000).wrapping_add(found.mtime_nsec());
        Some(Self { path: real, size_bytes: found.len(), modified_ns })
    }
}

/// What version managers choose by: files of the working folder and above, of the user, and
/// variables.
fn selectors() -> Vec<String> {
    let mut chosen = Vec::new();
    for name in ["PYENV_VERSION", "ASDF_PYTHON_VERSION", "MISE_PYTHON_VERSION"] {
        chosen.extend(std::env::var(name));
    }
    let mut files = Vec::new();
    if let Ok(folder) = std::env::current_dir() {
        for folder in folder.ancestors() {
            files.extend(
                [".python-version", ".tool-versions", "mise.toml", ".mise.toml"]
                    .map(|name| folder.join(name)),
            );
        }
    }
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    files
        .extend([".pyenv/version", ".tool-versions", ".config/mise/config.toml"].map(|name| home.join(name)));
    files.extend(std::env::var_os("PYENV_ROOT").map(|root| PathBuf::from(root).join("version")));
    chosen.extend(files.into_iter().filter_map(|file| std::fs::read_to_string(file).ok()));
    chosen
}

fn fits(interpreter: &Interpreter, version: Option<&str>) -> bool {
    let parts = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    let own = parts(&interpreter.version);
    match version {
        Some(version) => own.starts_with(&parts(version)),
        None => interpreter.minor() >= OLDEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_fit_by_whole_parts() {
        let interpreter = Interpreter {
            path: "/usr/bin/python3".into(),
            version: "3.11.7".into(),
            implementation: "cpython".into(),
            platform: "linux_x86_64".into(),
            base_prefix: "/usr".into(),
        };
        for (version, expected) in
            [("3", true), ("3.11", true), ("3.11.7", true), ("3.1", false), ("3.11.70", false)]
        {
            assert_eq!(fits(&interpreter, Some(version)), expected, "{version}");
        }
        assert!(fits(&interpreter, None));
    }
}
