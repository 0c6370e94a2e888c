//! Which files a source stands for, and their digests.

use std::io::Read;
use std::path::{Path, PathBuf};

use modelyard_core::config::Source;
use modelyard_core::data::SourceFile;
use modelyard_core::fault::Attempt;
use modelyard_core::{Digest, Fault, Kind, Result};

use super::{absolute, open, shown};
use crate::names;

/// A file of a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceFilePath {
    /// As states and messages name it: relative to the project where it lies in it, `/` between
    /// the parts.
    pub relative: String,
    pub absolute: PathBuf,
}

/// The files that `source` stands for, sorted by name. `root` is the project's folder.
///
/// # Errors
/// No such file, a folder, a glob that is none or matches nothing.
pub fn resolve(root: &Path, source: &Source) -> Result<Vec<SourceFilePath>> {
    let path = absolute(root, &source.path);
    if path.is_file() {
        let relative = shown(root, &path);
        return Ok(vec![SourceFilePath { relative, absolute: path }]);
    }
    if path.is_dir() {
        return Err(Fault::new(Kind::Data, format!("source `{}` is a folder", source.path))
            .hint(format!("name the files in it: `{}/*.csv`", source.path.trim_end_matches('/'))));
    }
    if !source.path.contains(['*', '?', '[']) {
        return Err(not_found(root, &source.path, &path));
    }
    // The project's own path may hold characters that mean something in a glob.
    let pattern = if Path::new(&source.path).is_absolute() {
        source.path.clone()
    } else {
        format!("{}/{}", glob::Pattern::escape(&root.to_string_lossy()), source.path)
    };
    let matches = glob::glob(&pattern)
        .attempt(Kind::Config, || format!("cannot understand the glob `{}`", source.path))?;
    let mut files = Vec::new();
    for found in matches {
        let found = found.attempt(Kind::Data, || format!("cannot look for `{}`", source.path))?;
        if found.is_file() {
            files.push(SourceFilePath { relative: shown(root, &found), absolute: found });
        }
    }
    if files.is_empty() {
        return Err(Fault::new(Kind::Data, format!("no file matches `{}`", source.path))
            .hint("paths are relative to the folder of `modelyard.toml`"));
    }
    files.sort();
    Ok(files)
}

/// The files that `source` stands for, with digest and size: what a data version depends on.
///
/// # Errors
/// As [`resolve`], or a file that can't be read.
pub fn fingerprint(root: &Path, source: &Source) -> Result<Vec<SourceFile>> {
    resolve(root, source)?.iter().map(digest).collect()
}

pub(super) fn digest(file: &SourceFilePath) -> Result<SourceFile> {
    let mut reader = open(file)?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 16];
    let mut size_bytes = 0;
    loop {
        let count =
            reader.read(&mut buffer).attempt(Kind::Data, || format!("cannot read `{}`", file.relative))?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        size_bytes += count as u64;
    }
    let digest = Digest::from_bytes(*hasher.finalize().as_bytes());
    Ok(SourceFile { path: file.relative.clone(), digest, size_bytes })
}

fn not_found(root: &Path, configured: &str, path: &Path) -> Fault {
    let fault = Fault::new(Kind::Data, format!("there is no file `{configured}`"));
    let neighbours: Vec<String> = path
        .parent()
        .and_then(|folder| std::fs::read_dir(folder).ok())
        .map(|entries| entries.flatten().map(|entry| shown(root, &entry.path())).collect())
        .unwrap_or_default();
    let known: Vec<&str> = neighbours.iter().map(String::as_str).collect();
    match names::nearest(configured, &known) {
        Some(near) => fault.hint(format!("did you mean `{near}`?")),
        None => fault.hint("paths are relative to the folder of `modelyard.toml`"),
    }
}
