//! Which homes open, and what is said of those that do not.

use std::fs;
use std::path::Path;

use modelyard_core::Kind;
use modelyard_store::Upgrade;
use sqlx::Connection;
use tempfile::tempdir;

use crate::support::{TestClock, action_result, open};

async fn refused(home: &Path) -> String {
    let fault = modelyard_store::open(home, TestClock::new()).await.err().expect("it does not open");
    fault.report().replace(&home.display().to_string(), "HOME")
}

async fn in_database(home: &Path, statement: &'static str) {
    let mut database =
        sqlx::SqliteConnection::connect(home.join("modelyard.db").to_str().unwrap()).await.unwrap();
    sqlx::query(statement).execute(&mut database).await.unwrap();
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_home_opens_again_with_what_it_held() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("deep/home");
    open(&home).await.results.put(&action_result(1)).await.unwrap();
    let again = modelyard_store::open_existing(&home, TestClock::new()).await.unwrap();
    assert_eq!(again.results.get(action_result(1).key).await.unwrap(), Some(action_result(1)));
    assert_eq!(fs::read_to_string(home.join("home.json")).unwrap(), "{\"version\": 2}\n");
}

#[tokio::test]
async fn no_home_is_made_where_one_was_expected() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("home");
    let fault = modelyard_store::open_existing(&home, TestClock::new()).await.err().unwrap();
    assert_eq!(fault.kind(), Kind::NotFound);
    assert!(!home.exists());
    assert_eq!(modelyard_store::upgrade(&home).await.unwrap_err().kind(), Kind::NotFound);
}

#[tokio::test]
async fn a_newer_home_is_refused_by_open_and_upgrade() {
    const MESSAGE: &str = "the home `HOME` was written by a newer Modelyard: it has version 7, this program \
         knows up to 2\n  hint: use the newer program (`modelyard --version` tells which this is), or another \
         home with `--home`";
    // As the newer program leaves it, and as it would after dying in the middle of its upgrade.
    for home_file in ["{\"version\": 7, \"new\": true}", "{\"version\": 2}"] {
        let folder = tempdir().unwrap();
        let home = folder.path().join("home");
        drop(open(&home).await);
        in_database(&home, "PRAGMA user_version = 7").await;
        fs::write(home.join("home.json"), home_file).unwrap();
        assert_eq!(refused(&home).await, MESSAGE);
        let fault = modelyard_store::upgrade(&home).await.unwrap_err();
        assert_eq!(fault.report().replace(&home.display().to_string(), "HOME"), MESSAGE);
        assert_eq!(fs::read_to_string(home.join("home.json")).unwrap(), home_file);
    }
}

#[tokio::test]
async fn an_older_home_names_the_command_that_upgrades_it() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("home");
    drop(open(&home).await);
    fs::write(home.join("home.json"), "{\"version\": 0}").unwrap();
    assert_eq!(
        refused(&home).await,
        "the home `HOME` has version 0, this program needs version 2\n  hint: `modelyard home upgrade` brings \
         it up to date; older programs cannot open it afterwards"
    );
    assert_eq!(modelyard_store::upgrade(&home).await.unwrap(), Upgrade { from: 0, to: 2 });
    open(&home).await;
    assert_eq!(modelyard_store::upgrade(&home).await.unwrap(), Upgrade { from: 2, to: 2 });
}

#[tokio::test]
async fn a_folder_with_other_files_is_no_place_for_a_home() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "").unwrap();
    assert_eq!(
        refused(folder.path()).await,
        "cannot make a home in `HOME`: it holds other files, `thesis.tex` among them\n  \
         hint: name an empty folder, or one that does not exist yet"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_file_is_no_home() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    assert!(refused(&file).await.starts_with("cannot read the folder `HOME`"));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
}

#[tokio::test]
async fn damaged_files_of_a_home_are_named() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("home");
    drop(open(&home).await);
    fs::write(home.join("home.json"), "{").unwrap();
    assert!(refused(&home).await.starts_with("cannot understand `HOME/home.json`"));
    fs::write(home.join("home.json"), "{\"version\": 2}").unwrap();
    fs::write(home.join("modelyard.db"), "x".repeat(9_000)).unwrap();
    let report = refused(&home).await;
    assert!(report.contains("hint: `HOME/modelyard.db` is damaged"), "{report}");
}
