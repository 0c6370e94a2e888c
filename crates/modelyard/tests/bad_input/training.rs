//! Trials that fail, and metrics that decide nothing.

use serde_json::json;

use super::hostile::{Project, TRAIN};

/// The line, with `find` in `train.py` replaced.
fn trained(find: &str, replace: &str, toml: &str) -> Project {
    let project = Project::line(toml);
    assert!(TRAIN.contains(find));
    project.write("train.py", &TRAIN.replace(find, replace));
    project
}

const ERROR: &str = "held = list";

#[test]
fn a_metric_that_is_nan_never_wins() {
    let one = trained(
        "json.dump({\"validation\": {\"error\": error}}",
        "json.dump({\"validation\": {\"error\": error if scale == '0.5' else float('nan')}}",
        "",
    );
    let built = one.document(&["run"]);
    assert_eq!(built["params"]["scale"], 0.5, "{built:#}");
    let all = trained(
        "json.dump({\"validation\": {\"error\": error}}",
        "json.dump({\"validation\": {\"error\": float('nan')}}",
        "",
    );
    all.fails(&["run"], 7, "every trial reported `validation.error` as NaN, so none can win");
    assert_eq!(all.document(&["models", "list"]), serde_json::json!([]));
}

#[test]
fn a_metric_that_is_not_reported_lists_those_that_are() {
    let project = trained(
        "\"validation\": {\"error\": error}",
        "\"held\": {\"error\": error, \"rows\": len(held)}",
        "",
    );
    let ended = project.fails(&["run"], 7, "trial 1 did not report the metric `validation.error`");
    assert!(ended.stderr.contains("reported: `held.error`, `held.rows`"), "{}", ended.text());
}

#[test]
fn metrics_that_are_no_numbers() {
    let project = trained("\"validation\": {\"error\": error}", "\"validation\": {\"error\": [error]}", "");
    let ended = project.fails(&["run"], 7, "");
    assert!(ended.stderr.contains("`metrics.json` can't be read"), "{}", ended.text());
    assert!(ended.stderr.contains("cause: `validation.error` is no number"), "{}", ended.text());
}

#[test]
fn one_trial_that_fails_does_not_end_the_search() {
    let project = trained(ERROR, "if scale == '0.5': sys.exit('no good')\nheld = list", "");
    let ended = project.succeeds(&["run"]);
    assert!(ended.stdout.contains("1 of 2 trials"), "{}", ended.text());
    assert!(
        ended.stdout.contains("trial 1 failed: step `train` failed with exit code 1"),
        "{}",
        ended.text()
    );
    // It has a run of its own, though nothing of it is in the cache.
    let trials = project.last_run()["trials"].as_array().unwrap().clone();
    let [done, failed] = trials.as_slice() else { panic!("{trials:?}") };
    assert_eq!((&done["name"], &done["status"]), (&json!("trial 2"), &json!("finished")));
    assert_eq!((&failed["name"], &failed["status"]), (&json!("trial 1"), &json!("failed")));
    assert_eq!(failed["params"], json!({"scale": 0.5}));
    let id = failed["id"].as_str().unwrap();
    assert_eq!(project.succeeds(&["logs", id]).stdout, "no good\n");
    let shown = project.succeeds(&["runs", "show", id]).stdout;
    assert!(shown.contains("error: step `train` failed with exit code 1"), "{shown}");
    let listed = project.succeeds(&["runs", "list", "--all"]).stdout;
    let line = listed.lines().find(|line| line.contains(id)).unwrap();
    assert!(
        line.contains("trial 1") && line.contains("failed") && line.contains("step `train` failed…"),
        "{listed}"
    );
}

#[test]
fn every_trial_failing_shows_the_first() {
    let project = trained(ERROR, "sys.exit('no good: ' + scale)\nheld = list", "");
    let ended =
        project.fails(&["run"], 7, "all 2 trials failed; the first: step `train` failed with exit code 1\n");
    assert!(ended.stderr.contains("no good: 0.5\n"), "{}", ended.text());
    assert_eq!(project.succeeds(&["logs", &ended.logged_run()]).stdout, "no good: 0.5\n");
    let shown = project.last_run();
    let trials: Vec<_> = shown["trials"].as_array().unwrap().iter().collect();
    for (trial, log) in trials.iter().zip(["no good: 0.5\n", "no good: 1.0\n"]) {
        assert_eq!(trial["status"], "failed");
        assert_eq!(project.succeeds(&["logs", trial["id"].as_str().unwrap()]).stdout, log);
    }
    assert_eq!(trials.len(), 2);
}

#[test]
fn a_gate_that_fails_registers_nothing() {
    let project = Project::line("gates = { rmse = { min = 1.0 } }\n");
    let ended = project.modelyard(&["run"]);
    assert_eq!(ended.code, 11, "{}", ended.text());
    assert!(ended.text().contains("gate failed: rmse"), "{}", ended.text());
    assert_eq!(project.document(&["models", "list"]), serde_json::json!([]));
    assert_eq!(project.last_run()["gates"][0]["passed"], false);
}

#[test]
fn a_step_that_is_a_gate_stops_the_line_and_another_does_not() {
    let step = "\n[steps.look]\nrun = [\"python3\", \"-c\", \"import sys; sys.exit('ugly')\"]\n";
    let project = Project::line(&format!("{step}gate = true\n"));
    let ended = project.modelyard(&["run"]);
    assert_eq!(ended.code, 11, "{}", ended.text());
    assert!(
        ended.stderr.contains("look") && ended.stderr.contains("nothing was registered"),
        "{}",
        ended.text()
    );
    assert_eq!(project.document(&["models", "list"]), serde_json::json!([]));

    let project = Project::line(step);
    let ended = project.succeeds(&["run"]);
    assert!(ended.stdout.contains("failed, and the line goes on"), "{}", ended.text());
    assert_eq!(project.document(&["models", "list"])[0]["latest_version"], 1);
    assert_eq!(project.succeeds(&["logs", "look"]).stdout, "ugly\n");
    // Asked for by name, it has to work.
    project.fails(&["run", "look"], 7, "step `look` failed with exit code 1");
}
