//! Bytes that changed on the disk, and rows that changed in the database.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use modelyard_core::audit::verify;
use modelyard_core::deploy::Verdict;
use modelyard_core::ports::Change;
use modelyard_core::{Digest, Kind};
use sqlx::Connection;
use tempfile::tempdir;

use crate::deployed;
use crate::support::{actor, new_version, open};

fn blob(home: &Path, digest: Digest) -> PathBuf {
    let name = digest.to_string();
    home.join("blobs").join(&name[..2]).join(&name[2..])
}

fn damage(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_changed_byte_is_noticed_wherever_the_blob_is_read() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("home");
    let opened = open(&home).await;
    let source = folder.path().join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("a"), vec![5; 700_000]).unwrap();
    fs::write(source.join("b"), "good").unwrap();
    let tree = opened.blobs.put_folder(&source).await.unwrap();
    let digest = tree.files[0].digest;
    damage(&blob(&home, digest), |bytes| bytes[600_000] ^= 1);

    let target = folder.path().join("target");
    for fault in [
        opened.blobs.get(digest).await.unwrap_err(),
        opened.blobs.fetch_file(digest, &target).await.unwrap_err(),
        opened.blobs.fetch_folder(tree.digest(), &target).await.unwrap_err(),
    ] {
        assert_eq!(fault.kind(), Kind::Store);
        assert!(fault.message().contains(&digest.to_string()), "{fault}");
        assert!(fault.hint_text().unwrap_or_default().contains("delete that file"), "{}", fault.report());
        assert!(!target.exists(), "what is damaged is not handed out");
    }
    // The way out that the hint names.
    fs::remove_file(blob(&home, digest)).unwrap();
    assert!(!opened.blobs.contains(digest).await.unwrap());
    opened.blobs.put_folder(&source).await.unwrap();
    opened.blobs.fetch_folder(tree.digest(), &target).await.unwrap();
}

#[tokio::test]
async fn a_cut_off_blob_is_replaced_when_put_again() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("home");
    let opened = open(&home).await;
    let digest = opened.blobs.put(b"whole").await.unwrap();
    damage(&blob(&home, digest), |bytes| bytes.truncate(2));
    assert!(opened.blobs.get(digest).await.is_err());
    opened.blobs.put(b"whole").await.unwrap();
    assert_eq!(opened.blobs.get(digest).await.unwrap().as_deref(), Some(&b"whole"[..]));
}

#[tokio::test]
async fn a_blob_is_read_only_and_written_once() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("home");
    let opened = open(&home).await;
    let digest = opened.blobs.put(b"kept").await.unwrap();
    let first = fs::metadata(blob(&home, digest)).unwrap();
    assert_eq!(first.mode() & 0o777, 0o444);
    opened.blobs.put(b"kept").await.unwrap();
    assert_eq!(fs::metadata(blob(&home, digest)).unwrap().ino(), first.ino());
    assert_eq!(fs::read_to_string(home.join(".gitignore")).unwrap(), "*\n");
}

#[tokio::test]
async fn audited_rows_are_never_deleted() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("home");
    let opened = open(&home).await;
    opened.models.register(&new_version("late", "a", Some("champion")), &actor()).await.unwrap();
    let environment = deployed::production(&opened).await;
    let release = Some(deployed::release(&environment, 1));
    let change = Change { release, ..deployed::change(deployed::serving(&environment, 1)) };
    opened.environments.change(&change, &actor()).await.unwrap();
    opened.environments.approve(&deployed::approval(1, Verdict::Approved, "bob")).await.unwrap();
    let mut database =
        sqlx::SqliteConnection::connect(home.join("modelyard.db").to_str().unwrap()).await.unwrap();
    for statement in [
        "DELETE FROM audit_log",
        "UPDATE audit_log SET document = '{}'",
        "INSERT OR REPLACE INTO audit_log (number, digest, document) VALUES (1, 'another', '{}')",
        "INSERT OR REPLACE INTO audit_log (number, digest, document) SELECT 99, digest, '{}' FROM audit_log",
        "DELETE FROM audit_head",
        "DELETE FROM models",
        "DELETE FROM model_versions",
        "UPDATE model_versions SET package = 'other'",
        "DELETE FROM model_aliases",
        "DELETE FROM applied",
        "DELETE FROM environments",
        "UPDATE environments SET document = '{}'",
        "DELETE FROM states",
        "UPDATE states SET document = '{}'",
        "DELETE FROM releases",
        "UPDATE releases SET environment = 'staging'",
        "DELETE FROM approvals",
        "UPDATE approvals SET document = '{}'",
    ] {
        let error = sqlx::query(statement).execute(&mut database).await.unwrap_err();
        assert!(error.to_string().contains("never"), "{statement}: {error}");
    }
}

