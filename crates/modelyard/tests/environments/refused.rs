//! What can't be: names of nothing, ports of others, environments with nothing in them.

use std::net::TcpListener;

use super::port::free;
use super::stage::{Stage, ask};

#[test]
fn names_of_nothing_are_refused_with_what_there_is() {
    let stage = Stage::new(&[("live", ""), ("next", "")]);
    let project = &stage.project;
    project.succeeds(&["apply", "--yes"]);
    for (args, code, message, hint) in [
        (
            &["release", "small@9", "--to", "live"][..],
            13,
            "there is no version `small@9`",
            "modelyard models show small",
        ),
        (
            &["release", "small@best", "--to", "live"],
            13,
            "there is no version `small@best`",
            "modelyard models show small",
        ),
        (
            &["release", "other@1", "--to", "live"],
            2,
            "cannot release `other` to `live`: it holds `small`",
            "the model that its project registers",
        ),
        (
            &["release", "small@1", "--to", "lively"],
            13,
            "project `small` has no environment `lively`",
            "applied are live, next",
        ),
        (&["deploy", "lively"], 13, "project `small` has no environment `lively`", "applied are live, next"),
        (&["deploy", "nobody/live"], 13, "project `nobody` has no environment `live`", "modelyard apply"),
        (&["release", "small@1"], 2, "it is not said where to release to", "--to ENVIRONMENT"),
        (&["release", "pause", "live"], 13, "no release is under way in `live`", "modelyard history live"),
        (&["rollback", "live"], 16, "cannot roll back `live`", ""),
        (&["models", "approve", "small"], 2, "`small` does not say which version is meant", "small@NUMBER"),
        (&["models", "approve", "small@9"], 13, "`small` has no version 9", "modelyard models show small"),
        (
            &["environments", "show", "lively"],
            13,
            "project `small` has no environment `lively`",
            "applied are live, next",
        ),
        (
            &["environments", "diff", "live", "lively"],
            13,
            "project `small` has no environment `lively`",
            "applied are live, next",
        ),
        (&["history", "lively"], 13, "project `small` has no environment `lively`", "applied are live, next"),
        (&["freeze", "lively"], 13, "project `small` has no environment `lively`", "applied are live, next"),
    ] {
        let ended = project.modelyard(args);
        assert_eq!(ended.code, code, "{args:?}\n{}", ended.text());
        let error = ended.stderr.split_once("error: ").map(|(_, error)| error).unwrap_or_default();
        assert!(error.starts_with(message), "{args:?}: wanted {message}\n{}", ended.text());
        assert!(
            error.contains("hint: ") && error.contains(hint),
            "{args:?}: no hint `{hint}`\n{}",
            ended.text()
        );
    }
    // Nothing of it was begun.
    for environment in project.document(&["environments", "list"]).as_array().unwrap() {
        assert!(environment["release"].is_null(), "{environment:#}");
    }
    let ended = project.modelyard(&["release", "small@1", "--to", "live", "--strategy", "rolling"]);
    assert_eq!(ended.code, 2, "{}", ended.text());
    assert!(
        ended.stderr.contains("wanted one of all-at-once, blue-green, canary, shadow, a-b"),
        "{}",
        ended.text()
    );
}

#[test]
fn another_program_s_port_fails_the_release_with_its_address() {
    let stage = Stage::new(&[("live", "")]);
    let project = &stage.project;
    let taken = TcpListener::bind(stage.addresses["live"]).unwrap();
    let ended =
        project.fails(&["deploy", "live", "small@1", "--wait"], 16, "`small@1` was not released to `live`\n");
    let address = taken.local_addr().unwrap().to_string();
    assert!(ended.stderr.contains(&address) && ended.stderr.contains("in use"), "{}", ended.text());
    // The way out: the port is free again, or another one is declared.
    drop(taken);
    project.succeeds(&["deploy", "live", "small@1", "--wait"]);
    assert_eq!(stage.version("live"), 1);
}

/// Whether by hand or by its target: it is there, it says why it has no answer, and takes in what comes.
#[test]
fn an_environment_without_a_version_says_so() {
    let stage = Stage::new(&[("live", "")]);
    let project = &stage.project;
    project.succeeds(&["apply", "--yes"]);
    let address = free();
    let mut plane = super::hostile::Background(
        project
            .command(&["serve", "--environment", "small/live", "--listen", &address.to_string(), "--json"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(plane.0.stdout.as_mut().unwrap()), &mut line)
        .unwrap();
    let (status, answer) = ask(address, "POST", "/predict/small", "", r#"{"x": 3}"#);
    assert_eq!((status, answer["code"].as_str()), (503, Some("not_ready")), "{answer}");
    assert!(
        answer["hint"].as_str().is_some_and(|hint| hint.contains("none was ever deployed here")),
        "{answer}"
    );
    let (status, _) = ask(address, "GET", "/v2/health/ready", "", "");
    assert!(status >= 400, "{status}");
    let (status, _) = ask(address, "GET", "/v2/health/live", "", "");
    assert_eq!(status, 200);
}
