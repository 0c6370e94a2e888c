//! Named locks: `flock` on a file, which the kernel frees whatever becomes of the holder.
//!
//! The file is removed when the lock is given back, so that a lock an action does not fill the
//! folder; whoever waited on the removed file notices and starts over with the new one.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use modelyard_core::ports::{LockGuard, Locks};
use modelyard_core::{Digest, Result};

use super::{blocking, leads_to};
use crate::faults;

pub(super) struct FileLocks {
    folder: PathBuf,
    home: Arc<File>,
}

/// The open file holds the lock.
struct Held {
    path: PathBuf,
    _file: File,
    _home: Arc<File>,
}

impl LockGuard for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        // While it is still locked: nobody can have taken it over yet.
        let _ = fs::remove_file(&self.path);
    }
}

impl FileLocks {
    pub(super) fn new(folder: PathBuf, home: Arc<File>) -> Self {
        Self { folder, home }
    }

    /// Any name as a file's name: its readable beginning, and a digest that tells it from others.
    fn path(&self, name: &str) -> PathBuf {
        let readable: String =
            name.chars().take(40).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let digest = Digest::of(name.as_bytes()).to_string();
        self.folder.join(format!("{readable}-{}", &digest[..32]))
    }
}

#[async_trait]
impl Locks for FileLocks {
    async fn lock(&self, name: &str) -> Result<Box<dyn LockGuard>> {
        // Asking again and again rather than waiting in `flock`: a thread that waits there could
        // not be called off. Short at first, since most locks are held for a moment.
        let mut pause = Duration::from_millis(1);
        loop {
            if let Some(guard) = self.try_lock(name).await? {
                return Ok(guard);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(32));
        }
    }

    async fn try_lock(&self, name: &str) -> Result<Option<Box<dyn LockGuard>>> {
        let path = self.path(name);
        let home = Arc::clone(&self.home);
        let name = name.to_owned();
        blocking(move || {
            let fault =
                |error| faults::file(format!("cannot take the lock `{name}` at `{}`", path.display()), error);
            loop {
                let file =
                    File::options().create(true).truncate(false).write(true).open(&path).map_err(fault)?;
                match file.try_lock() {
                    Ok(()) if leads_to(&path, &file).map_err(fault)? => {
                        return Ok(Some(Box::new(Held { path, _file: file, _home: home }) as _));
                    }
                    // Removed between opening and locking.
                    Ok(()) => {}
                    Err(TryLockError::WouldBlock) => return Ok(None),
                    Err(TryLockError::Error(error)) => return Err(fault(error)),
                }
            }
        })
        .await
    }

    async fn is_held(&self, name: &str) -> Result<bool> {
        let path = self.path(name);
        let name = name.to_owned();
        blocking(move || {
            let fault = |error| {
                faults::file(format!("cannot look at the lock `{name}` at `{}`", path.display()), error)
            };
            // Not made: it is there while somebody holds it, or where its holder was killed.
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(fault(error)),
            };
            match file.try_lock_shared() {
                Ok(()) => Ok(false),
                Err(TryLockError::WouldBlock) => Ok(true),
                Err(TryLockError::Error(error)) => Err(fault(error)),
            }
        })
        .await
    }
}
