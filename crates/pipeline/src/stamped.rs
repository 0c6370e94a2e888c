//! Digests of files outside the home: sources, and what `sandbox.read` opens. A file whose size, times
//! and number are those of the last time is not read again.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use modelyard_core::fault::Attempt;
use modelyard_core::ports::{FileStamp, Home};
use modelyard_core::tree::{Tree, TreeFile};
use modelyard_core::{Clock, Digest, Fault, Kind, Result};

use crate::code::is_executable;

/// Files younger than this may change again within their time stamp's grain.
const SETTLED_NS: i64 = 2_000_000_000;

/// A file outside the home, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub digest: Digest,
    pub size_bytes: u64,
}

/// Each of `paths` as it is now; `what` they are in messages: `source`.
///
/// # Errors
/// [`Kind::Data`] if one can't be read, naming it.
pub async fn digest_files(
    home: &Home,
    clock: &dyn Clock,
    paths: &[PathBuf],
    what: &'static str,
) -> Result<Vec<Found>> {
    let mut found = Vec::with_capacity(paths.len());
    let mut read = Vec::new();
    for path in paths {
        let stamp = stamp(path, what)?;
        let digest = match home.stamps.get(&stamp).await? {
            Some(digest) => digest,
            None => {
                let digest = digest_of(path.clone(), what).await?;
                let settled = stamp.modified_ns.max(stamp.changed_ns) + SETTLED_NS;
                if settled < clock.now().micros().saturating_mul(1000) {
                    read.push((stamp.clone(), digest));
                }
                digest
            }
        };
        found.push(Found { digest, size_bytes: stamp.size_bytes });
    }
    // What can't be kept, in a home that can only be read, is read again the next time.
    let _ = home.stamps.put(&read).await;
    Ok(found)
}

/// The digest of all that a step may read at `path`: a file's bytes, or the tree of a folder, hidden
/// files included. A link counts as what it says: where it leads out of the folder the sandbox does
/// not follow it. Sockets, pipes and devices have no content to digest, and `home_folder`, where the
/// home lies, is no input: it changes with every run, and one that may read it is marked.
///
/// # Errors
/// [`Kind::Config`] if there is nothing, [`Kind::Data`] if something can't be read.
pub(crate) async fn digest_path(
    home: &Home,
    clock: &dyn Clock,
    path: &Path,
    home_folder: Option<&Path>,
) -> Result<Digest> {
    const WHAT: &str = "file of `sandbox.read`";
    if path.is_file() {
        return Ok(digest_files(home, clock, &[path.to_owned()], WHAT).await?[0].digest);
    }
    let real = std::fs::canonicalize(path).attempt(Kind::Config, || cannot_read(path, WHAT))?;
    let mut entries = Entries::default();
    if real.is_dir() {
        gather(&real, "", home_folder, &mut entries)?;
    }
    let found = digest_files(home, clock, &entries.paths, WHAT).await?;
    let mut tree = entries.links;
    for ((path, name), found) in entries.paths.iter().zip(entries.names).zip(found) {
        tree.push(TreeFile {
            path: name,
            digest: found.digest,
            size_bytes: found.size_bytes,
            executable: is_executable(path),
        });
    }
    Ok(Tree::new(tree).digest())
}

/// What lies below a folder.
#[derive(Default)]
struct Entries {
    paths: Vec<PathBuf>,
    /// Of `paths`, relative to the folder.
    names: Vec<String>,
    links: Vec<TreeFile>,
}

fn gather(folder: &Path, below: &str, except: Option<&Path>, entries: &mut Entries) -> Result<()> {
    if except == Some(folder) {
        return Ok(());
    }
    let failed = || format!("cannot read `{}` of `sandbox.read`", folder.display());
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).attempt(Kind::Data, failed)? {
        found.push(entry.attempt(Kind::Data, failed)?);
    }
    found.sort_by_key(std::fs::DirEntry::file_name);
    for entry in found {
        let kind = entry.file_type().attempt(Kind::Data, failed)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            return Err(Fault::new(Kind::Data, failed())
                .because(format!("the name of `{}` is not UTF-8", entry.path().display())));
        };
        let name = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        if kind.is_dir() {
            gather(&entry.path(), &name, except, entries)?;
        } else if kind.is_symlink() {
            let target = std::fs::read_link(entry.path()).attempt(Kind::Data, failed)?;
            let target = target.to_string_lossy();
            entries.links.push(TreeFile {
                path: name,
                digest: Digest::of(format!("link to {target}").as_bytes()),
                size_bytes: target.len() as u64,
                executable: false,
            });
        } else if kind.is_file() {
            entries.paths.push(entry.path());
            entries.names.push(name);
        }
    }
    Ok(())
}

fn stamp(path: &Path, what: &str) -> Result<FileStamp> {
    let found = path.metadata().attempt(Kind::Data, || cannot_read(path, what))?;
    Ok(FileStamp {
        path: path.to_string_lossy().into_owned(),
        size_bytes: found.len(),
        modified_ns: found.mtime().saturating_mul(1_000_000_000).saturating_add(found.mtime_nsec()),
        changed_ns: found.ctime().saturating_mul(1_000_000_000).saturating_add(found.ctime_nsec()),
        inode: found.ino(),
    })
}

async fn digest_of(path: PathBuf, what: &'static str) -> Result<Digest> {
    let message = cannot_read(&path, what);
    let read = tokio::task::spawn_blocking(move || Digest::of_reader(std::fs::File::open(path)?)).await;
    read.attempt(Kind::Internal, || message.clone())?.attempt(Kind::Data, || message.clone())
}

fn cannot_read(path: &Path, what: &str) -> String {
    format!("cannot read the {what} `{}`", path.display())
}
