//! Files being written: each open home has a folder of its own below `tmp/` and holds a lock on
//! it, so that whoever opens the home next can tell the remains of the dead.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use modelyard_core::{Clock, Result};

use super::leads_to;
use crate::faults;

/// Where one open home writes; its folder is made when the first file is.
pub(super) struct TempFolder {
    parent: PathBuf,
    clock: Arc<dyn Clock>,
    own: Mutex<Option<Own>>,
    next: AtomicU64,
}

struct Own {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

/// A file in the making: gone with its handle, unless it was renamed.
pub(super) struct TempFile {
    pub(super) path: PathBuf,
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // Already renamed, or left for the next sweep: neither is worth an error.
        let _ = fs::remove_file(&self.path);
    }
}

impl TempFolder {
    pub(super) fn new(parent: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { parent, clock, own: Mutex::new(None), next: AtomicU64::new(0) }
    }

    /// A new empty file and its handle for writing.
    pub(super) fn file(&self) -> Result<(TempFile, File)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.folder()?.join(number.to_string());
        let file = File::create_new(&path)
            .map_err(|error| faults::file(format!("cannot write `{}`", path.display()), error))?;
        Ok((TempFile { path }, file))
    }

    fn folder(&self) -> Result<PathBuf> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = &*own {
            return Ok(own.path.clone());
        }
        let made = self.make().map_err(|error| {
            faults::file(format!("cannot make a folder in `{}`", self.parent.display()), error)
        })?;
        Ok(own.insert(made).path.clone())
    }

    fn make(&self) -> io::Result<Own> {
        let id = self.clock.entropy();
        // A clock of a test may repeat itself, and a sweep may come between making and locking.
        for attempt in 0u64.. {
            let path = self.parent.join(format!("{id:032x}-{attempt}"));
            match fs::create_dir(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            }
            let lock = match File::open(&path) {
                Ok(lock) => lock,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            lock.lock()?;
            if leads_to(&path, &lock)? {
                return Ok(Own { path, _lock: lock });
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        let own = self.own.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = own {
            let _ = fs::remove_dir_all(&own.path);
        }
    }
}

/// Removes what dead processes left. What can't be removed now is tried at the next opening: it
/// costs space, no more.
pub(super) fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(lock) = File::open(&path) else { continue };
        if lock.try_lock().is_ok() && leads_to(&path, &lock).unwrap_or(false) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}
