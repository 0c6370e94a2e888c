//! Content-addressed virtual environments.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use modelyard_core::fault::Attempt;
use modelyard_core::{Digest, Fault, Kind, Result, canonical};
use serde::{Deserialize, Serialize};

use super::installed::{self, Installed};
use super::interpreter::Stamp;
use super::{Interpreter, Note, Python, tool};

/// A virtual environment in the user's cache, complete and never changed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    pub folder: PathBuf,
    /// Its interpreter.
    pub python: PathBuf,
    /// Of names, versions and contents of the packages installed, the interpreter's full version
    /// and implementation, and the platform. No path is in it.
    pub digest: Digest,
    /// `3.11.7`
    pub version: String,
    /// Normalised names and versions, sorted.
    pub packages: Vec<(String, String)>,
    /// What a sandbox must be able to read for it to run.
    pub read: Vec<PathBuf>,
}

/// The completion mark: written last, read by everybody after.
const MARK: &str = "modelyard.json";

#[derive(Serialize, Deserialize)]
struct Facts {
    /// Format version, 1.
    version: u32,
    digest: Digest,
    interpreter: Interpreter,
    /// Of the interpreter's file when the environment was made from it.
    stamp: Option<Stamp>,
    packages: Vec<Installed>,
}

/// What the digest of an environment is taken over.
#[derive(Serialize)]
struct Identity<'a> {
    python: &'a str,
    implementation: &'a str,
    platform: &'a str,
    packages: &'a [Installed],
}

impl Python {
    /// The environment of `lock` (without one: of the interpreter alone), made if it is not there.
    ///
    /// One that is there costs a few file reads and needs neither network nor a process. Several
    /// processes may ask for the same at once: one makes it, the others wait.
    ///
    /// # Errors
    /// [`Kind::Environment`] if the lock can't be read or installed, with the installer's words.
    pub async fn ensure(
        &self,
        lock: Option<&Path>,
        interpreter: &Interpreter,
        note: Note<'_>,
    ) -> Result<Environment> {
        let (folder, locked) = self.folder_of(lock, interpreter)?;
        let folders = self.cache.join("environments");
        if let Some(environment) = complete(&folder) {
            return Ok(environment);
        }

        let unwritable = || format!("cannot make an environment in `{}`", folders.display());
        std::fs::create_dir_all(&folders).attempt(Kind::Environment, unwritable)?;
        let held = hold(folder.with_extension("lock")).await.attempt(Kind::Environment, unwritable)?;
        if let Some(environment) = complete(&folder) {
            return Ok(environment);
        }
        // What a killed process left.
        if folder.exists() {
            std::fs::remove_dir_all(&folder).attempt(Kind::Environment, unwritable)?;
        }
        note(&match locked.iter().filter(|line| !line.starts_with(char::is_whitespace)).count() {
            0 => format!("making an environment of Python {}", interpreter.version),
            1 => "installing 1 package".to_owned(),
            packages => format!("installing {packages} packages"),
        });
        self.make(&folder, lock.filter(|_| !locked.is_empty()), interpreter, &held).await?;
        complete(&folder).ok_or_else(|| Fault::new(Kind::Internal, unwritable()))
    }

    /// The environment that [`ensure`](Self::ensure) would answer, if it is made already.
    ///
    /// # Errors
    /// [`Kind::Environment`] if the lock can't be read.
    pub fn lookup(&self, lock: Option<&Path>, interpreter: &Interpreter) -> Result<Option<Environment>> {
        Ok(complete(&self.folder_of(lock, interpreter)?.0))
    }

