//! A home in a local folder: making it, opening it, its version, its upgrade.
//!
//! A folder is a home once it has its `home.json`; whatever a killed process left before that is
//! completed by the next one.

mod blobs;
mod content;
mod locks;
mod log;
mod temp;
mod version;

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use modelyard_core::ports::Home;
use modelyard_core::{Clock, Fault, Kind, Result};

use crate::faults;
use crate::sqlite::{self, Database};

/// What to do where there is no home yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    Make,
    Refuse,
}

/// What [`upgrade`](crate::upgrade) did; equal versions if there was nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upgrade {
    pub from: u32,
    pub to: u32,
}

/// The paths of a home.
#[derive(Clone)]
struct Layout {
    root: PathBuf,
}

impl Layout {
    fn of(folder: &Path) -> Result<Self> {
        let root = std::path::absolute(folder)
            .map_err(|error| faults::file(format!("cannot find the folder `{}`", folder.display()), error))?;
        Ok(Self { root })
    }

    fn database(&self) -> PathBuf {
        self.root.join("modelyard.db")
    }

    fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    fn predictions(&self) -> PathBuf {
        self.root.join("predictions")
    }

    fn temp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn locks(&self) -> PathBuf {
        self.root.join("locks")
    }

    /// Shared by whoever has the home open, exclusive for whoever makes or upgrades it.
    fn home_lock(&self) -> PathBuf {
        self.locks().join("home")
    }

    /// Says so if the folder holds what no home would, so that a mistyped path is not filled.
    fn refuse_foreign_files(&self) -> Result<()> {
        const OURS: [&str; 8] = [
            ".gitignore",
            "blobs",
            "home.json",
            "home.json.new",
            "locks",
            "modelyard.db",
            "predictions",
            "tmp",
        ];
        let root = self.root.display();
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(faults::file(format!("cannot read the folder `{root}`"), error)),
        };
        for entry in entries {
            let entry =
                entry.map_err(|error| faults::file(format!("cannot read the folder `{root}`"), error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !OURS.contains(&name.as_str()) && !name.starts_with("modelyard.db-") {
                return Err(Fault::new(
                    Kind::Store,
                    format!("cannot make a home in `{root}`: it holds other files, `{name}` among them"),
                )
                .hint("name an empty folder, or one that does not exist yet"));
            }
        }
        Ok(())
    }

    fn make_folders(&self) -> Result<()> {
        for folder in [self.root.clone(), self.blobs(), self.predictions(), self.temp(), self.locks()] {
            fs::create_dir_all(&folder).map_err(|error| {
                faults::file(format!("cannot make the folder `{}`", folder.display()), error)
            })?;
        }
        let ignore = self.root.join(".gitignore");
        fs::write(&ignore, "*\n")
            .map_err(|error| faults::file(format!("cannot write `{}`", ignore.display()), error))
    }

    fn open_home_lock(&self) -> Result<File> {
        // For writing, so that a read-only home is said at once: whether SQLite can read one
        // depends on what the last process left beside the database.
        File::options().create(true).truncate(false).write(true).open(self.home_lock()).map_err(|error| {
            faults::file(format!("cannot write to the home `{}`", self.root.display()), error)
        })
    }
}

pub(crate) async fn open(
    folder: &Path,
    clock: Arc<dyn Clock>,
    if_missing: IfMissing,
    migrations: &'static [&'static str],
) -> Result<Home> {
    let layout = Layout::of(folder)?;
    if version::read(&layout)?.is_none() {
        if if_missing == IfMissing::Refuse {
            return Err(no_home(&layout));
        }
        make(&layout, migrations).await?;
    }
    let opened = layout.clone();
    let lock = blocking(move || {
        let lock = opened.open_home_lock()?;
        lock.lock_shared().map_err(|error| {
            faults::file(format!("cannot lock `{}`", opened.home_lock().display()), error)
        })?;
        // Only now nobody upgrades it.
        let found = version::read(&opened)?.ok_or_else(|| no_home(&opened))?;
        version::check(&opened, found, migrations.len())?;
        temp::sweep(&opened.temp());
        Ok(Arc::new(lock))
    })
    .await?;
    let database = Database::open(layout.database(), Arc::clone(&lock)).await?;
    version::check(&layout, database.version().await?, migrations.len())?;

    let database = Arc::new(database);
    Ok(Home {
        blobs: Arc::new(blobs::LocalBlobs::new(&layout, clock.clone(), Arc::clone(&lock))),
        results: database.clone(),
        stamps: database.clone(),
        data: database.clone(),
        runs: database.clone(),
        models: database.clone(),
        audit: database.clone(),
        environments: database.clone(),
        observations: database.clone(),
        log: Arc::new(log::LocalLog::new(&layout, clock, database.clone(), Arc::clone(&lock))),
        labels: database.clone(),
        monitoring: database.clone(),
        alerts: database.clone(),
        causes: database,
        locks: Arc::new(locks::FileLocks::new(layout.locks(), lock)),
    })
}

/// Makes the home, or waits until another process has.
async fn make(layout: &Layout, migrations: &'static [&'static str]) -> Result<()> {
    let made = layout.clone();
    let lock = blocking(move || {
        made.refuse_foreign_files()?;
        made.make_folders()?;
        made.open_home_lock()
    })
    .await?;
    // Never a blocking wait: the other process may keep the home open once it has made it.
    loop {
        match lock.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if version::read(layout)?.is_some() => return Ok(()),
            Err(TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(TryLockError::Error(error)) => {
                return Err(faults::file(format!("cannot lock `{}`", layout.home_lock().display()), error));
            }
        }
    }
    if version::read(layout)?.is_some() {
        return Ok(());
    }
    sqlite::make(&layout.database(), migrations).await?;
    version::write(layout, migrations.len())
}

