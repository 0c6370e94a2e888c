//! A package proves itself by its folder alone.

#![allow(clippy::unwrap_used)] // A test may panic.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use modelyard_core::Digest;
use modelyard_core::config::Task;
use modelyard_core::package::{
    FILES, Golden, MANIFEST, Manifest, Package, Provenance, Signature, TrainingProfile,
};
use modelyard_deploy::package;
use tempfile::TempDir;

fn made() -> (TempDir, Package) {
    let folder = TempDir::new().unwrap();
    fs::create_dir_all(folder.path().join("model/deep")).unwrap();
    fs::write(folder.path().join("model/model.joblib"), b"weights").unwrap();
    fs::write(folder.path().join("model/deep/words.txt"), b"words").unwrap();
    let manifest = Manifest {
        version: 1,
        task: Task::Regression,
        target: "price".into(),
        stages: Vec::new(),
        signature: Signature { inputs: Vec::new(), series: false, ignored: Vec::new(), meta: Vec::new() },
        classes: Vec::new(),
        class_type: modelyard_core::table::DataType::String,
        positive: None,
        tolerance: 1e-9,
        provenance: Provenance {
            training: Digest::of(b"training"),
            data: BTreeMap::new(),
            code: None,
            environment: None,
            params: BTreeMap::new(),
        },
    };
    let golden = Golden { version: 1, rows: Vec::new(), answers: Vec::new() };
    let profile = TrainingProfile { version: 1, inputs: Vec::new(), outputs: Vec::new() };
    let package = package::write(folder.path(), &manifest, &golden, &profile).unwrap();
    (folder, package)
}

fn refused(folder: &Path, wanted: &str) {
    let fault = package::read(folder).unwrap_err();
    assert!(fault.report().contains(wanted), "{}", fault.report());
}

#[test]
fn what_was_written_is_read_with_the_same_digest() {
    let (folder, written) = made();
    let read = package::read(folder.path()).unwrap();
    assert_eq!(read.digest(), written.digest());
    assert_eq!(read.manifest, written.manifest);
    let paths: Vec<_> = read.tree.files.iter().map(|file| file.path.as_str()).collect();
    let wanted = [
        "files.json",
        "golden.json",
        "manifest.json",
        "model/deep/words.txt",
        "model/model.joblib",
        "profile.json",
    ];
    assert_eq!(paths, wanted);
    // The same content elsewhere is the same package.
    assert_eq!(made().1.digest(), written.digest());
}

#[test]
fn one_changed_byte_is_named() {
    let (folder, package) = made();
    for file in package.tree.files.iter().filter(|file| file.path != FILES) {
        let path = folder.path().join(&file.path);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        bad[0] ^= 1;
        fs::write(&path, bad).unwrap();
        refused(folder.path(), &format!("file: `{}` was changed", file.path));
        fs::write(&path, good).unwrap();
    }
    package::read(folder.path()).unwrap();
}

#[test]
fn files_added_and_removed_are_named() {
    let (folder, _) = made();
    fs::write(folder.path().join("model/json.py"), b"").unwrap();
    fs::remove_file(folder.path().join("model/model.joblib")).unwrap();
    refused(folder.path(), "2 files: `model/model.joblib` is missing\n  `model/json.py` was added");
}

#[test]
fn a_list_that_was_changed_along_makes_another_package() {
    let (folder, package) = made();
    fs::write(folder.path().join("model/model.joblib"), b"wEights").unwrap();
    package::seal(folder.path()).unwrap();
    assert_ne!(package::read(folder.path()).unwrap().digest(), package.digest());
}

#[test]
fn what_is_no_package_says_so() {
    let (folder, _) = made();
    fs::remove_file(folder.path().join(FILES)).unwrap();
    refused(folder.path(), "is no package: it has no `files.json`");

    let (folder, _) = made();
    fs::write(folder.path().join(FILES), b"{").unwrap();
    refused(folder.path(), "cannot read the package's `files.json`");

    let (folder, _) = made();
    let newer = r#"{"version": 2, "something": "else"}"#;
    fs::write(folder.path().join(MANIFEST), newer).unwrap();
    package::seal(folder.path()).unwrap();
    refused(folder.path(), "the package's manifest has version 2, this program knows version 1");
}