    /// Where the environment of `lock` lies, and the lock's lines that count.
    fn folder_of(&self, lock: Option<&Path>, interpreter: &Interpreter) -> Result<(PathBuf, Vec<String>)> {
        let locked = match lock {
            Some(lock) => std::fs::read_to_string(lock)
                .attempt(Kind::Environment, || format!("cannot read `{}`", lock.display()))?,
            None => String::new(),
        };
        let counts = |line: &&str| !line.starts_with('#') && !line.trim().is_empty();
        let locked: Vec<_> = locked.lines().filter(counts).map(str::to_owned).collect();
        // The folder is bound to this very interpreter; the environment's digest is not.
        let key = canonical::digest("modelyard environment v1", &(&locked, interpreter));
        Ok((self.cache.join("environments").join(&key.to_string()[..32]), locked))
    }

    async fn make(
        &self,
        folder: &Path,
        lock: Option<&Path>,
        interpreter: &Interpreter,
        held: &Held,
    ) -> Result<()> {
        let mut making =
            tool::command(&interpreter.path, &["-I", "-m", "venv", "--without-pip"].map(OsStr::new));
        making.arg(folder).stdin(held.share()?);
        tool::output(making, || format!("cannot make an environment from `{}`", interpreter.path.display()))
            .await
            .map_err(|fault| {
                fault.hint("Python's module `venv` is needed (Debian: `apt install python3-venv`)")
            })?;
        let python = folder.join("bin/python");
        if let Some(lock) = lock {
            self.install(&python, lock, interpreter, held).await.map_err(|fault| {
                fault.hint("installing needs the package registry once; `modelyard lock` makes the lock anew")
            })?;
        }
        let packages = installed::read(&site_packages(folder, interpreter))?;
        let identity = Identity {
            python: &interpreter.version,
            implementation: &interpreter.implementation,
            platform: &interpreter.platform,
            packages: &packages,
        };
        let facts = Facts {
            version: 1,
            digest: canonical::digest("modelyard python environment v1", &identity),
            interpreter: interpreter.clone(),
            stamp: Stamp::of(&interpreter.path),
            packages,
        };
        let cannot = || format!("cannot complete the environment `{}`", folder.display());
        let bytes = serde_json::to_vec_pretty(&facts).attempt(Kind::Environment, cannot)?;
        tool::replace(&folder.join(MARK), &bytes).attempt(Kind::Environment, cannot)
    }

    /// Installs what `lock` says, checked against its hashes; compiled, since steps may not write
    /// into an environment.
    async fn install(
        &self,
        python: &Path,
        lock: &Path,
        interpreter: &Interpreter,
        held: &Held,
    ) -> Result<()> {
        let cannot = || format!("cannot install `{}`", lock.display());
        let mut installing;
        if let Some(uv) = self.uv().await {
            installing = tool::command(&uv[0], &[]);
            installing.args(&uv[1..]).args([
                "pip",
                "sync",
                "--quiet",
                "--require-hashes",
                "--compile-bytecode",
            ]);
            installing.arg("--python").arg(python).arg(lock);
        } else {
            let pip = self.pip(interpreter).await?;
            installing = tool::command(python, &[]);
            installing.arg(pip).args([
                "install",
                "--quiet",
                "--require-hashes",
                "--no-deps",
                "--ignore-installed",
            ]);
            installing.arg("--requirement").arg(lock);
        }
        installing.stdin(held.share()?);
        tool::output(installing, cannot).await.map(drop)
    }