pub(crate) async fn upgrade(folder: &Path, migrations: &'static [&'static str]) -> Result<Upgrade> {
    let layout = Layout::of(folder)?;
    if version::read(&layout)?.is_none() {
        return Err(no_home(&layout));
    }
    let lock = layout.open_home_lock()?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Fault::new(
                Kind::Conflict,
                format!("cannot upgrade the home `{}`: a process has it open", layout.root.display()),
            )
            .hint("end every `modelyard` process that uses this home, then upgrade again"));
        }
        Err(TryLockError::Error(error)) => {
            return Err(faults::file(format!("cannot lock `{}`", layout.home_lock().display()), error));
        }
    }
    let from = version::read(&layout)?.ok_or_else(|| no_home(&layout))?;
    version::refuse_newer(&layout, from, migrations.len())?;
    let found = sqlite::migrate(&layout.database(), migrations).await?;
    version::refuse_newer(&layout, found, migrations.len())?;
    version::write(&layout, migrations.len())?;
    Ok(Upgrade { from: from.min(found), to: version::number(migrations.len()) })
}

fn no_home(layout: &Layout) -> Fault {
    Fault::new(Kind::NotFound, format!("there is no home in `{}`", layout.root.display()))
        .hint("`modelyard run` in a project's folder makes one; `--home` or MODELYARD_HOME names another")
}

/// Runs `work`, which waits for disks, where it holds up no other task.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(Fault::new(Kind::Internal, "an operation on the home's files did not end").because(error))
        }
    }
}

/// Flushes the entries of `folder`, so that a rename in it survives the machine.
fn sync_folder(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| faults::file(format!("cannot flush the folder `{}`", folder.display()), error))
}

/// Whether `path` still leads to the open `file`: a lock on what was removed guards nothing.
fn leads_to(path: &Path, file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let held = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok(there.ino() == held.ino() && there.dev() == held.dev()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use modelyard_core::Timestamp;
    use modelyard_core::audit::Actor;

    use super::*;
    use crate::sqlite::MIGRATIONS;

    const NEWER: &[&str] =
        &[MIGRATIONS[0], MIGRATIONS[1], "CREATE TABLE later (x TEXT); INSERT INTO later VALUES ('new');"];
    const BROKEN: &[&str] =
        &[MIGRATIONS[0], MIGRATIONS[1], "CREATE TABLE later (x TEXT); INSERT INTO nowhere VALUES (1);"];

    struct Fixed;

    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            Timestamp::from_micros(0)
        }

        fn entropy(&self) -> u128 {
            7
        }
    }

    async fn open_with(folder: &Path, migrations: &'static [&'static str]) -> Result<Home> {
        open(folder, Arc::new(Fixed), IfMissing::Make, migrations).await
    }

    #[tokio::test]
    async fn an_upgrade_keeps_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        let home = open_with(&path, MIGRATIONS).await.unwrap();
        let actor = Actor { name: "ada".to_owned(), at: Timestamp::from_micros(1) };
        home.audit.append(&actor, "test", "x", 1.into()).await.unwrap();
        let fault = upgrade(&path, NEWER).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::Conflict, "a home in use is left alone");
        drop(home);

        let fault = open_with(&path, NEWER).await.err().unwrap();
        assert!(fault.hint_text().unwrap().starts_with("`modelyard home upgrade`"));
        assert_eq!(upgrade(&path, NEWER).await.unwrap(), Upgrade { from: 2, to: 3 });
        let home = open_with(&path, NEWER).await.unwrap();
        assert_eq!(home.audit.entries().await.unwrap().len(), 1);
        let fault = open_with(&path, MIGRATIONS).await.err().unwrap();
        assert!(fault.message().contains("was written by a newer Modelyard: it has version 3"));
    }

    #[tokio::test]
    async fn an_upgrade_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        drop(open_with(&path, MIGRATIONS).await.unwrap());
        assert_eq!(upgrade(&path, BROKEN).await.unwrap_err().kind(), Kind::Store);
        open_with(&path, MIGRATIONS).await.unwrap();
    }

    #[tokio::test]
    async fn an_upgrade_that_died_before_its_mark_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        drop(open_with(&path, MIGRATIONS).await.unwrap());
        sqlite::migrate(&path.join("modelyard.db"), NEWER).await.unwrap();
        assert!(open_with(&path, MIGRATIONS).await.is_err());
        assert!(open_with(&path, NEWER).await.is_err());
        upgrade(&path, NEWER).await.unwrap();
        open_with(&path, NEWER).await.unwrap();
    }

    #[tokio::test]
    async fn a_lost_database_is_not_replaced_by_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        drop(open_with(&path, MIGRATIONS).await.unwrap());
        fs::remove_file(path.join("modelyard.db")).unwrap();
        for fault in
            [open_with(&path, MIGRATIONS).await.err().unwrap(), upgrade(&path, MIGRATIONS).await.unwrap_err()]
        {
            assert!(fault.hint_text().unwrap_or_default().contains("see whether"), "{}", fault.report());
        }
        assert!(!path.join("modelyard.db").exists());
    }

    #[tokio::test]
    async fn homes_whose_clocks_agree_write_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        let (one, two) =
            (open_with(&path, MIGRATIONS).await.unwrap(), open_with(&path, MIGRATIONS).await.unwrap());
        one.blobs.put(b"1").await.unwrap();
        two.blobs.put(b"2").await.unwrap();
        assert_eq!(fs::read_dir(path.join("tmp")).unwrap().count(), 2);
        drop((one, two));
        assert_eq!(fs::read_dir(path.join("tmp")).unwrap().count(), 0);
    }
}
