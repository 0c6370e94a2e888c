//! A log that keeps head and tail of what a command prints, within a limit.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use modelyard_core::fault::Attempt;
use modelyard_core::{Kind, Result};

/// Half of the limit is the head, written as it comes; then a ring of the other half in a file
/// without a name, so that neither disk nor memory ever holds more.
pub(super) struct Log {
    path: PathBuf,
    head: File,
    head_left: u64,
    ring: Option<Ring>,
    ring_bytes: u64,
}

struct Ring {
    file: File,
    size: u64,
    /// Everything ever written to it; what is kept is the last `size` bytes.
    written: u64,
}

impl Log {
    /// Makes or empties the file at `path`; it will hold at most `limit` bytes and a line about
    /// what was cut.
    ///
    /// # Errors
    /// [`Kind::Store`] if it can't be written; likewise below.
    pub(super) fn create(path: &Path, limit: u64) -> Result<Self> {
        let head = File::create(path).attempt(Kind::Store, || cannot(path))?;
        let ring_bytes = limit / 2;
        Ok(Self { path: path.to_owned(), head, head_left: limit - ring_bytes, ring: None, ring_bytes })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_io(bytes).attempt(Kind::Store, || cannot(&self.path))
    }

    fn write_io(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (head, tail) = bytes.split_at(bytes.len().min(self.head_left.try_into().unwrap_or(usize::MAX)));
        self.head.write_all(head)?;
        self.head_left -= head.len() as u64;
        if tail.is_empty() {
            return Ok(());
        }
        let ring = match &mut self.ring {
            Some(ring) => ring,
            none => {
                none.insert(Ring { file: nameless_beside(&self.path)?, size: self.ring_bytes, written: 0 })
            }
        };
        ring.write(tail)
    }

    /// Joins head and tail. Answers how many bytes between them were cut.
    pub(super) fn finish(mut self) -> Result<u64> {
        self.finish_io().attempt(Kind::Store, || cannot(&self.path))
    }

    fn finish_io(&mut self) -> io::Result<u64> {
        let Some(ring) = self.ring.take() else { return Ok(0) };
        let cut = ring.written.saturating_sub(ring.size);
        if cut > 0 {
            write!(self.head, "\n[… {cut} bytes cut …]\n")?;
        }
        ring.copy_to(&mut self.head)?;
        Ok(cut)
    }
}

impl Ring {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() && self.size > 0 {
            let at = self.written % self.size;
            let fits = bytes.len().min((self.size - at).try_into().unwrap_or(usize::MAX));
            self.file.seek(SeekFrom::Start(at))?;
            self.file.write_all(&bytes[..fits])?;
            self.written += fits as u64;
            bytes = &bytes[fits..];
        }
        // A limit below two bytes keeps no tail.
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn copy_to(mut self, out: &mut File) -> io::Result<()> {
        if self.size == 0 {
            return Ok(());
        }
        let oldest = if self.written > self.size { self.written % self.size } else { 0 };
        self.file.seek(SeekFrom::Start(oldest))?;
        io::copy(&mut self.file, out)?;
        self.file.seek(SeekFrom::Start(0))?;
        io::copy(&mut io::Read::take(self.file, oldest), out)?;
        Ok(())
    }
}

fn nameless_beside(path: &Path) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tail");
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&name)?;
    std::fs::remove_file(&name)?;
    Ok(file)
}

fn cannot(path: &Path) -> String {
    format!("cannot write the log `{}`", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::PrivateTmp;

    fn check(limit: u64, parts: &[&str], cut: u64, expected: &str) {
        let folder = PrivateTmp::new().unwrap();
        let path = folder.path().join("log");
        let mut log = Log::create(&path, limit).unwrap();
        for part in parts {
            log.write(part.as_bytes()).unwrap();
        }
        assert_eq!(log.finish().unwrap(), cut);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing lies beside it");
    }

    #[test]
    fn what_fits_is_kept_whole() {
        check(10, &["0123", "456789"], 0, "0123456789");
        check(10, &[], 0, "");
    }

    #[test]
    fn what_does_not_fit_is_cut_in_the_middle() {
        check(10, &["0123456789", "abc", "defghijklmnopqrstu", "vw"], 23, "01234\n[… 23 bytes cut …]\nstuvw");
        check(6, &["0123456789"], 4, "012\n[… 4 bytes cut …]\n789");
        check(0, &["0123456789"], 10, "\n[… 10 bytes cut …]\n");
    }
}
