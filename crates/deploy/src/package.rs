//! Package folders: sealing a new one, reading one with proof.
//!
//! A package proves itself without a home: `files.json` lists every other file with its digest, so
//! a changed, missing or added byte is noticed before anything of it is opened. The package's
//! digest is that of the tree of all its files, `files.json` included, which is what a store gives
//! the same folder. Only regular files count; a symbolic link is read as what it points to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use modelyard_core::fault::Attempt;
use modelyard_core::package::{FILES, GOLDEN, Golden, MANIFEST, Manifest, PROFILE, Package, TrainingProfile};
use modelyard_core::tree::{Tree, TreeFile, is_tree_path};
use modelyard_core::{Digest, Fault, Kind, Result, canonical};

/// Writes the documents of a package beside its other files, then seals it: nothing in the folder
/// may change afterwards.
///
/// # Errors
/// If a file can't be written or read.
pub fn write(
    folder: &Path,
    manifest: &Manifest,
    golden: &Golden,
    profile: &TrainingProfile,
) -> Result<Package> {
    write_manifest(folder, manifest)?;
    put(folder, GOLDEN, &canonical::bytes(golden))?;
    put(folder, PROFILE, &canonical::bytes(profile))?;
    let tree = seal(folder)?;
    Ok(Package { folder: folder.to_owned(), manifest: manifest.clone(), golden: golden.clone(), tree })
}

/// Writes `manifest.json` alone: what a model needs to be asked before its golden rows are known.
///
/// # Errors
/// If the file can't be written.
pub fn write_manifest(folder: &Path, manifest: &Manifest) -> Result<()> {
    put(folder, MANIFEST, &canonical::bytes(manifest))
}

/// Lists every file of `folder` in its `files.json`; the tree returned includes that one.
///
/// # Errors
/// If the folder can't be read, a name is not UTF-8, or the list can't be written.
pub fn seal(folder: &Path) -> Result<Tree> {
    let listed = Tree::new(files(folder)?.into_iter().filter(|file| file.path != FILES));
    put(folder, FILES, &listed.bytes())?;
    let own = file(folder, FILES.to_owned())?;
    Ok(Tree::new(listed.files.into_iter().chain([own])))
}

/// Reads a package and checks every byte of it.
///
/// # Errors
/// If the folder is no package, of a later version, or a file was changed, added or removed: each
/// such file is named.
pub fn read(folder: &Path) -> Result<Package> {
    let tree = verify(folder)?;
    let manifest = Manifest::from_json(&get(folder, MANIFEST)?)?;
    let golden: Golden = serde_json::from_slice(&get(folder, GOLDEN)?)
        .attempt(Kind::Package, || format!("cannot read the package's `{GOLDEN}`"))?;
    if golden.rows.len() != golden.answers.len() {
        let (rows, answers) = (golden.rows.len(), golden.answers.len());
        let message = format!("the package's `{GOLDEN}` has {rows} rows and {answers} answers");
        return Err(Fault::new(Kind::Package, message));
    }
    Ok(Package { folder: folder.to_owned(), manifest, golden, tree })
}

/// Checks that `folder` holds exactly what its `files.json` lists, and answers the tree of it all.
///
/// # Errors
/// As [`read`].
pub fn verify(folder: &Path) -> Result<Tree> {
    let listed: Tree = serde_json::from_slice(&get(folder, FILES)?)
        .attempt(Kind::Package, || format!("cannot read the package's `{FILES}`"))?;
    if listed.version != 1 {
        let message =
            format!("the package's `{FILES}` has version {}, this program knows version 1", listed.version);
        return Err(Fault::new(Kind::Package, message).hint("use a newer modelyard"));
    }
    let found = Tree::new(files(folder)?);
    let mut differences = Vec::new();
    for wanted in &listed.files {
        match found.file(&wanted.path) {
            None => differences.push(format!("`{}` is missing", wanted.path)),
            Some(file) if (file.digest, file.size_bytes) != (wanted.digest, wanted.size_bytes) => {
                differences.push(format!("`{}` was changed", wanted.path))
            }
            Some(_) => {}
        }
    }
    let added = found.files.iter().filter(|file| file.path != FILES && listed.file(&file.path).is_none());
    differences.extend(added.map(|file| format!("`{}` was added", file.path)));
    if differences.is_empty() {
        // Modes are as sealed, whatever a copy made of them.
        return Ok(Tree::new(listed.files.into_iter().chain(found.file(FILES).cloned())));
    }
    let count = differences.len();
    differences.truncate(10);
    Err(Fault::new(
        Kind::Package,
        format!("the package `{}` is not what it was when it was made", folder.display()),
    )
    .detail(if count == 1 { "file".to_owned() } else { format!("{count} files") }, differences.join("\n"))
    .hint("fetch it again: modelyard models download NAME@VERSION FOLDER"))
}

/// All files below `folder`, unsorted.
fn files(folder: &Path) -> Result<Vec<TreeFile>> {
    let mut found = Vec::new();
    let mut waiting: Vec<(PathBuf, String)> = vec![(folder.to_owned(), String::new())];
    while let Some((path, prefix)) = waiting.pop() {
        let unreadable = || format!("cannot read the folder `{}`", path.display());
        for entry in fs::read_dir(&path).attempt(Kind::Package, unreadable)? {
            let entry = entry.attempt(Kind::Package, unreadable)?;
            let name = entry.file_name().into_string().unwrap_or_default();
            let relative = format!("{prefix}{name}");
            if !is_tree_path(&relative) {
                let message = format!("the name of `{}` can't stand in a package", entry.path().display());
                return Err(Fault::new(Kind::Package, message).hint("names are UTF-8 without a backslash"));
            }
            let kind =
                fs::metadata(entry.path()).attempt(Kind::Package, || format!("cannot read `{relative}`"))?;
            if kind.is_dir() {
                waiting.push((entry.path(), format!("{relative}/")));
            } else {
                found.push(file(folder, relative)?);
            }
        }
    }
    Ok(found)
}

fn file(folder: &Path, relative: String) -> Result<TreeFile> {
    let path = folder.join(&relative);
    let hash = || -> io::Result<TreeFile> {
        let mut hasher = blake3::Hasher::new();
        let mut opened = fs::File::open(&path)?;
        let executable = is_executable(&opened.metadata()?);
        let size_bytes = io::copy(&mut opened, &mut hasher)?;
        let digest = Digest::from_bytes(*hasher.finalize().as_bytes());
        Ok(TreeFile { path: relative.clone(), digest, size_bytes, executable })
    };
    hash().attempt(Kind::Package, || format!("cannot read `{}`", path.display()))
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    false
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    fs::write(folder.join(name), bytes)
        .attempt(Kind::Package, || format!("cannot write the package's `{name}`"))
}

fn get(folder: &Path, name: &str) -> Result<Vec<u8>> {
    fs::read(folder.join(name)).map_err(|error| {
        let fault = match error.kind() {
            io::ErrorKind::NotFound => {
                Fault::new(Kind::Package, format!("`{}` is no package: it has no `{name}`", folder.display()))
            }
            _ => Fault::new(Kind::Package, format!("cannot read the package's `{name}`")),
        };
        fault.because(error)
    })
}
