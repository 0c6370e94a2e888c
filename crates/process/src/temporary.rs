//! Short private folders for temporary files.

#![allow(unsafe_code)] // `mkdtemp` makes the folder with its name and mode in one step.

use std::ffi::{CString, OsStr};
use std::fs::{File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use modelyard_core::fault::Attempt;
use modelyard_core::{Kind, Result};

/// A folder `/tmp/my-XXXXXX` for this user alone, removed when dropped; what killed programs left,
/// [`PrivateTmp::sweep`] removes.
///
/// Short, because Python's `multiprocessing` puts sockets below `TMPDIR` and the kernel takes
/// 107 bytes of a socket's path.
#[derive(Debug)]
pub struct PrivateTmp {
    path: PathBuf,
    /// Locked as long as the folder is in use.
    _folder: File,
}

/// The mode of every such folder. Its sticky bit, which means nothing here, is set once the folder
/// is locked: one that has the bit and is not locked belongs to nobody.
const MODE: u32 = 0o1700;

impl PrivateTmp {
    /// # Errors
    /// [`Kind::Store`] if `/tmp` can't be written.
    pub fn new() -> Result<Self> {
        let cannot = || "cannot make a temporary folder in `/tmp`".to_owned();
        let mut template = CString::new("/tmp/my-XXXXXX").unwrap_or_default().into_bytes_with_nul();
        // SAFETY: a writable, terminated template that lives across the call.
        let made = unsafe { libc::mkdtemp(template.as_mut_ptr().cast()) };
        if made.is_null() {
            return Err(std::io::Error::last_os_error()).attempt(Kind::Store, cannot);
        }
        template.pop();
        let path = PathBuf::from(OsStr::from_bytes(&template));
        let folder = File::open(&path).attempt(Kind::Store, cannot)?;
        let mode = Permissions::from_mode(MODE);
        folder.lock().and_then(|()| folder.set_permissions(mode)).attempt(Kind::Store, cannot)?;
        Ok(Self { path, _folder: folder })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what killed programs left.
    pub fn sweep() {
        let Ok(entries) = std::fs::read_dir("/tmp") else { return };
        for entry in entries.flatten() {
            let path = entry.path();
            let named = entry.file_name().len() == 9 && entry.file_name().as_bytes().starts_with(b"my-");
            let ours =
                named && entry.metadata().is_ok_and(|found| found.is_dir() && found.mode() & 0o7777 == MODE);
            if ours && File::open(&path).is_ok_and(|folder| folder.try_lock().is_ok()) {
                let _ = remove_folder(&path);
            }
        }
    }
}

impl Drop for PrivateTmp {
    fn drop(&mut self) {
        // What is left is swept by a later program.
        let _ = remove_folder(&self.path);
    }
}

/// Removes `folder` and all that a command left in it, folders without permissions too: they are the
/// user's own, so they can be unlocked.
///
/// # Errors
/// If something of it can't be removed even so.
pub fn remove_folder(folder: &Path) -> std::io::Result<()> {
    if std::fs::remove_dir_all(folder).is_ok() {
        return Ok(());
    }
    unlock(folder);
    std::fs::remove_dir_all(folder)
}

fn unlock(folder: &Path) {
    let _ = std::fs::set_permissions(folder, Permissions::from_mode(0o700));
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            unlock(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_short_and_gone_afterwards() {
        let folder = PrivateTmp::new().unwrap();
        let path = folder.path().to_owned();
        assert_eq!(path.as_os_str().len(), "/tmp/my-XXXXXX".len());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::create_dir_all(path.join("a/b")).unwrap();
        std::fs::set_permissions(path.join("a"), Permissions::from_mode(0o000)).unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_program_left_is_swept_and_nothing_else() {
        let used = PrivateTmp::new().unwrap();
        let left = PrivateTmp::new().unwrap();
        let path = left.path().to_owned();
        // The program is gone, and its locks with it.
        left._folder.unlock().unwrap();
        PrivateTmp::sweep();
        assert!(!path.exists());
        assert!(used.path().exists());
    }
}
