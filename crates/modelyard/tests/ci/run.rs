//! `modelyard ci run`, and the JUnit XML that it writes.

use serde_json::{Value, json};

use super::hostile::Project;
use super::pipeline::Repository;

/// Reads JUnit XML as a build server does: suites, cases, what failed and what was skipped.
const READ: &str = "
import json, sys, xml.etree.ElementTree as tree
suite, = tree.parse(sys.argv[1]).getroot().iter('testsuite')
cases = suite.findall('testcase')
failed = [case for case in cases if case.find('failure') is not None]
skipped = [case for case in cases if case.find('skipped') is not None]
counts = [int(suite.get(name)) for name in ('tests', 'failures', 'skipped')]
assert counts == [len(cases), len(failed), len(skipped)], counts
assert all(float(case.get('time')) >= 0 for case in cases)
print(json.dumps({
    'cases': [case.get('name') for case in cases],
    'skipped': [case.get('name') for case in skipped],
    'failed': {case.get('name'): [case.find('failure').get('message'), case.find('failure').text] for case in failed},
}))
";

#[track_caller]
fn junit(repository: &Repository) -> Value {
    let file = repository.project.root().join("result.xml");
    let output = std::process::Command::new("python3").args(["-c", READ]).arg(&file).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{}", std::fs::read_to_string(&file).unwrap());
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_stage_is_in_the_report_and_releases_are_asked_for() {
    let repository = Repository::new("");
    let project = &repository.project;
    let ended = project.succeeds(&["ci", "run", "--junit", "result.xml"]);
    let stages = ["lint", "test", "build", "apply", "deploy-staging", "release-production"];
    for stage in stages {
        let line = ended.stdout.lines().find(|line| line.starts_with(&format!("{stage} ")));
        let outcome = if stage == "release-production" { "skipped" } else { "passed" };
        assert!(line.is_some_and(|line| line.contains(outcome)), "{stage}: {}", ended.text());
    }
    assert_eq!(junit(&repository), json!({"cases": stages, "skipped": ["release-production"], "failed": {}}));
    let done = project.document(&["ci", "run", "--release", "--junit", "result.xml"]);
    assert_eq!(done[5]["outcome"], "passed", "{done}");
    assert_eq!(junit(&repository)["skipped"], json!([]));
    let history = project.document(&["history", "production"]);
    assert_eq!(history[0]["versions"][0]["number"], 1, "{history}");
}

#[test]
fn the_stage_that_fails_is_named_and_later_ones_are_skipped() {
    let repository = Repository::new("");
    let project = &repository.project;
    project.write("Makefile", "lint:\n\t@printf '\\033[31m<no> & \"no\"\\n'\n\t@exit 1\ntest:\n\t@true\n");
    let ended = project.fails(
        &["ci", "run", "--release", "--junit", "result.xml"],
        7,
        "the stage `lint` failed\n  command: make lint\n",
    );
    assert!(ended.stdout.contains("\nlint                 failed"), "{}", ended.text());
    let read = junit(&repository);
    assert_eq!(read["skipped"], json!(["test", "build", "apply", "deploy-staging", "release-production"]));
    assert_eq!(read["failed"]["lint"][0], "`make lint` failed");
    assert!(read["failed"]["lint"][1].as_str().unwrap().contains("[31m<no> & \"no\""), "{read}");

    let ended = project.modelyard(&["ci", "run", "--json"]);
    assert_eq!(ended.code, 7, "{}", ended.text());
    let document: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.text()));
    assert_eq!((&document[0]["outcome"], &document[0]["command"]), (&json!("failed"), &json!("make lint")));

    // A production that somebody stopped is theirs to start.
    project.write("Makefile", "");
    project.succeeds(&["ci", "run"]);
    project.succeeds(&["environments", "stop", "production"]);
    let ended = project.modelyard(&["ci", "run", "--release"]);
    assert_eq!(ended.code, 7, "{}", ended.text());
    assert!(ended.stderr.contains("error: the stage `release-production` failed\n"), "{}", ended.text());
    assert!(ended.stderr.contains("hint: modelyard environments start production"), "{}", ended.text());
}

#[test]
fn an_alias_names_what_the_run_came_to() {
    let project = Project::line("gates = { rmse = { max = 1.0 } }\n");
    let done = project.document(&["run", "--alias", "ci-1", "--alias", "nightly"]);
    assert_eq!((&done["model"], &done["aliases"]), (&json!("small@1"), &json!(["ci-1", "nightly"])));
    // Another version, then the first one again: nothing is registered, and that is what the run came to.
    let first = std::fs::read_to_string(project.root().join("train.py")).unwrap();
    project.write("train.py", &first.replace("[slope * x for x", "[slope * x + 0.001 for x"));
    project.succeeds(&["run", "--alias", "ci-2"]);
    project.write("train.py", &first);
    let ended = project.succeeds(&["run", "--alias", "ci-3"]);
    assert!(ended.text().contains("small@1   unchanged, ci-3"), "{}", ended.text());
    let named = |alias: &str| project.modelyard(&["models", "show", &format!("small@{alias}"), "--json"]);
    let number =
        |alias: &str| serde_json::from_str::<Value>(&named(alias).stdout).unwrap()["version"].clone();
    assert_eq!([number("ci-1"), number("ci-2"), number("ci-3")], [1, 2, 1]);
    let audit = project.document(&["audit"]).to_string();
    assert!(audit.contains(r#""alias":"ci-3""#), "{audit}");

    // Nothing is named where gates fail, where there is no version to name, and by what is no name.
    project.write("train.py", &first.replace("[slope * x for x", "[slope * x + 9 for x"));
    project.fails(&["run", "--alias", "ci-4"], 11, "gate failed: rmse");
    assert_eq!(named("ci-4").code, 13);
    project.fails(
        &["run", "train", "--alias", "ci-4"],
        2,
        "`--alias` names a version, and a run up to `train` comes to none",
    );
    project.fails(
        &["run", "--alias", "v4"],
        2,
        "invalid value 'v4' for '--alias <NAME>': `v4` can't be an alias",
    );
}
