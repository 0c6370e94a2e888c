//! The commit a run started from, asked of `git`; a project without Git has none.

use std::path::Path;
use std::process::{Command, Stdio};

use modelyard_core::Result;
use modelyard_core::ports::BlobStore;
use modelyard_core::run::Commit;

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
