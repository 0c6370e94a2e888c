//! What commands write: results to stdout, remarks to stderr. A reader that went away
//! (`modelyard schema | head -1`) is no error and no panic.

use std::io::Write as _;

/// Writes `text` and a line end to stdout.
pub(crate) fn result(text: impl AsRef<str>) {
    let mut out = std::io::stdout().lock();
    let _ = out
        .write_all(text.as_ref().as_bytes())
        .and_then(|()| out.write_all(b"\n"))
        .and_then(|()| out.flush());
}

/// Writes `document` as indented JSON to stdout.
pub(crate) fn json(document: &serde_json::Value) {
    result(format!("{document:#}"));
}

/// Writes `text` and a line end to stderr.
pub(crate) fn remark(text: impl AsRef<str>) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_ref().as_bytes()).and_then(|()| out.write_all(b"\n"));
}
