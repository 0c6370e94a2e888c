//! Blob files: writing them whole, reading them verified. Everything here waits for the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::UNIX_EPOCH;

use modelyard_core::tree::{Tree, TreeFile};
use modelyard_core::{Clock, Digest, Result, Timestamp};

use super::temp::{TempFile, TempFolder};
use super::{Layout, sync_folder};
use crate::faults;
use crate::trees::{self, Found};

/// Files up to this size pass through memory, larger ones through [`CHUNK`]s of it.
const SMALL_BYTES: u64 = 1 << 20;
const CHUNK: usize = 256 << 10;
/// How many files are flushed at once.
const FLUSHES: usize = 8;

pub(super) struct Content {
    root: PathBuf,
    temp: TempFolder,
}

impl Content {
    /// The files in the folder `root`, which is on the home's own disk.
    pub(super) fn at(root: PathBuf, layout: &Layout, clock: Arc<dyn Clock>) -> Self {
        Self { root, temp: TempFolder::new(layout.temp(), clock) }
    }

    pub(super) fn put(&self, bytes: &[u8]) -> Result<Digest> {
        let mut batch = Batch::new(self);
        let digest = batch.add_bytes(bytes)?;
        batch.commit()?;
        Ok(digest)
    }

    pub(super) fn put_file(&self, path: &Path) -> Result<Digest> {
        let mut batch = Batch::new(self);
        let (digest, _) = batch.add_file(path)?;
        batch.commit()?;
        Ok(digest)
    }

    pub(super) fn put_folder(&self, path: &Path) -> Result<Tree> {
        let mut batch = Batch::new(self);
        let mut files = Vec::new();
        for Found { path, place, executable } in trees::walk(path)? {
            let (digest, size_bytes) = batch.add_file(&place)?;
            files.push(TreeFile { path, digest, size_bytes, executable });
        }
        batch.commit()?;
        // Only now: a tree that is there has its files.
        let tree = Tree::new(files);
        self.put(&tree.bytes())?;
        Ok(tree)
    }

    pub(super) fn get(&self, digest: Digest) -> Result<Option<Vec<u8>>> {
        let place = self.place(digest);
        match fs::read(&place) {
            Ok(bytes) if Digest::of(&bytes) == digest => Ok(Some(bytes)),
            Ok(_) => Err(faults::damaged(digest, &place)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(cannot_read(&place, error)),
        }
    }

    pub(super) fn contains(&self, digest: Digest) -> Result<bool> {
        let place = self.place(digest);
        place.try_exists().map_err(|error| cannot_read(&place, error))
    }

    /// Writes the blob to the new file `target`, which is removed again if that fails.
    pub(super) fn fetch(&self, digest: Digest, target: &Path, executable: bool) -> Result<()> {
        let place = self.place(digest);
        let mut blob = match File::open(&place) {
            Ok(blob) => blob,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(faults::missing(digest)),
            Err(error) => return Err(cannot_read(&place, error)),
        };
        let mut file = trees::new_file(target, executable)?;
        let written = copy_hashed(
            &mut blob,
            &mut file,
            |error| cannot_read(&place, error),
            |error| faults::outside(format!("cannot write `{}`", target.display()), error),
        )
        .and_then(|(found, _)| match found == digest {
            true => Ok(()),
            false => Err(faults::damaged(digest, &place)),
        });
        if written.is_err() {
            let _ = fs::remove_file(target);
        }
        written
    }

    pub(super) fn place(&self, digest: Digest) -> PathBuf {
        let name = digest.to_string();
        self.root.join(&name[..2]).join(&name[2..])
    }

    /// Whether the blob is what its name says, which reads it.
    pub(super) fn check(&self, digest: Digest) -> Result<bool> {
        let place = self.place(digest);
        let unreadable = |error| cannot_read(&place, error);
        let mut blob = File::open(&place).map_err(unreadable)?;
        let (found, _) = copy_hashed(&mut blob, &mut io::sink(), unreadable, unreadable)?;
        Ok(found == digest)
    }

    /// The files that were written before `before`, by their names.
    pub(super) fn written_before(&self, before: Timestamp) -> Result<Vec<Digest>> {
        let mut found = Vec::new();
        let unreadable = |place: &Path, error| cannot_read(place, error);
        if !self.root.is_dir() {
            return Ok(found);
        }
        for folder in fs::read_dir(&self.root).map_err(|error| unreadable(&self.root, error))? {
            let folder = folder.map_err(|error| unreadable(&self.root, error))?.path();
            for file in fs::read_dir(&folder).map_err(|error| unreadable(&folder, error))? {
                let file = file.map_err(|error| unreadable(&folder, error))?;
                let written = file.metadata().and_then(|metadata| metadata.modified());
                let written = written.map_err(|error| unreadable(&folder, error))?;
                let micros = written.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
                let name = (folder.file_name(), file.file_name());
                let (Some(start), end) = name else { continue };
                let digest = format!("{}{}", start.display(), end.display()).parse();
                // Whatever else lies there is none of ours.
                if let Ok(digest) = digest
                    && i64::try_from(micros).is_ok_and(|micros| micros < before.micros())
                {
                    found.push(digest);
                }
            }
        }
        Ok(found)
    }

    /// Removes a file; one that is not there is no error.
    pub(super) fn remove(&self, digest: Digest) -> Result<()> {
        let place = self.place(digest);
        match fs::remove_file(&place) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(faults::file(format!("cannot remove `{}`", place.display()), error))
            }
            _ => Ok(()),
        }
    }

    /// Whether the blob is there with the right size. One of another size is damaged, and what is
    /// put now takes its place.
    fn has(&self, digest: Digest, size_bytes: u64) -> bool {
        fs::metadata(self.place(digest)).is_ok_and(|found| found.len() == size_bytes)
    }
}

