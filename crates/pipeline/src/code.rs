//! Declared code: files, folders and globs of a project, as a tree.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use modelyard_core::fault::Attempt;
use modelyard_core::ports::BlobStore;
use modelyard_core::tree::{Tree, TreeFile, is_tree_path};
use modelyard_core::{Fault, Kind, Result};

/// Stores the files that `patterns` name below `root`, with their relative paths; answers the tree,
/// which is stored too. Byte code and hidden files are left out unless named themselves.
///
/// # Errors
/// If a pattern matches nothing or leads out of the project, or a file can't be read.
pub async fn collect_code(blobs: &dyn BlobStore, root: &Path, patterns: &[String]) -> Result<Tree> {
    let mut files = BTreeMap::new();
    for pattern in patterns {
        for path in matches(root, pattern)? {
            gather(root, &path, &mut files)?;
        }
    }
    let mut stored = Vec::with_capacity(files.len());
    for (path, file) in files {
        let failed = || format!("cannot read the declared code file `{path}`");
        let bytes = std::fs::read(&file).attempt(Kind::Config, failed)?;
        stored.push(TreeFile {
            digest: blobs.put(&bytes).await?,
            size_bytes: bytes.len() as u64,
            executable: is_executable(&file),
            path,
        });
    }
    let tree = Tree::new(stored);
    blobs.put(&tree.bytes()).await?;
    Ok(tree)
}

fn matches(root: &Path, pattern: &str) -> Result<Vec<PathBuf>> {
    let clean = pattern.trim_start_matches("./").trim_end_matches('/');
    if clean != "." && !is_tree_path(clean) {
        return Err(Fault::new(Kind::Config, format!("the code path `{pattern}` leads out of the project"))
            .hint("copy the files into the project, or install them as a package"));
    }
    let full = format!("{}/{clean}", glob::Pattern::escape(&root.to_string_lossy()));
    let found = glob::glob(&full).attempt(Kind::Config, || format!("cannot read the glob `{pattern}`"))?;
    let mut paths: Vec<_> = found.flatten().collect();
    paths.sort();
    if paths.is_empty() {
        return Err(Fault::new(Kind::Config, format!("the code path `{pattern}` matches no file"))
            .hint("paths are relative to the folder of modelyard.toml"));
    }
    Ok(paths)
}

/// Adds the file `path`, or the files below the folder `path`, by their paths relative to `root`.
fn gather(root: &Path, path: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let failed = || format!("cannot read `{}`", path.display());
    if path.is_file() {
        let relative = path.strip_prefix(root).unwrap_or(path);
        let name = relative
            .to_str()
            .ok_or_else(|| Fault::new(Kind::Config, failed()).because("its name is not UTF-8"))?;
        files.insert(name.to_owned(), path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<_> =
        std::fs::read_dir(path).attempt(Kind::Config, failed)?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let skipped = name.starts_with('.') || name == "__pycache__" || name.ends_with(".pyc");
        if !skipped {
            gather(root, &entry, files)?;
        }
    }
    Ok(())
}

#[cfg(unix)]
pub(crate) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|found| found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
pub(crate) fn is_executable(_path: &Path) -> bool {
    false
}
