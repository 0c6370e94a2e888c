//! A folder as content: the sorted list of its files.

use serde::{Deserialize, Serialize};

use crate::{Digest, canonical};

/// A folder's files. Empty folders, times, owners and modes other than *executable* are no part
/// of it; a symbolic link is stored as the file it points to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// Format version, 1.
    pub version: u32,
    /// Sorted by the bytes of `path`.
    pub files: Vec<TreeFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeFile {
    /// Relative, parts joined by `/`, none of them empty, `.` or `..`.
    pub path: String,
    pub digest: Digest,
    pub size_bytes: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

impl Tree {
    /// A tree of `files`, sorted; of two with one path the later is kept.
    pub fn new(files: impl IntoIterator<Item = TreeFile>) -> Self {
        let files: std::collections::BTreeMap<_, _> =
            files.into_iter().map(|file| (file.path.clone(), file)).collect();
        Self { version: 1, files: files.into_values().collect() }
    }

    /// Its canonical bytes; the blob of these bytes *is* the stored tree, so that the digest of
    /// a tree is the digest of that blob.
    pub fn bytes(&self) -> Vec<u8> {
        canonical::bytes(self)
    }

    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes())
    }

    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size_bytes).sum()
    }

    pub fn file(&self, path: &str) -> Option<&TreeFile> {
        let place = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        Some(&self.files[place])
    }
}

/// Whether `path` may stand in a tree: relative, without `..`, without an empty part.
pub fn is_tree_path(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\\')
        && !path.contains('\0')
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}
