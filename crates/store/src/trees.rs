//! Folders as trees: which files one has, and writing them out again. Both kinds of home use it.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use modelyard_core::tree::{Tree, is_tree_path};
use modelyard_core::{Digest, Fault, Kind, Result};

use crate::faults;

/// A file of a folder.
pub(crate) struct Found {
    /// As it stands in the tree.
    pub(crate) path: String,
    /// Where to read it: links are already followed.
    pub(crate) place: PathBuf,
    pub(crate) executable: bool,
}

/// The files below `folder`, sorted by path. A link counts as the file it leads to.
///
/// # Errors
/// [`Kind::Conflict`] if a link leads out of the folder, to a folder, or nowhere; if something is
/// neither file nor folder; if a name is not UTF-8 or holds a backslash. [`Kind::Store`] if the folder
/// can't be read.
pub(crate) fn walk(folder: &Path) -> Result<Vec<Found>> {
    let root = fs::canonicalize(folder).map_err(|error| unreadable(folder, error))?;
    let mut files = Vec::new();
    visit(&root, &root, "", &mut files)?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn visit(root: &Path, folder: &Path, prefix: &str, files: &mut Vec<Found>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|error| unreadable(folder, error))? {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        let place = entry.path();
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_tree_path(name)) else {
            return Err(Fault::new(
                Kind::Conflict,
                format!("cannot store `{}`: its name is not UTF-8, or holds a backslash", place.display()),
            )
            .hint("rename the file"));
        };
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(|error| unreadable(&place, error))?;
        if kind.is_dir() {
            visit(root, &place, &format!("{path}/"), files)?;
            continue;
        }
        let place = if kind.is_symlink() { followed(root, &place)? } else { place };
        let facts = fs::metadata(&place).map_err(|error| unreadable(&place, error))?;
        if !facts.is_file() {
            return Err(Fault::new(
                Kind::Conflict,
                format!("cannot store `{path}` of `{}`: it is neither a file nor a folder", root.display()),
            )
            .hint("write ordinary files there; no pipes, sockets, devices or links to folders"));
        }
        files.push(Found { path, place, executable: facts.mode() & 0o100 != 0 });
    }
    Ok(())
}

/// What the link at `link` leads to, if that lies below `root`.
fn followed(root: &Path, link: &Path) -> Result<PathBuf> {
    let target = fs::canonicalize(link).map_err(|error| {
        Fault::new(Kind::Conflict, format!("cannot follow the link `{}`", link.display()))
            .because(error)
            .hint("remove the link, or put the file itself in its place")
    })?;
    if !target.starts_with(root) {
        return Err(Fault::new(
            Kind::Conflict,
            format!("cannot store `{}`: the link leads out of its folder", link.display()),
        )
        .detail("leads to", target.display().to_string())
        .hint("put the file itself in its place"));
    }
    Ok(target)
}

/// Opens the ordinary file at `path` for reading; a link is followed.
pub(crate) fn open_file(path: &Path) -> Result<File> {
    // Asked first: opening a pipe would wait for its writer.
    let facts = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if !facts.is_file() {
        return Err(Fault::new(Kind::Store, format!("cannot store `{}`: it is no file", path.display())));
    }
    File::open(path).map_err(|error| unreadable(path, error))
}

/// Opens a new file at `path` for writing.
pub(crate) fn new_file(path: &Path, executable: bool) -> Result<File> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(if executable { 0o777 } else { 0o666 })
        .open(path)
        .map_err(|error| faults::outside(format!("cannot make the file `{}`", path.display()), error))
}

/// Hands each file of `tree` to `write` with its place below `folder`, whose folders are made.
/// If that fails, a folder that was not there before is removed again.
pub(crate) fn write_out(
    tree: &Tree,
    folder: &Path,
    write: impl FnMut(Digest, &Path, bool) -> Result<()>,
) -> Result<()> {
    let is_new = !folder.exists();
    let written = write_files(tree, folder, write);
    if written.is_err() && is_new {
        let _ = fs::remove_dir_all(folder);
    }
    written
}

fn write_files(
    tree: &Tree,
    folder: &Path,
    mut write: impl FnMut(Digest, &Path, bool) -> Result<()>,
) -> Result<()> {
    let make = |folder: &Path| {
        fs::create_dir_all(folder)
            .map_err(|error| faults::outside(format!("cannot make the folder `{}`", folder.display()), error))
    };
    make(folder)?;
    let mut made = folder.to_owned();
    for file in &tree.files {
        let place = folder.join(&file.path);
        if let Some(parent) = place.parent().filter(|parent| *parent != made) {
            make(parent)?;
            made = parent.to_owned();
        }
        write(file.digest, &place, file.executable)?;
    }
    Ok(())
}

/// The tree that the blob `digest` holds.
pub(crate) fn parse(digest: Digest, bytes: &[u8]) -> Result<Tree> {
    let no_tree = || Fault::new(Kind::Store, format!("blob `{digest}` is no tree"));
    let tree: Tree = serde_json::from_slice(bytes).map_err(|error| no_tree().because(error))?;
    if tree.version != 1 {
        return Err(no_tree()
            .because(format!("it has version {}, this program knows version 1", tree.version))
            .hint("use the newer program that wrote it"));
    }
    // Whatever wrote it, nothing is ever written outside the folder that was asked for.
    if let Some(file) = tree.files.iter().find(|file| !is_tree_path(&file.path)) {
        return Err(no_tree().because(format!("`{}` is no path of a tree", file.path.escape_debug())));
    }
    if !tree.files.is_sorted_by(|a, b| a.path < b.path) {
        return Err(no_tree().because("its paths are not sorted, or not distinct"));
    }
    Ok(tree)
}

fn unreadable(path: &Path, error: io::Error) -> Fault {
    faults::outside(format!("cannot read `{}`", path.display()), error)
}
