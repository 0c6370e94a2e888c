//! The commit a run started from, asked of `git`; a project without Git has none.

use std::path::Path;
use std::process::{Command, Stdio};

use modelyard_core::fault::Attempt;
use modelyard_core::ports::BlobStore;
use modelyard_core::run::Commit;
use modelyard_core::{Fault, Kind, Result};

/// The commit checked out at `root` and the difference of tracked files to it, stored as a blob.
/// `None` without Git, outside a repository, or before the first commit.
///
/// # Errors
/// If the difference can't be stored.
pub(crate) async fn commit(blobs: &dyn BlobStore, root: &Path) -> Result<Option<Commit>> {
    let Some(id) = git(root, &["rev-parse", "--verify", "--quiet", "HEAD"]) else { return Ok(None) };
    let branch = git(root, &["symbolic-ref", "--quiet", "--short", "HEAD"]).map(text);
    let difference = match git(root, &["diff", "--no-ext-diff", "--no-color", "--binary", "HEAD", "--", "."])
    {
        Some(difference) if !difference.is_empty() => Some(blobs.put(&difference).await?),
        _ => None,
    };
    Ok(Some(Commit { id: text(id), branch, difference }))
}

/// The commit checked out at `root`.
pub(crate) fn head(root: &Path) -> Option<String> {
    git(root, &["rev-parse", "--verify", "--quiet", "HEAD"]).map(text)
}

/// Writes the folder `root` as it is in `commit`, of its repository, into the empty folder `place`.
///
/// # Errors
/// If there is no such commit, or Git or tar is missing.
pub(crate) fn checkout(root: &Path, commit: &str, place: &Path) -> Result<()> {
    let failed = || format!("cannot take the commit {commit} out of `{}`", root.display());
    let mut archive = Command::new("git");
    // Of a folder below the repository's root, what is below it.
    archive.arg("-C").arg(root).args(["archive", "--format=tar", &format!("{commit}:./")]);
    let archived = archive.stdin(Stdio::null()).output().attempt(Kind::Environment, failed)?;
    if !archived.status.success() {
        return Err(Fault::new(Kind::NotFound, failed()).detail("git", text(archived.stderr)));
    }
    let file = place.join(".archive.tar");
    std::fs::write(&file, archived.stdout).attempt(Kind::Store, failed)?;
    let mut unpack = Command::new("tar");
    unpack.arg("-xf").arg(&file).arg("-C").arg(place).stdin(Stdio::null());
    let unpacked = unpack.output().attempt(Kind::Environment, failed)?;
    if !unpacked.status.success() {
        return Err(Fault::new(Kind::Environment, failed()).detail("tar", text(unpacked.stderr)));
    }
    std::fs::remove_file(&file).attempt(Kind::Store, failed)
}

fn git(root: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let mut command = Command::new("git");
    command.arg("-C").arg(root).args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
    // Reading must not take the repository's locks from whoever works in it.
    let output = command.env("GIT_OPTIONAL_LOCKS", "0").output().ok()?;
    output.status.success().then_some(output.stdout)
}

fn text(output: Vec<u8>) -> String {
    String::from_utf8_lossy(&output).trim().to_owned()
}
