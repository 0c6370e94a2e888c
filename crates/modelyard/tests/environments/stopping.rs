//! Stopping an environment, until the last of its processes has ended, whoever ends meanwhile.

use std::process::{Command, Stdio};

use super::hostile::{Ended, wait_until};
use super::port::free;
use super::stage::Stage;

fn planes(stage: &Stage) -> Vec<u32> {
    let processes = stage.project.processes();
    let ids = processes.iter().filter(|process| process.contains(" serve --environment small/live "));
    ids.map(|process| process.split(' ').next().unwrap().parse().unwrap()).collect()
}

fn signal(name: &str, ids: &[u32]) {
    for id in ids {
        assert!(Command::new("kill").args([name, &id.to_string()]).status().unwrap().success());
    }
}

#[test]
fn it_is_stopped_once_its_processes_have_ended_whoever_ends_them() {
    let stage = Stage::new(&[("live", "replicas = 2")]);
    let project = &stage.project;
    let (server, _) = stage.server();
    project.succeeds(&["deploy", "live", "small@1", "--wait"]);
    let ids = planes(&stage);
    assert!(ids.len() >= 2, "{ids:?}");
    // They do not end when they are asked to.
    signal("-STOP", &ids);
    let begun = project.succeeds(&["environments", "stop", "live", "--no-wait"]);
    assert_eq!(begun.stdout, "live is being stopped: 2 replicas to end\n");
    let mut command = project.command(&["environments", "stop", "live"]);
    let mut stopping = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(stopping.try_wait().unwrap().is_none(), "it did not wait");
    // The server, which waits for them, ends: now it is on the command.
    drop(server);
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(stopping.try_wait().unwrap().is_none(), "it did not wait");
    assert_eq!(planes(&stage), ids);
    signal("-CONT", &ids);
    let stopped = Ended::of(stopping.wait_with_output().unwrap());
    assert_eq!(stopped.code, 0, "{}", stopped.text());
    assert!(stopped.stdout.starts_with("live is stopped; "), "{}", stopped.text());
    assert_eq!(planes(&stage), [] as [u32; 0], "it said so too early");
    assert_eq!(project.succeeds(&["environments", "stop", "live"]).stdout, "live was stopped already\n");
}

#[test]
fn what_is_wanted_and_not_there_is_told_with_whose_turn_it_is() {
    let mut stage = Stage::new(&[("live", "")]);
    stage.project.succeeds(&["deploy", "live", "small@1", "--wait"]);
    let before = stage.addresses.insert("live", free()).unwrap();
    stage.declare(&[("live", "")]);
    stage.project.succeeds(&["apply", "--yes"]);
    let line = format!(
        "live wants {}, which it has not got: no server runs that would see to it (modelyard server)",
        stage.addresses["live"]
    );
    for args in [&["environments", "show", "live"][..], &["environments", "list"]] {
        let told = stage.project.succeeds(args).stdout;
        assert!(told.lines().any(|told| told == line) && told.contains(&before.to_string()), "{told}");
    }
    let _server = stage.server();
    wait_until("the server sees to it", || {
        let told = stage.project.succeeds(&["environments", "show", "live"]).stdout;
        assert!(!told.contains("no server runs") && !told.contains("log says why"), "{told}");
        !told.contains(" wants ")
    });
    assert_eq!(stage.version("live"), 1);
}

#[test]
fn one_that_the_project_no_longer_has_leaves_no_process_and_nothing_on_the_target() {
    let stage = Stage::new(&[("live", ""), ("spare", "")]);
    let kept = |stage: &Stage, name: &str| stage.project.home().join("replicas/small").join(name).exists();
    stage.project.succeeds(&["deploy", "spare", "small@1", "--wait"]);
    stage.project.succeeds(&["deploy", "live", "small@1", "--wait"]);
    assert!(kept(&stage, "spare") && kept(&stage, "live") && !planes(&stage).is_empty());
    // Without a server the command that applies sees to it.
    stage.declare(&[("live", "")]);
    stage.project.succeeds(&["apply", "--yes"]);
    assert!(std::net::TcpStream::connect(stage.addresses["spare"]).is_err(), "it still answers");
    assert!(!kept(&stage, "spare") && kept(&stage, "live"));
    assert_eq!(stage.version("live"), 1);
}
