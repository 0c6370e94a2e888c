//! Several processes on one home.

use std::process::Stdio;

use modelyard_core::audit::verify;
use tempfile::tempdir;

use crate::child;
use crate::support::{assert_blobs_whole, open};

#[tokio::test]
async fn eight_processes_register_without_gap_or_double() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("home");
    // The home is not there yet: all of them make it at once, too.
    let children: Vec<_> = (0..8)
        .map(|i| {
            let mut command = child::command(&[], "register", &home, &i.to_string());
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut reports = Vec::new();
    for child in children {
        reports.extend(child::reported(child.wait_with_output().unwrap()));
    }
    let numbers = |kind: &str| -> Vec<u32> {
        let mut numbers: Vec<u32> = reports
            .iter()
            .filter_map(|report| report.strip_prefix(kind))
            .map(|number| number.trim().parse().unwrap())
            .collect();
        numbers.sort_unstable();
        numbers
    };
    assert_eq!(numbers("version "), (1..=80).collect::<Vec<_>>());
    assert_eq!(numbers("data "), (1..=80).collect::<Vec<_>>());
    assert_eq!(reports.iter().filter(|report| *report == "same 1 true").count(), 1);
    assert_eq!(reports.iter().filter(|report| *report == "same 1 false").count(), 7);

    let opened = open(&home).await;
    let entries = opened.audit.entries().await.unwrap();
    // A version and its alias each, the one that all share, and those appended.
    assert_eq!(entries.len(), 80 + 80 + 1 + 80);
    assert_eq!(verify(&entries, opened.audit.head().await.unwrap()), Ok(()));
    assert_eq!(opened.models.model("late").await.unwrap().unwrap().aliases["champion"], 80);
    assert_eq!(assert_blobs_whole(&home), 10);
}

#[tokio::test]
async fn a_watch_tells_of_what_another_process_wrote() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("home");
    let opened = open(&home).await;
    let mut watch = opened.observations.watch().await.unwrap();
    assert!(watch.changed().await.unwrap());
    assert!(!watch.changed().await.unwrap());
    let child = child::command(&[], "register", &home, "other").output().unwrap();
    child::reported(child);
    assert!(watch.changed().await.unwrap());
    assert!(!watch.changed().await.unwrap());
    // It keeps the home open, so that nobody upgrades it underneath.
    drop(opened);
    assert!(modelyard_store::upgrade(&home).await.is_err());
    drop(watch);
    modelyard_store::upgrade(&home).await.unwrap();
}
