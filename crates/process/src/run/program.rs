//! Finding the program of a command, so that a missing one is named before anything is started.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use modelyard_core::{Fault, Kind, Result};

/// The file that `word` names: a path (relative to `cwd`) if it holds a slash, else the first
/// executable of that name in `search`, the folders of a `PATH`.
///
/// # Errors
/// [`Kind::Step`] if there is none, naming where it was looked for; likewise if there is one that
/// can't be executed.
pub(crate) fn find(word: &OsStr, cwd: &Path, search: Option<&OsString>) -> Result<PathBuf> {
    let name = word.to_string_lossy();
    if name.contains('/') {
        let path = cwd.join(word);
        return match std::fs::metadata(&path) {
            Ok(found) if found.is_file() && executable(&found) => Ok(path),
            Ok(found) if found.is_file() => {
                Err(Fault::new(Kind::Step, format!("cannot start `{name}`: the file is not executable"))
                    .hint(format!("chmod +x {name}")))
            }
            Ok(_) => Err(Fault::new(Kind::Step, format!("cannot start `{name}`: it is not a file"))
                .hint("the first word of a command is its program")),
            Err(error) => Err(Fault::new(Kind::Step, format!("cannot find the program `{name}`"))
                .because(error)
                .hint("a program's path is relative to the folder that the command runs in")),
        };
    }
    let search = search.map(OsString::as_os_str).unwrap_or_default();
    for folder in std::env::split_paths(search) {
        // An empty part is not taken for the working folder, as shells do.
        if folder.as_os_str().is_empty() {
            continue;
        }
        let path = cwd.join(folder).join(word);
        if std::fs::metadata(&path).is_ok_and(|found| found.is_file() && executable(&found)) {
            return Ok(path);
        }
    }
    Err(Fault::new(Kind::Step, format!("cannot find the program `{name}`"))
        .detail("searched", search.to_string_lossy())
        .hint(format!("install `{name}`, add its package to `requirements.txt`, or write its whole path")))
}

fn executable(found: &std::fs::Metadata) -> bool {
    found.permissions().mode() & 0o111 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_the_path_searched() {
        let search = OsString::from("/usr/local/bin:/nowhere");
        let fault = find(OsStr::new("pyhton"), Path::new("/"), Some(&search)).unwrap_err();
        assert_eq!(
            fault.report(),
            "cannot find the program `pyhton`\n  searched: /usr/local/bin:/nowhere\n  \
             hint: install `pyhton`, add its package to `requirements.txt`, or write its whole path"
        );
    }

    #[test]
    fn a_file_that_is_no_program_is_said_to_be_none() {
        let fault = find(OsStr::new("/etc/passwd"), Path::new("/"), None).unwrap_err();
        assert_eq!(fault.message(), "cannot start `/etc/passwd`: the file is not executable");
        assert!(find(OsStr::new("bin/sh"), Path::new("/"), None).is_ok());
        assert!(find(OsStr::new("sh"), Path::new("/"), Some(&"/nowhere:bin".into())).is_ok());
    }
}
