//! What a replica printed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// How much of a log's end is looked at for each line that is asked for.
const LINE_BYTES: u64 = 1 << 10;

/// The last `lines` of the file; empty where there is none.
pub(super) fn tail(log: &Path, lines: usize) -> std::io::Result<String> {
    let mut file = match File::open(log) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let wanted = LINE_BYTES.saturating_mul(lines as u64).clamp(LINE_BYTES, 8 << 20);
    file.seek(SeekFrom::Start(length.saturating_sub(wanted)))?;
    let mut bytes = Vec::new();
    file.take(wanted).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut last = VecDeque::new();
    for line in text.lines() {
        if last.len() == lines {
            last.pop_front();
        }
        last.push_back(line);
    }
    Ok(last.iter().take(lines).map(|line| format!("{line}\n")).collect())
}

/// What a process that began to print at `from` said about its end: its last line that begins with
/// `error: `.
pub(super) fn complaint(log: &Path, from: u64) -> Option<String> {
    let mut file = File::open(log).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(from.max(length.saturating_sub(16 * LINE_BYTES)))).ok()?;
    let mut bytes = Vec::new();
    file.take(16 * LINE_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().rev().find_map(|line| line.strip_prefix("error: ")).map(str::to_owned)
}
