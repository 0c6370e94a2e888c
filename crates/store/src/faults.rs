//! Errors of files and of SQLite as faults that say what to do.

use std::io;
use std::path::Path;

use modelyard_core::{Digest, Fault, Kind};

const FREE_SPACE: &str = "free some space on that disk and run the command again; nothing is half-written";
const MAKE_WRITABLE: &str =
    "make the home writable for this user, or name another with `--home` or MODELYARD_HOME";

/// `message` says what was attempted with which file.
pub(crate) fn file(message: String, error: io::Error) -> Fault {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(FREE_SPACE),
        io::ErrorKind::FileTooLarge => {
            Some("raise the limit on the size of files (`ulimit -f`) and run it again")
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => Some(MAKE_WRITABLE),
        _ => None,
    };
    let fault = Fault::new(Kind::Store, message).because(error);
    match hint {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}

/// `message` says what was attempted; `database` is the file it was attempted with.
pub(crate) fn sql(message: String, database: &Path, error: sqlx::Error) -> Fault {
    let code = match &error {
        sqlx::Error::Database(error) => error.code().and_then(|code| code.parse::<i32>().ok()),
        _ => None,
    };
    let place = database.display();
    // The lowest byte is SQLite's primary result code (https://www.sqlite.org/rescode.html).
    let hint = match code.map(|code| code & 0xff) {
        Some(5 | 6) => {
            "another process has been writing for long; wait for it, or end it, and try again".to_owned()
        }
        Some(8) => MAKE_WRITABLE.to_owned(),
        Some(10) => {
            format!("look for free space, size limits and the health of the disk that holds `{place}`")
        }
        Some(11 | 26) => format!("`{place}` is damaged: restore the home from a copy, or start a new one"),
        Some(13) => FREE_SPACE.to_owned(),
        Some(14) => format!("see whether `{place}` exists and this user may write there"),
        _ => String::new(),
    };
    let fault = Fault::new(Kind::Store, message).detail("database", place.to_string()).because(error);
    if hint.is_empty() { fault } else { fault.hint(hint) }
}

/// The blob's bytes are not what its name says.
pub(crate) fn damaged(digest: Digest, place: &Path) -> Fault {
    Fault::new(Kind::Store, format!("blob `{digest}` is damaged: its bytes have another digest"))
        .detail("file", place.display().to_string())
        .hint(
            "delete that file and run again: what made it is repeated; or restore it from a copy of the home",
        )
}

pub(crate) fn missing(digest: Digest) -> Fault {
    Fault::new(Kind::Store, format!("blob `{digest}` is not in the home"))
        .hint("run again with `--force` for the step that made it, or restore it from a copy of the home")
}

/// A file that is not the home's: a source, or where a blob is written to.
pub(crate) fn outside(message: String, error: io::Error) -> Fault {
    let (kind, hint) = match error.kind() {
        io::ErrorKind::NotFound => (Kind::NotFound, None),
        io::ErrorKind::AlreadyExists => (Kind::Conflict, Some("remove what is there, or name another place")),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (Kind::Store, Some(FREE_SPACE)),
        _ => (Kind::Store, None),
    };
    let fault = Fault::new(kind, message).because(error);
    match hint {
        Some(hint) => fault.hint(hint),
        None => fault,
    }
}