    /// Unpacks the wheels of `lock` below `folder` without installing anything: those for
    /// `version` of Python and the platform that the tools' own flags name.
    pub(crate) async fn unpack_wheels(
        &self,
        interpreter: &Interpreter,
        lock: &Path,
        folder: &Path,
        version: &str,
        with_uv: &[String],
        with_pip: &[String],
    ) -> Result<()> {
        let mut unpacking;
        if let Some(uv) = self.uv().await {
            unpacking = tool::command(&uv[0], &[]);
            unpacking.args(&uv[1..]).args(["pip", "install", "--no-python-downloads", "--python"]);
            unpacking.arg(&interpreter.path).args(with_uv);
        } else {
            let pip = self.pip(interpreter).await?;
            unpacking = tool::command(&interpreter.path, &[]);
            unpacking.arg(pip).args(["install", "--no-compile"]).args(with_pip);
        }
        unpacking.args(["--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]);
        unpacking.args(["--python-version", version, "--target"]).arg(folder);
        unpacking.arg("--requirement").arg(lock);
        tool::output(unpacking, || format!("cannot unpack wheels below `{}`", folder.display()))
            .await
            .map(drop)
    }

    /// Where pip lies, to be run by any environment of `interpreter`: its environment is never
    /// the one installed into.
    pub(super) async fn pip(&self, interpreter: &Interpreter) -> Result<PathBuf> {
        let folders = self.cache.join("tools");
        let key = canonical::digest("modelyard pip v1", interpreter);
        let folder = folders.join(format!("pip-{}", &key.to_string()[..32]));
        let pip = site_packages(&folder, interpreter).join("pip");
        let mark = folder.join(MARK);
        let unwritable = || format!("cannot install pip in `{}`", folders.display());
        std::fs::create_dir_all(&folders).attempt(Kind::Environment, unwritable)?;
        let held = hold(folder.with_extension("lock")).await.attempt(Kind::Environment, unwritable)?;
        if mark.exists() {
            return Ok(pip);
        }
        let mut making = tool::command(&interpreter.path, &["-I", "-m", "venv", "--clear"].map(OsStr::new));
        making.arg(&folder).stdin(held.share()?);
        tool::output(making, unwritable).await.map_err(|fault| {
            fault.hint("install uv (`pip install uv`), or pip (Debian: `apt install python3-venv`)")
        })?;
        tool::replace(&mark, b"{}").attempt(Kind::Environment, unwritable)?;
        Ok(pip)
    }
}

/// The environment in `folder`, if it is complete and its interpreter is still the same.
fn complete(folder: &Path) -> Option<Environment> {
    let facts: Facts = serde_json::from_slice(&std::fs::read(folder.join(MARK)).ok()?).ok()?;
    if facts.version != 1 || facts.stamp.is_none() || Stamp::of(&facts.interpreter.path) != facts.stamp {
        return None;
    }
    let interpreter = facts.interpreter;
    let mut read = vec![folder.to_owned()];
    // An interpreter of `/` needs nothing that is not read anyway.
    read.extend(Some(interpreter.base_prefix.clone()).filter(|prefix| prefix.parent().is_some()));
    if let Ok(real) = std::fs::canonicalize(&interpreter.path)
        && !real.starts_with(&interpreter.base_prefix)
    {
        read.push(real);
    }
    Some(Environment {
        folder: folder.to_owned(),
        python: folder.join("bin/python"),
        digest: facts.digest,
        version: interpreter.version,
        packages: facts.packages.into_iter().map(|package| (package.name, package.version)).collect(),
        read,
    })
}

fn site_packages(folder: &Path, interpreter: &Interpreter) -> PathBuf {
    let (major, minor) = interpreter.minor();
    let name = if interpreter.implementation == "pypy" { "pypy" } else { "python" };
    folder.join("lib").join(format!("{name}{major}.{minor}")).join("site-packages")
}

/// A lock file that is held until dropped; the kernel frees it when this process dies.
pub(crate) struct Held(File);

impl Held {
    /// The lock as a tool's (empty) input. So it stays held as long as the tool runs, even if this
    /// program is killed: nobody else begins in the same folder meanwhile.
    fn share(&self) -> Result<Stdio> {
        let shared = self.0.try_clone();
        shared.map(Stdio::from).attempt(Kind::Environment, || "cannot share a lock".to_owned())
    }
}

/// Waits until nobody else holds the lock file at `path`.
pub(crate) async fn hold(path: PathBuf) -> std::io::Result<Held> {
    let file = File::options().create(true).read(true).append(true).open(path)?;
    if file.try_lock().is_ok() {
        return Ok(Held(file));
    }
    let waiting = tokio::task::spawn_blocking(move || file.lock().map(|()| Held(file)));
    waiting.await.map_err(std::io::Error::other)?
}
