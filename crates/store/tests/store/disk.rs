//! Disks that are full or read-only.
//!
//! A small disk, or a read-only one for root, needs a mount in a namespace of its own. Where the
//! system does not allow one, a limit on the size of files and the folder's mode take its place.

use std::process::{Command, Stdio};

use tempfile::tempdir;

use crate::child;
use crate::support::{action_result, open};

/// Words before which a command may mount, if any may.
fn namespace() -> Option<&'static [&'static str]> {
    [&["unshare", "--mount"][..], &["unshare", "--mount", "--map-root-user"]].into_iter().find(|words| {
        let mut command = Command::new(words[0]);
        let tried = command.args(&words[1..]).args(["mount", "-t", "tmpfs", "none", "/mnt"]);
        tried.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    })
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing_half_written() {
    let folder = tempdir().unwrap();
    let Some(namespace) = namespace() else {
        return a_limit_on_files_is_said_and_leaves_nothing_half_written();
    };
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = format!("mount -t tmpfs -o size=6m none '{}' && exec \"$0\" \"$@\"", disk.display());
    let wrapper = [namespace, &["sh", "-c", &mount]].concat();
    let output = child::command(&wrapper, "fill the disk", &disk, "").output().unwrap();
    assert_eq!(child::reported(output), ["done"]);
}

#[test]
fn a_limit_on_files_is_said_and_leaves_nothing_half_written() {
    let folder = tempdir().unwrap();
    // In units of 512 bytes; without the trap the signal would end the process.
    let wrapper = ["sh", "-c", "trap '' XFSZ; ulimit -f 900; exec \"$0\" \"$@\""];
    let output = child::command(&wrapper, "meet a limit", &folder.path().join("home"), "").output().unwrap();
    assert_eq!(child::reported(output), ["done"]);
}

#[tokio::test]
async fn a_read_only_home_is_said() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("home");
    let opened = open(&home).await;
    opened.results.put(&action_result(1)).await.unwrap();
    drop(opened);

    let place = home.display();
    let remount = format!(
        "mount --bind '{place}' '{place}' && mount -o remount,bind,ro '{place}' && exec \"$0\" \"$@\""
    );
    let chmod = format!("chmod -R a-w '{place}' && exec \"$0\" \"$@\"");
    let wrapper = match namespace() {
        Some(namespace) => [namespace, &["sh", "-c", &remount]].concat(),
        None => vec!["sh", "-c", &chmod],
    };
    let output = child::command(&wrapper, "open read-only", &home, "").output().unwrap();
    let _ = Command::new("chmod").args(["-R", "u+w"]).arg(&home).status();
    let reports = child::reported(output);
    assert_eq!(reports.len(), 2);
    for report in reports {
        assert!(report.contains("hint: make the home writable for this user"), "{report}");
    }
}