/// Blobs written together: all are flushed before the first gets its name.
struct Batch<'a> {
    content: &'a Content,
    written: BTreeMap<Digest, TempFile>,
}

impl<'a> Batch<'a> {
    fn new(content: &'a Content) -> Self {
        Self { content, written: BTreeMap::new() }
    }

    fn add_bytes(&mut self, bytes: &[u8]) -> Result<Digest> {
        let digest = Digest::of(bytes);
        if !self.knows(digest, bytes.len() as u64) {
            let (temp, mut file) = self.content.temp.file()?;
            file.write_all(bytes).map_err(|error| cannot_write(&temp, error))?;
            self.keep(digest, temp, &file)?;
        }
        Ok(digest)
    }

    /// Digest and size of what was read.
    fn add_file(&mut self, path: &Path) -> Result<(Digest, u64)> {
        let unreadable = |error| faults::outside(format!("cannot read `{}`", path.display()), error);
        let mut source = trees::open_file(path)?;
        if source.metadata().map_err(unreadable)?.len() <= SMALL_BYTES {
            let mut bytes = Vec::new();
            source.read_to_end(&mut bytes).map_err(unreadable)?;
            return Ok((self.add_bytes(&bytes)?, bytes.len() as u64));
        }
        // Reading a file twice costs less than writing it for nothing.
        let (digest, size_bytes) = copy_hashed(&mut source, &mut io::sink(), unreadable, unreadable)?;
        if self.knows(digest, size_bytes) {
            return Ok((digest, size_bytes));
        }
        source.rewind().map_err(unreadable)?;
        let (temp, mut file) = self.content.temp.file()?;
        // Hashed again: it may have changed in between, and the name must fit what was written.
        let (digest, size_bytes) =
            copy_hashed(&mut source, &mut file, unreadable, |error| cannot_write(&temp, error))?;
        self.keep(digest, temp, &file)?;
        Ok((digest, size_bytes))
    }

    fn knows(&self, digest: Digest, size_bytes: u64) -> bool {
        self.written.contains_key(&digest) || self.content.has(digest, size_bytes)
    }

    fn keep(&mut self, digest: Digest, temp: TempFile, file: &File) -> Result<()> {
        file.set_permissions(Permissions::from_mode(0o444)).map_err(|error| cannot_write(&temp, error))?;
        self.written.insert(digest, temp);
        Ok(())
    }

    /// Flushes what was written: several at once, since a disk takes little longer for eight than
    /// for one.
    fn flush(&self) -> Result<()> {
        let files: Vec<&TempFile> = self.written.values().collect();
        let flush = |files: &[&TempFile]| {
            files.iter().try_for_each(|temp| {
                File::open(&temp.path)
                    .and_then(|file| file.sync_all())
                    .map_err(|error| cannot_write(temp, error))
            })
        };
        let share = files.len().div_ceil(FLUSHES).max(1);
        thread::scope(|scope| {
            let mut shares = files.chunks(share);
            let own = shares.next().unwrap_or_default();
            let others: Vec<_> = shares.map(|share| scope.spawn(move || flush(share))).collect();
            let mut flushed = flush(own);
            for other in others {
                let other = other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                flushed = flushed.and(other);
            }
            flushed
        })
    }

    fn commit(self) -> Result<()> {
        if self.written.is_empty() {
            return Ok(());
        }
        self.flush()?;
        let mut folders = BTreeSet::new();
        for (digest, temp) in self.written {
            let place = self.content.place(digest);
            let folder = place.parent().unwrap_or(&self.content.root).to_owned();
            fs::create_dir_all(&folder).and_then(|()| fs::rename(&temp.path, &place)).map_err(|error| {
                faults::file(format!("cannot store a blob at `{}`", place.display()), error)
            })?;
            folders.insert(folder);
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))?;
        sync_folder(&self.content.root)
    }
}

/// Copies `from` to `to`; digest and length of what passed.
fn copy_hashed(
    from: &mut impl Read,
    to: &mut impl Write,
    unreadable: impl Fn(io::Error) -> modelyard_core::Fault,
    unwritable: impl Fn(io::Error) -> modelyard_core::Fault,
) -> Result<(Digest, u64)> {
    let mut hasher = blake3::Hasher::new();
    let mut size_bytes = 0;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match from.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(unreadable(error)),
        };
        hasher.update(&chunk[..read]);
        to.write_all(&chunk[..read]).map_err(&unwritable)?;
        size_bytes += read as u64;
    }
    Ok((Digest::from_bytes(*hasher.finalize().as_bytes()), size_bytes))
}

fn cannot_read(place: &Path, error: io::Error) -> modelyard_core::Fault {
    faults::file(format!("cannot read the blob `{}`", place.display()), error)
}

fn cannot_write(temp: &TempFile, error: io::Error) -> modelyard_core::Fault {
    faults::file(format!("cannot write `{}`", temp.path.display()), error)
}
