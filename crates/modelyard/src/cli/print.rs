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

/// Writes `bytes` as they are to stdout, and a line end where they have none.
pub(crate) fn bytes(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    let end: &[u8] = if bytes.is_empty() || bytes.ends_with(b"\n") { b"" } else { b"\n" };
    let _ = out.write_all(bytes).and_then(|()| out.write_all(end)).and_then(|()| out.flush());
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

/// Writes `text` to stderr as it is, for an answer on the same line.
pub(crate) fn question(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
