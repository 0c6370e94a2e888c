//! What is known of libraries seen before.

use std::io;
use std::path::{Path, PathBuf};

use modelyard_core::Digest;
use serde::{Deserialize, Serialize};

use super::OnnxLibrary;
use crate::python::{Stamp, replace};

/// Versions and digests by the state of a file, in the user's cache: losing it costs time alone.
pub(super) struct Known {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    version: String,
    digest: Digest,
}

impl Known {
    pub(super) fn in_cache(cache: &Path) -> Self {
        Self { folder: cache.join("onnxruntime/known") }
    }

    /// Version and digest of the file at `path`; `None` if it is no library of ONNX Runtime.
    pub(super) fn look(&self, path: &Path) -> io::Result<Option<OnnxLibrary>> {
        let real = std::fs::canonicalize(path)?;
        let memory = Stamp::of(&real).and_then(|stamp| {
            let key = Digest::of(&serde_json::to_vec(&stamp).ok()?);
            Some(self.folder.join(format!("{key}.json")))
        });
        let remembered = memory.as_ref().and_then(|memory| std::fs::read(memory).ok());
        if let Some(entry) = remembered.and_then(|bytes| serde_json::from_slice::<Entry>(&bytes).ok()) {
            return Ok(Some(OnnxLibrary { path: real, version: entry.version, digest: entry.digest }));
        }
        let bytes = std::fs::read(&real)?;
        let Some(version) = version(&bytes) else { return Ok(None) };
        let entry = Entry { version, digest: Digest::of(&bytes) };
        if let Some(memory) = memory
            && std::fs::create_dir_all(&self.folder).is_ok()
            && let Ok(bytes) = serde_json::to_vec(&entry)
        {
            let _ = replace(&memory, &bytes);
        }
        Ok(Some(OnnxLibrary { path: real, version: entry.version, digest: entry.digest }))
    }
}

/// The version that the library's symbols carry: `VERS_1.32.0` stands in its dynamic strings.
fn version(library: &[u8]) -> Option<String> {
    const MARK: &[u8] = b"VERS_";
    if !library.starts_with(b"\x7fELF") {
        return None;
    }
    // The dynamic strings are near the beginning; anything else that reads so comes later.
    let mut rest = library;
    while let Some(at) = rest.windows(MARK.len()).position(|window| window == MARK) {
        rest = &rest[at + MARK.len()..];
        let end = rest.iter().position(|byte| *byte == 0)?;
        if let Ok(text) = std::str::from_utf8(&rest[..end])
            && text.split('.').count() == 3
            && text.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
        {
            return Some(text.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_symbols() {
        assert_eq!(version(b"\x7fELF...\0VERS_X\0VERS_1.32.0\0GLIBC"), Some("1.32.0".to_owned()));
        assert_eq!(version(b"\x7fELF...\0VERS_1.2"), None);
        assert_eq!(version(b"VERS_1.32.0\0"), None);
    }
}
