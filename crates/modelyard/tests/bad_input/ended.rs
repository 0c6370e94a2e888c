//! Runs that the user ends.

use std::process::{Command, Stdio};

use super::hostile::{Background, Ended, Project, wait_until, wait_until_alone};

/// `first` is quick, `slow` needs it and waits until the file that it is told of is there.
fn project() -> Project {
    let project = Project::new(
        "[steps.first]\nrun = \"python3 first.py {outputs.out}\"\ncode = [\"first.py\"]\noutputs = [\"out\"]\n\n\
         [steps.slow]\nrun = \"python3 slow.py {steps.first.out} {outputs.out}\"\ncode = [\"slow.py\"]\noutputs = [\"out\"]\n\
         sandbox.read = [\"go\"]\n",
    );
    project.write("go/readme", "the second step waits for a file beside this one");
    project.write("first.py", "import sys\nopen(sys.argv[1], 'w').write('first')\n");
    let go = project.root().join("go/now");
    project.write(
        "slow.py",
        &format!(
            "import os, subprocess, sys, time\n\
             open('began', 'w')\n\
             if not os.path.exists({go:?}): subprocess.run(['sleep', '600'])\n\
             open(sys.argv[2], 'w').write('slow')\n"
        ),
    );
    project
}

/// Starts a run, waits until the slow step is under way, signals it, answers how it ended.
#[track_caller]
fn signalled(project: &Project, args: &[&str], signal: &str) -> Ended {
    let mut command = project.command(args);
    let mut running = Background(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let began = || project.stale_folders().iter().any(|folder| folder.join("work/began").exists());
    wait_until("the slow step begins", began);
    let id = running.0.id().to_string();
    assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    wait_until("the run ends", || running.0.try_wait().unwrap().is_some());
    let code = running.0.wait().unwrap().code().unwrap_or(-1);
    let read = |stream: &mut dyn std::io::Read| {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    };
    let (stdout, stderr) =
        (read(&mut running.0.stdout.take().unwrap()), read(&mut running.0.stderr.take().unwrap()));
    Ended { code, stdout, stderr }
}

#[test]
fn ctrl_c_ends_everything_and_the_next_run_goes_on() {
    for signal in ["-INT", "-TERM"] {
        let project = project();
        let ended = signalled(&project, &["run"], signal);
        assert_eq!(ended.code, 130, "{}", ended.text());
        assert!(ended.stderr.contains("error: cancelled"), "{}", ended.text());
        assert!(ended.stderr.contains("`modelyard run` goes on from what is finished"), "{}", ended.text());
        wait_until_alone(&project);
        assert!(project.stale_folders().is_empty(), "{:?}", project.stale_folders());
        assert!(!project.home_holds(b"slow\0"), "nothing half-written");
        let run = project.last_run();
        assert_eq!(run["status"], "cancelled", "{run:#}");

        project.write("go/now", "");
        let ended = project.succeeds(&["run"]);
        let first =
            ended.stdout.lines().find(|line| line.trim_start().starts_with("first ")).unwrap_or_default();
        assert!(first.ends_with("cached"), "{}", ended.text());
        assert_eq!(project.last_run()["status"], "finished");
    }
}

#[test]
fn ctrl_c_with_json_is_one_document() {
    let project = project();
    let ended = signalled(&project, &["run", "--json"], "-INT");
    assert_eq!(ended.code, 130, "{}", ended.text());
    let document: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document["error"]["kind"], "cancelled");
}

/// What nothing can catch: the next command finds out that nobody runs any more.
#[test]
fn a_killed_run_is_found_to_be_interrupted() {
    let project = project();
    let ended = signalled(&project, &["run"], "-KILL");
    assert_eq!(ended.code, -1);
    wait_until_alone(&project);
    let runs = project.document(&["runs", "list"]);
    assert_eq!(runs[0]["status"], "interrupted", "{runs:#}");
    project.write("go/now", "");
    project.succeeds(&["run"]);
    assert!(project.stale_folders().is_empty(), "{:?}", project.stale_folders());
}