/// The home in `folder` after somebody with the file in hand changed it by `statements`: where its log breaks.
async fn tampered(folder: &Path, statements: &[&'static str]) -> Result<(), u64> {
    let home = folder.join("home");
    let opened = open(&home).await;
    opened.models.register(&new_version("late", "a", None), &actor()).await.unwrap();
    let environment = deployed::production(&opened).await;
    let release = Some(deployed::release(&environment, 1));
    let change = Change { release, ..deployed::change(deployed::serving(&environment, 1)) };
    opened.environments.change(&change, &actor()).await.unwrap();
    opened.environments.approve(&deployed::approval(1, Verdict::Approved, "bob")).await.unwrap();
    let mut database =
        sqlx::SqliteConnection::connect(home.join("modelyard.db").to_str().unwrap()).await.unwrap();
    for statement in ["DROP TRIGGER audit_log_stays", "DROP TRIGGER audit_log_holds"].iter().chain(statements)
    {
        sqlx::query(*statement).execute(&mut database).await.unwrap();
    }
    verify(&opened.audit.entries().await.unwrap(), opened.audit.head().await.unwrap())
}

#[tokio::test]
async fn whatever_is_done_to_the_log_is_noticed() {
    // 1 registered, 2 applied, 3 the environment, 4 changed, 5 approved.
    // With its quotes: digests hold letters too.
    let edit = "UPDATE audit_log SET document = replace(document, '\"ada\"', '\"eve\"') WHERE number = 3";
    let edit_first = "UPDATE audit_log SET document = replace(document, 'late', 'last') WHERE number = 1";
    let edit_last = "UPDATE audit_log SET document = replace(document, 'bob', 'eve') WHERE number = 5";
    let cut = "DELETE FROM audit_log WHERE number = 5";
    let head_back =
        "UPDATE audit_head SET number = 4, digest = (SELECT digest FROM audit_log WHERE number = 4)";
    for (what, statements, broken) in [
        ("nothing", &[][..], Ok(())),
        ("the first edited", &[edit_first], Err(1)),
        ("an edited entry", &[edit], Err(3)),
        ("the last one edited", &[edit_last], Err(5)),
        ("a removed entry", &["DELETE FROM audit_log WHERE number = 2"], Err(2)),
        ("the first removed", &["DELETE FROM audit_log WHERE number = 1"], Err(1)),
        (
            "two that changed places",
            &[
                "UPDATE audit_log SET number = 9 WHERE number = 2",
                "UPDATE audit_log SET number = 2 WHERE number = 3",
                "UPDATE audit_log SET number = 3 WHERE number = 9",
            ],
            Err(2),
        ),
        ("the end cut off", &[cut], Err(5)),
        ("the end cut off with its head", &[cut, head_back], Err(5)),
    ] {
        let folder = tempdir().unwrap();
        assert_eq!(tampered(folder.path(), statements).await, broken, "{what}");
    }
}

#[tokio::test]
async fn a_tail_cut_off_with_its_head_is_noticed() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("home");
    let opened = open(&home).await;
    for package in ["a", "b"] {
        opened.models.register(&new_version("late", package, None), &actor()).await.unwrap();
    }
    let mut database =
        sqlx::SqliteConnection::connect(home.join("modelyard.db").to_str().unwrap()).await.unwrap();
    for statement in [
        "DROP TRIGGER audit_log_stays",
        "DELETE FROM audit_log WHERE number = 2",
        "UPDATE audit_head SET number = 1, digest = (SELECT digest FROM audit_log)",
    ] {
        sqlx::query(statement).execute(&mut database).await.unwrap();
    }
    let entries = opened.audit.entries().await.unwrap();
    assert_eq!(verify(&entries, opened.audit.head().await.unwrap()), Err(2));
}
