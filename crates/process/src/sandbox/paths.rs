//! The paths of the system that every command may open.

use std::path::{Path, PathBuf};

/// Readable and executable. `/sbin` and `/lib64` are links on most systems; what does not exist
/// is left out.
pub const SYSTEM: [&str; 9] = ["/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/etc", "/proc", "/sys"];

/// Readable and writable.
pub(super) const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Shared memory; `multiprocessing` and joblib need it.
pub(super) const SHARED_MEMORY: &str = "/dev/shm";

/// The nodes of graphics processors: what of `/dev` begins so. Read, written and controlled.
const GPU_PREFIXES: [&str; 4] = ["nvidia", "dri", "kfd", "dxg"];

/// The nodes of graphics processors that this machine has.
pub(super) fn gpu_devices() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir("/dev") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok())
        .filter(|entry| {
            let name = entry.file_name();
            GPU_PREFIXES.iter().any(|prefix| name.to_string_lossy().starts_with(prefix))
        })
        .map(|entry| entry.path())
        .collect()
}

/// Where name servers are written down: `/etc/resolv.conf` is often a link to below `/run`.
pub(super) fn resolver() -> Option<PathBuf> {
    std::fs::canonicalize("/etc/resolv.conf").ok()
}

/// The path of [`SYSTEM`] that makes `path` readable to every command, if one does. A project
/// that lies there can't be sealed.
///
/// `path` need not exist; links are followed as far as it does.
pub fn below_system(path: &Path) -> Option<&'static Path> {
    let path = resolve(path);
    SYSTEM
        .iter()
        .map(Path::new)
        .find(|system| std::fs::canonicalize(system).is_ok_and(|system| path.starts_with(system)))
}

/// `path` with the links of its longest existing part followed.
fn resolve(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let Ok(real) = std::fs::canonicalize(ancestor) {
            return match path.strip_prefix(ancestor) {
                Ok(rest) => real.join(rest),
                Err(_) => real,
            };
        }
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_below_a_system_path_is_found_out() {
        assert_eq!(below_system(Path::new("/usr/src/app")), Some(Path::new("/usr")));
        assert_eq!(below_system(Path::new("/usr-local/app")), None);
        assert_eq!(below_system(Path::new("/home/someone/app")), None);
    }

    #[test]
    fn a_link_into_the_system_is_followed() {
        let folder = crate::temporary::PrivateTmp::new().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/usr", &link).unwrap();
        assert_eq!(below_system(&link.join("not/there")), Some(Path::new("/usr")));
    }
}
