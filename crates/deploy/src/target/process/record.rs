//! What is known of the replicas of one environment, in a folder of its own:
//!
//! ```text
//! lock             held while something is changed
//! N.SERIAL.json    a process of replica N; two of them while one replaces the other
//! N.SERIAL.number  written by the process itself before it is the program, and locked until then
//! N.log            what replica N printed, the longer past in N.log.1
//! ```
//!
//! No other program reads the records, and none outlives its process.

use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use modelyard_core::deploy::EnvironmentId;
use modelyard_core::fault::Attempt;
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_process::detached::Life;
use serde::{Deserialize, Serialize};

/// A longer log is put aside.
const LOG_BYTES: u64 = 4 << 20;

/// A process of a replica.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Format version, 1.
    pub(super) version: u32,
    pub(super) replica: u32,
    /// Rises with every process that is to replace another.
    pub(super) serial: u64,
    pub(super) settings: Digest,
    /// As it was wanted when the record was made.
    #[serde(default)]
    pub(super) longest_answer: Duration,
    pub(super) listen: SocketAddr,
    /// Its control socket.
    pub(super) control: PathBuf,
    pub(super) state: State,
    /// How often in a row it ended by itself.
    pub(super) ends: u32,
    /// Where in the log what it prints begins.
    pub(super) log_from: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// About to be; whether it is, the file with its number tells.
    Starting,
    Running(Life),
    /// Ended by itself, or never began.
    Waiting {
        ended: String,
        /// Since the machine's start.
        again_at: Duration,
    },
}

/// The folder of an environment.
#[derive(Clone, Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn of(all: &Path, environment: &EnvironmentId) -> Self {
        Self(all.join(&environment.project).join(&environment.name))
    }

    pub(super) fn exists(&self) -> bool {
        self.0.is_dir()
    }

    pub(super) fn make(&self) -> Result<()> {
        fs::create_dir_all(&self.0)
            .attempt(Kind::Store, || format!("cannot make the folder `{}`", self.0.display()))
    }

    /// Waits until no other process changes something.
    pub(super) async fn lock(&self) -> Result<File> {
        const PAUSE: Duration = Duration::from_millis(20);
        let cannot = || format!("cannot lock `{}`", self.0.display());
        let file = File::create(self.0.join("lock")).attempt(Kind::Store, cannot)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => tokio::time::sleep(PAUSE).await,
                Err(TryLockError::Error(error)) => {
                    return Err(Fault::new(Kind::Store, cannot()).because(error));
                }
            }
        }
    }

    /// By replica, the oldest process of each first. What can't be read is no record: it was cut off when
    /// the machine stopped, and no process outlives that.
    pub(super) fn records(&self) -> Result<Vec<Record>> {
        let Ok(entries) = fs::read_dir(&self.0) else { return Ok(Vec::new()) };
        let mut records: Vec<Record> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .filter_map(|path| serde_json::from_slice(&fs::read(path).ok()?).ok())
            .collect();
        if let Some(newer) = records.iter().find(|record| record.version != 1) {
            return Err(Fault::new(
                Kind::Store,
                format!(
                    "a replica in `{}` was started by another version ({})",
                    self.0.display(),
                    newer.version
                ),
            )
            .hint("use the program that started it, or stop the environment with that first"));
        }
        records.sort_by_key(|record| (record.replica, record.serial));
        Ok(records)
    }

    /// Keeps `record` whole, or as it was.
    pub(super) fn write(&self, record: &Record) -> Result<()> {
        let path = self.path(record, "json");
        let temporary = self.path(record, "json.new");
        let cannot = || format!("cannot write `{}`", path.display());
        let text = serde_json::to_vec(record).attempt(Kind::Internal, cannot)?;
        fs::write(&temporary, text).attempt(Kind::Store, cannot)?;
        fs::rename(&temporary, &path).attempt(Kind::Store, cannot)
    }

    /// Forgets a process that has ended.
    pub(super) fn forget(&self, record: &Record) {
        let _ = fs::remove_file(&record.control);
        let _ = fs::remove_file(self.path(record, "number"));
        let _ = fs::remove_file(self.path(record, "json"));
    }

    /// For the number of a process that is about to be, locked.
    pub(super) fn number(&self, record: &Record) -> Result<File> {
        let path = self.path(record, "number");
        let cannot = || format!("cannot write `{}`", path.display());
        let file = File::create(&path).attempt(Kind::Store, cannot)?;
        file.lock().attempt(Kind::Store, cannot)?;
        Ok(file)
    }

    /// The process that `record` was about to become when this program was cut short.
    pub(super) fn started(&self, record: &Record) -> Option<Life> {
        let mut file = File::open(self.path(record, "number")).ok()?;
        // Whoever is still between fork and program holds it for a moment.
        file.lock().ok()?;
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        let life = Life::of(text.trim().parse().ok()?)?;
        life.has_word(record.control.as_os_str()).then_some(life)
    }

    pub(super) fn log(&self, replica: u32) -> PathBuf {
        self.0.join(format!("{replica}.log"))
    }

    /// Puts a long log aside; answers the length of the one there is.
    pub(super) fn turn_log(&self, replica: u32) -> u64 {
        let log = self.log(replica);
        let length = fs::metadata(&log).map_or(0, |found| found.len());
        if length > LOG_BYTES && fs::rename(&log, self.0.join(format!("{replica}.log.1"))).is_ok() {
            return 0;
        }
        length
    }

    /// Keeps the end of a long log that is still printed to beside it, and empties it; answers whether it did.
    /// Whoever prints goes on at its beginning, since they only ever append; what they print in the very
    /// moment is lost.
    pub(super) fn shorten_log(&self, replica: u32) -> bool {
        let log = self.log(replica);
        let Ok(length) = fs::metadata(&log).map(|found| found.len()) else { return false };
        if length <= LOG_BYTES {
            return false;
        }
        let shorten = || -> std::io::Result<()> {
            let mut file = File::options().read(true).write(true).open(&log)?;
            file.seek(SeekFrom::Start(length - LOG_BYTES))?;
            let mut aside = File::create(self.0.join(format!("{replica}.log.1")))?;
            std::io::copy(&mut file, &mut aside)?;
            file.set_len(0)
        };
        shorten().is_ok()
    }

    pub(super) fn remove(&self) -> Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Fault::new(Kind::Store, format!("cannot remove `{}`", self.0.display())).because(error))
            }
            _ => Ok(()),
        }
    }

    fn path(&self, record: &Record, extension: &str) -> PathBuf {
        self.0.join(format!("{}.{}.{extension}", record.replica, record.serial))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_log_that_is_printed_to_stays_short() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder(folder.path().to_owned());
        let mut printing = File::options().create(true).append(true).open(folder.log(0)).unwrap();
        printing.write_all(b"short\n").unwrap();
        assert!(!folder.shorten_log(0) && !folder.shorten_log(1));
        printing.write_all(&vec![b'.'; LOG_BYTES as usize]).unwrap();
        printing.write_all(b"the end\n").unwrap();
        assert!(folder.shorten_log(0));
        printing.write_all(b"goes on\n").unwrap();
        assert_eq!(fs::read_to_string(folder.log(0)).unwrap(), "goes on\n");
        let aside = fs::read(folder.0.join("0.log.1")).unwrap();
        assert_eq!((aside.len() as u64, aside.ends_with(b".the end\n")), (LOG_BYTES, true));
    }
}
