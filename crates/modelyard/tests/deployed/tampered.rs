//! A package that is no longer what was tested is not released, and says so.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::shop::Shop;
use crate::traffic::{Came, Traffic};

/// Version 2 passed its tests; then `change` does something to the stored file of its model, and its
/// release ends with `reason`.
fn refused(change: impl Fn(&Path), reason: &str) {
    let shop = Shop::open(1);
    let blobs = blobs_with(&shop.project.home().join("blobs"), b"\"bias\": 0.05");
    assert_eq!(blobs.len(), 1, "the file of the model that only version 2 has");
    change(&blobs[0]);
    let traffic = Traffic::begin(shop.production, 2);
    let ended = shop.project.modelyard(&["release", "buyers@2", "--to", "production", "--wait"]);
    assert_eq!(ended.code, 16, "{}", ended.text());
    let release = shop.release("production");
    assert_eq!(release["status"], "failed", "{release:#}");
    assert!(release["reason"].as_str().unwrap().contains(reason), "{}", release["reason"]);
    assert_eq!(
        release["decisions"].as_array().unwrap().iter().filter(|it| it["what"] == "failed").count(),
        1
    );
    traffic.goes_on(50);
    let asked = traffic.end();
    assert!(asked.iter().all(|one| one.came == Came::Answer(1)), "{:?}", asked.last());
    let serves = shop.project.document(&["history", "production"])[0]["versions"][0].clone();
    assert_eq!((&serves["number"], &serves["phase"]), (&Value::from(1), &Value::from("serve")));
    shop.is_whole();
}

fn blobs_with(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(blobs_with(&path, bytes));
        } else if std::fs::read(&path).unwrap().windows(bytes.len()).any(|window| window == bytes) {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_package_that_lost_a_file_is_not_released() {
    refused(|blob| std::fs::remove_file(blob).unwrap(), "is not in the home");
}

#[test]
fn a_package_that_is_gone_is_refused_at_once() {
    let shop = Shop::open(1);
    let shown = shop.project.document(&["models", "show", "buyers@2"]);
    let package = shown["package"].as_str().unwrap();
    let (shelf, rest) = package.split_at(2);
    std::fs::remove_file(shop.project.home().join("blobs").join(shelf).join(rest)).unwrap();
    shop.project.fails(
        &["release", "buyers@2", "--to", "production"],
        16,
        "cannot release `buyers@2` to `production`: its package is not in the home",
    );
    assert_eq!(shop.version(), 1);
    shop.is_whole();
}

#[test]
fn a_package_with_a_changed_byte_is_not_released() {
    let change = |blob: &Path| {
        let mut bytes = std::fs::read(blob).unwrap();
        let place = bytes.len() / 2;
        bytes[place] ^= 1;
        std::fs::set_permissions(blob, std::fs::Permissions::from_mode(0o644)).unwrap();
        std::fs::write(blob, bytes).unwrap();
    };
    refused(change, "is damaged: its bytes have another digest");
}
