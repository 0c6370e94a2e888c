//! Locking requirements: exact versions with the hashes of their files.

use std::ffi::OsStr;
use std::path::Path;

use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use serde::Deserialize;

use super::requirements::{Requirements, Serves, belongs, lock_text};
use super::{Interpreter, Note, Python, tool};
use crate::temporary::PrivateTmp;

/// What [`Python::lock`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locked {
    /// The lock belonged to the requirements already.
    Unchanged,
    /// There was none.
    Made,
    /// The requirements had changed, or newer versions were wanted.
    Renewed,
}

impl Python {
    /// Makes `lock` from `requirements` where it is missing, does not belong to them or
    /// does not serve the interpreter's version; with
    /// `upgrade` in any case, to the newest versions that the requirements allow. Versions that a
    /// former lock held are kept where they can be.
    ///
    /// uv locks for every platform and later Python, pip for this machine alone. A lock names no
    /// index, so one other than the default belongs into the tools' own configuration.
    ///
    /// # Errors
    /// [`Kind::Environment`] if the requirements can't be read or resolved, with the resolver's
    /// own words as cause; [`Kind::Store`] if the lock can't be written.
    pub async fn lock(
        &self,
        interpreter: &Interpreter,
        requirements: &Path,
        lock: &Path,
        upgrade: bool,
        note: Note<'_>,
    ) -> Result<Locked> {
        let wanted = Requirements::read(requirements)?;
        let former = std::fs::read_to_string(lock).ok();
        let matches = former.as_deref().is_some_and(|lock| belongs(lock, &wanted, interpreter.minor()));
        if matches && !upgrade {
            return Ok(Locked::Unchanged);
        }
        if !wanted.is_empty() {
            note(&format!("resolving {}", name_of(requirements)));
        }
        let (serves, body) = if wanted.is_empty() {
            (Serves::From((0, 0)), String::new())
        } else if let Some(uv) = self.uv().await {
            let preferred = former.as_deref().filter(|_| !upgrade);
            resolve_with_uv(&uv, interpreter, requirements, preferred).await?
        } else {
            let body = self.resolve_with_pip(interpreter, requirements).await?;
            (Serves::Only(interpreter.minor()), body)
        };
        let text = lock_text(&wanted, serves, &body);
        let outcome = match &former {
            Some(former) if *former == text => return Ok(Locked::Unchanged),
            Some(_) => Locked::Renewed,
            None => Locked::Made,
        };
        tool::replace(lock, text.as_bytes())
            .attempt(Kind::Store, || format!("cannot write `{}`", lock.display()))?;
        Ok(outcome)
    }

    async fn resolve_with_pip(&self, interpreter: &Interpreter, requirements: &Path) -> Result<String> {
        let pip = self.pip(interpreter).await?;
        let mut resolving = tool::command(&interpreter.path, &[]);
        resolving.arg(pip).args(["install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]);
        resolving.args([OsStr::new("--requirement"), requirements.as_os_str()]);
        let report = tool::output(resolving, || cannot_resolve(requirements)).await.map_err(advise)?;
        let report: Report = serde_json::from_str(&report).attempt(Kind::Environment, || {
            format!("cannot read what pip resolved of `{}`", requirements.display())
        })?;
        let mut lines: Vec<_> = report.install.into_iter().filter_map(Resolved::line).collect();
        lines.sort();
        Ok(lines.concat())
    }
}

async fn resolve_with_uv(
    uv: &[std::ffi::OsString],
    interpreter: &Interpreter,
    requirements: &Path,
    preferred: Option<&str>,
) -> Result<(Serves, String)> {
    let folder = PrivateTmp::new()?;
    let out = folder.path().join("requirements.lock");
    if let Some(preferred) = preferred {
        std::fs::write(&out, preferred)
            .attempt(Kind::Store, || format!("cannot write `{}`", out.display()))?;
    }
    let (major, minor) = interpreter.minor();
    let resolving = |everywhere: bool| {
        let mut resolving = tool::command(&uv[0], &[]);
        resolving.args(&uv[1..]).args([
            "pip",
            "compile",
            "--quiet",
            "--generate-hashes",
            "--no-python-downloads",
        ]);
        resolving.args(["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]);
        resolving.arg("--python").arg(&interpreter.path);
        if everywhere {
            resolving.args(["--universal", "--python-version"]).arg(format!("{major}.{minor}"));
        }
        resolving.arg("--output-file").arg(&out).arg(requirements);
        tool::output(resolving, || cannot_resolve(requirements))
    };
    let mut serves = Serves::From(interpreter.minor());
    if resolving(true).await.is_err() {
        // What can't be had on some other platform may still be had here; and if not, what is
        // said of this machine is easier to understand.
        resolving(false).await.map_err(advise)?;
        serves = Serves::Only(interpreter.minor());
    }
    let text = std::fs::read_to_string(&out).attempt(Kind::Environment, || cannot_resolve(requirements))?;
    let body = text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    Ok((serves, body))
}

/// A file's name, as a note shows it.
fn name_of(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()
}

fn cannot_resolve(requirements: &Path) -> String {
    format!("cannot resolve `{}`", requirements.display())
}

fn advise(fault: Fault) -> Fault {
    fault.hint("check names and versions there; resolving needs the package registry")
}

/// What pip reports of a resolution.
#[derive(Deserialize)]
struct Report {
    install: Vec<Resolved>,
}

#[derive(Deserialize)]
struct Resolved {
    download_info: Download,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Download {
    archive_info: Option<Archive>,
}

#[derive(Deserialize)]
struct Archive {
    /// Since pip 22.3.
    hashes: Option<std::collections::BTreeMap<String, String>>,
    /// `sha256=…`
    hash: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

impl Resolved {
    fn line(self) -> Option<String> {
        let archive = self.download_info.archive_info?;
        let sha256 = match archive.hashes.and_then(|mut hashes| hashes.remove("sha256")) {
            Some(sha256) => sha256,
            None => archive.hash?.strip_prefix("sha256=")?.to_owned(),
        };
        let name = super::installed::normalised(&self.metadata.name);
        Some(format!("{name}=={} \\\n    --hash=sha256:{sha256}\n", self.metadata.version))
    }
}
