//! Short private folders for temporary files.

#![allow(unsafe_code)] // `mkdtemp` makes the folder with its name and mode in one step.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use modelyard_core::fault::Attempt;
use modelyard_core::{Kind, Result};

/// A folder `/tmp/my-XXXXXX` of mode 0700, removed when dropped.
///
/// Short, because Python's `multiprocessing` puts sockets below `TMPDIR` and the kernel takes
/// 107 bytes of a socket's path.
#[derive(Debug)]
pub struct PrivateTmp(PathBuf);

impl PrivateTmp {
    /// # Errors
    /// [`Kind::Store`] if `/tmp` can't be written.
    pub fn new() -> Result<Self> {
        let mut template = CString::new("/tmp/my-XXXXXX").unwrap_or_default().into_bytes_with_nul();
        // SAFETY: a writable, terminated template that lives across the call.
        let made = unsafe { libc::mkdtemp(template.as_mut_ptr().cast()) };
        if made.is_null() {
            return Err(std::io::Error::last_os_error())
                .attempt(Kind::Store, || "cannot make a temporary folder in `/tmp`".to_owned());
        }
        template.pop();
        Ok(Self(PathBuf::from(OsStr::from_bytes(&template))))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for PrivateTmp {
    fn drop(&mut self) {
        if std::fs::remove_dir_all(&self.0).is_err() {
            // A command may have locked folders; they are the user's own, so they can be unlocked.
            unlock(&self.0);
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn unlock(folder: &Path) {
    let _ = std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700));
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
        std::fs::set_permissions(path.join("a"), std::fs::Permissions::from_mode(0o000)).unwrap();
        drop(folder);
        assert!(!path.exists());
    }
}
