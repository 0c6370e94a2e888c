//! Cutting a stream into lines.

use std::io::BufRead;

/// Collects bytes until a line is complete. A line longer than [`LONGEST`] bytes is cut there, so
/// that a command that prints no line feed fills no memory.
#[derive(Default)]
pub(crate) struct Lines {
    partial: Vec<u8>,
}

const LONGEST: usize = 64 * 1024;

impl Lines {
    /// Calls `line` with each line that `bytes` completes, with its line feed.
    pub(crate) fn push<E>(
        &mut self,
        mut bytes: &[u8],
        mut line: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        while !bytes.is_empty() {
            // From a slice, this can't fail.
            let _ = bytes.read_until(b'\n', &mut self.partial);
            if self.partial.ends_with(b"\n") {
                line(&self.partial)?;
                self.partial.clear();
            }
        }
        if self.partial.len() >= LONGEST {
            line(&self.partial)?;
            self.partial.clear();
        }
        Ok(())
    }

    /// Calls `line` with what is left when the stream ends.
    pub(crate) fn finish<E>(&mut self, mut line: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        if !self.partial.is_empty() {
            line(&self.partial)?;
            self.partial.clear();
        }
        Ok(())
    }
}

/// A line as text: without its line feed, what is no UTF-8 replaced.
pub(crate) fn text(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parts: &[&[u8]], expected: &[&str]) {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        let mut see = |line: &[u8]| {
            seen.push(text(line));
            Ok::<(), ()>(())
        };
        for part in parts {
            lines.push(part, &mut see).unwrap();
        }
        lines.finish(&mut see).unwrap();
        assert_eq!(seen, expected);
    }

    #[test]
    fn lines_are_joined_over_reads() {
        check(&[b"a", b"b\nc\r\n", b"\nd"], &["ab", "c", "", "d"]);
        check(&[b"\xff\n"], &["\u{fffd}"]);
        check(&[], &[]);
    }

    #[test]
    fn an_endless_line_is_cut() {
        let mut lines = Lines::default();
        let mut seen = 0;
        lines
            .push(&vec![b'x'; 100_000], |line| {
                seen += line.len();
                Ok::<(), ()>(())
            })
            .unwrap();
        assert_eq!(seen, 100_000);
    }
}
