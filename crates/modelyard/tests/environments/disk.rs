//! Disks that fill up while there are releases, and a home that can't be written.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::hostile::{Background, Ended, Project, wait_until};
use super::stage::Stage;

/// A mount namespace in which the home of a project lies on a small disk of its own.
struct Small {
    holder: Background,
}

impl Small {
    /// `script` mounts, with the home as `$1`.
    fn new(stage: &Stage, script: &str) -> Self {
        let home = stage.project.home();
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-e", "-c", &format!("{script}\necho ready; exec sleep 3600"), "sh"]);
        let mut holder = Background(command.arg(&home).stdout(Stdio::piped()).spawn().unwrap());
        let mut ready = [0; 6];
        std::io::Read::read_exact(holder.0.stdout.as_mut().unwrap(), &mut ready).unwrap();
        Self { holder }
    }

    fn command(&self, project: &Project, args: &[&str]) -> Command {
        let modelyard = project.command(args);
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.holder.0.id().to_string(), "--mount"]);
        command.arg(format!("--wd={}", project.root().display()));
        command.arg(modelyard.get_program()).args(args).env_clear();
        command.envs(modelyard.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    }

    fn modelyard(&self, project: &Project, args: &[&str]) -> Ended {
        Ended::of(self.command(project, args).output().unwrap())
    }

    #[track_caller]
    fn succeeds(&self, project: &Project, args: &[&str]) -> Ended {
        let ended = self.modelyard(project, args);
        assert_eq!(ended.code, 0, "{args:?}\n{}", ended.text());
        ended
    }

    #[track_caller]
    fn document(&self, project: &Project, args: &[&str]) -> Value {
        serde_json::from_str(&self.succeeds(project, &[args, &["--json"]].concat()).stdout).unwrap()
    }

    /// How a command ends for which there is no room.
    #[track_caller]
    fn has_no_room(&self, project: &Project, args: &[&str]) -> Ended {
        let ended = self.modelyard(project, args);
        assert_eq!(ended.code, 15, "{args:?}\n{}", ended.text());
        let says = ["No space left on device", "database or disk is full"];
        assert!(says.iter().any(|says| ended.stderr.contains(says)), "{}", ended.text());
        assert!(ended.stderr.contains("hint: free some space on that disk"), "{}", ended.text());
        assert!(!ended.stderr.contains("panicked"), "{}", ended.text());
        ended
    }

    /// The home as this namespace sees it.
    fn path(&self, project: &Project, name: &str) -> std::path::PathBuf {
        let root = format!("/proc/{}/root", self.holder.0.id());
        std::path::PathBuf::from(root + project.home().join(name).to_str().unwrap())
    }

    fn fill(&self, project: &Project) {
        let mut file = File::create(self.path(project, "fill")).unwrap();
        while file.write_all(&[1; 4096]).is_ok() {}
    }

    fn free(&self, project: &Project) {
        std::fs::remove_file(self.path(project, "fill")).unwrap();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

const OWN_DISK: &str =
    "cp -a \"$1\" \"$1-copy\"; mount -t tmpfs -o size=64m none \"$1\"; cp -a \"$1-copy/.\" \"$1/\"";

#[test]
fn a_full_disk_stops_a_release_and_not_what_serves() {
    if !is_root() {
        eprintln!("NOT TESTED: a small disk can be made by root alone");
        return;
    }
    let stage = Stage::new(&[("live", "approvals = 1")]);
    stage.another_version();
    let project = &stage.project;
    project.succeeds(&["apply", "--yes"]);
    for version in ["small@1", "small@2"] {
        project.succeeds(&["models", "approve", version]);
    }
    let small = Small::new(&stage, OWN_DISK);
    small.succeeds(project, &["deploy", "live", "small@1", "--wait"]);
    assert_eq!(stage.version("live"), 1);

    small.fill(project);
    let release = ["release", "small@2", "--to", "live", "--wait"];
    small.has_no_room(project, &release);
    assert_eq!(stage.version("live"), 1);
    small.has_no_room(project, &["models", "approve", "small@2"]);
    stage.declare(&[("live", "approvals = 1\nbatch = 7")]);
    let ended = small.has_no_room(project, &["apply", "--yes"]);
    assert!(!ended.stdout.contains("Applied"), "{}", ended.text());
    assert!(!small.has_no_room(project, &release).stderr.contains("applied:"), "nothing was");
    // Nothing is half there.
    let shown = small.document(project, &["environments", "show", "live"]);
    assert_eq!(
        (&shown["settings"]["batch"]["rows"], &shown["release"]),
        (&256.into(), &Value::Null),
        "{shown:#}"
    );
    assert_eq!(stage.version("live"), 1);

    small.free(project);
    small.succeeds(project, &["audit", "--verify"]);
    small.succeeds(project, &["apply", "--yes"]);
    small.succeeds(project, &release);
    assert_eq!(stage.version("live"), 2);

    // With a server: the disk fills up while the release waits for people, and it goes on by itself.
    let mut server = small.command(project, &["server", "--listen", &super::port::free().to_string()]);
    let mut server = Background(server.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
    std::io::Read::read_exact(server.0.stdout.as_mut().unwrap(), &mut [0; 10]).unwrap();
    small.succeeds(project, &["models", "reject", "small@1"]);
    small.succeeds(project, &["models", "approve", "small@1"]);
    stage.declare(&[("live", "approvals = 2\nbatch = 7")]);
    small.succeeds(project, &["release", "small@1", "--to", "live"]);
    small.fill(project);
    let approve = |small: &Small| {
        let mut command = small.command(project, &["models", "approve", "small@1"]);
        Ended::of(command.env("MODELYARD_ACTOR", "ben").output().unwrap())
    };
    assert_eq!(approve(&small).code, 15);
    assert_eq!(stage.version("live"), 2);
    small.free(project);
    assert_eq!(approve(&small).code, 0);
    wait_until("the release goes on", || stage.version("live") == 1);
    small.succeeds(project, &["audit", "--verify"]);
    small.succeeds(project, &["environments", "stop", "live", "--wait"]);
    let _ = std::fs::remove_dir_all(format!("{}-copy", project.home().display()));
}

#[test]
fn a_home_that_cannot_be_written_takes_no_release_and_goes_on_serving() {
    if !is_root() {
        eprintln!("NOT TESTED: a disk that can't be written can be made by root alone");
        return;
    }
    let stage = Stage::new(&[("live", "")]);
    stage.another_version();
    let project = &stage.project;
    project.succeeds(&["deploy", "live", "small@1", "--wait"]);
    let small = Small::new(&stage, "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"");
    for args in [
        &["release", "small@2", "--to", "live"][..],
        &["deploy", "live", "small@2"],
        &["rollback", "live"],
        &["models", "approve", "small@2"],
        &["freeze", "live"],
        &["apply", "--yes"],
        &["environments", "stop", "live"],
        &["server", "--listen", "127.0.0.1:0"],
    ] {
        let ended = small.modelyard(project, args);
        assert_eq!(ended.code, 15, "{args:?}\n{}", ended.text());
        assert!(ended.stderr.contains("error: cannot write to the home `"), "{args:?}\n{}", ended.text());
        assert!(!ended.stderr.contains("panicked"), "{args:?}\n{}", ended.text());
    }
    assert_eq!(stage.version("live"), 1);
    project.succeeds(&["release", "small@2", "--to", "live", "--wait"]);
    assert_eq!(stage.version("live"), 2);
}
