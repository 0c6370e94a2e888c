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
            "did you mean `live`? applied are live, next",
        ),
        (
            &["deploy", "lively"],
            13,
            "project `small` has no environment `lively`",
            "did you mean `live`? applied are live, next",
        ),
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
            "did you mean `live`? applied are live, next",
        ),
        (
            &["environments", "diff", "live", "lively"],
            13,
            "project `small` has no environment `lively`",
            "did you mean `live`? applied are live, next",
        ),
        (
            &["history", "lively"],
            13,
            "project `small` has no environment `lively`",
            "did you mean `live`? applied are live, next",
        ),
        (
            &["freeze", "lively"],
            13,
            "project `small` has no environment `lively`",
            "did you mean `live`? applied are live, next",
        ),
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

/// The file says something else each time, which only a release that is begun would apply.
#[test]
fn what_is_refused_leaves_the_home_as_it_was() {
    let quick = "tests = { load = { rate = 5, seconds = 1, errors = 1 } }";
    let stage = Stage::new(&[("staging", quick), ("production", "requires = \"staging\"")]);
    let project = &stage.project;
    let entries = || project.document(&["audit", "--limit", "1000"]).as_array().unwrap().len();
    let before = entries();
    let is_refused = |args: &[&str], message: &str| {
        let ended = project.modelyard(args);
        assert_ne!(ended.code, 0, "{args:?}");
        assert!(ended.stderr.starts_with(&format!("error: {message}")), "{args:?}\n{}", ended.text());
        assert!(!ended.text().contains("applied: "), "{}", ended.text());
    };
    // Nothing was ever applied.
    is_refused(&["deploy", "staging", "small@9", "--wait"], "there is no version `small@9`");
    is_refused(&["deploy", "live"], "project `small` has no environment `live`");
    let untested = "cannot release `small@1` to `production`: it was not tested in `staging`";
    is_refused(&["release", "small@1", "--to", "production"], untested);
    assert_eq!(project.document(&["environments", "list"]), serde_json::json!([]));
    assert_eq!(entries(), before);

    project.succeeds(&["deploy", "staging", "small@1", "--wait"]);
    project.succeeds(&["freeze", "staging"]);
    let more = format!("{quick}\nreplicas = 2");
    stage.declare(&[("staging", &more), ("production", "requires = \"staging\"\nbatch = 8")]);
    let before = entries();
    let differs =
        "cannot release `small@1` to `production`: `staging`, where it was tested, differs in `batch`";
    is_refused(&["release", "small@1", "--to", "production"], differs);
    is_refused(&["deploy", "staging", "small@1"], "cannot release `small@1` to `staging`: `");
    let slowly = ["release", "small@1", "--to", "staging", "--strategy", "canary"];
    is_refused(&slowly, "cannot release `small@1` to `staging`: `");
    assert_eq!(entries(), before);
    let plan = project.document(&["apply", "--dry-run"]);
    let changes = plan["changes"].as_array().unwrap().iter();
    let of_environments = changes.filter(|change| change["kind"] == "environment");
    let changed: Vec<_> = of_environments.map(|change| &change["key"]).collect();
    assert_eq!(changed, ["batch.rows", "replicas"], "{plan:#}");

    // What is begun is applied first.
    project.succeeds(&["unfreeze", "staging"]);
    project.succeeds(&["deploy", "staging", "small@1", "--wait"]);
    assert_eq!(project.document(&["apply", "--dry-run"])["changes"], serde_json::json!([]));
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
