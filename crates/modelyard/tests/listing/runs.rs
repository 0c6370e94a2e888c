//! `runs`, `show`, `logs`, `diff`: what ran, and what came of it.

use serde_json::{Value, json};

use crate::prepared::{prepare, project};
use crate::{assert_fits, document, refused, told};

#[test]
fn a_project_that_has_not_run_says_what_to_do() {
    let folder = project();
    assert_eq!(told(folder.path(), &["runs", "list"]), "Nothing has run yet.\nnext: modelyard run\n");
    assert_eq!(document(folder.path(), &["runs", "list"]), json!([]));
    for command in [["show", ""], ["logs", ""], ["diff", ""], ["report", ""]] {
        let (code, text) = refused(folder.path(), &command[..1]);
        assert_eq!(
            (code, text.as_str()),
            (13, "error: the project `prices` has not run yet\n  hint: modelyard run\n")
        );
    }
    let (code, text) = refused(folder.path(), &["show", "train"]);
    assert_eq!(
        (code, text.as_str()),
        (13, "error: there is no run `train`\n  hint: nothing has run yet: `modelyard run`\n")
    );
    assert!(!folder.path().join(".modelyard").exists(), "looking makes no home");
}

#[test]
fn runs_are_listed_with_what_they_came_to() {
    let prepared = prepare();
    let (first, second, third) = (prepared.registered, prepared.stopped, prepared.killed);
    assert_eq!(
        told(prepared.path(), &["runs", "list"]),
        format!(
            "run                         status       started        result\n\
             {third}  interrupted  14 March 2020\n\
             {second}  failed       14 March 2020  gate failed: champion\n\
             {first}  finished     14 March 2020  house-prices@1\n"
        )
    );
    let listed = document(prepared.path(), &["runs", "list"]);
    let ids: Vec<&Value> = listed.as_array().unwrap().iter().map(|run| &run["id"]).collect();
    assert_eq!(json!(ids), json!([third, second, first]));
    assert_eq!((&listed[0]["status"], &listed[0]["ended_at"]), (&json!("interrupted"), &Value::Null));
    let first = &listed[2];
    assert_eq!((&first["model"], &first["metric"]["value"]), (&json!("house-prices@1"), &json!(10.0)));
    assert_eq!(
        (&first["started_at"], &first["params"]),
        (&json!("2020-03-14T09:01:00Z"), &json!({"depth": 5}))
    );
    assert_eq!(document(prepared.path(), &["runs", "list", "-n", "1"]).as_array().unwrap().len(), 1);
    assert_eq!(document(prepared.path(), &["runs", "list", "--all"]).as_array().unwrap().len(), 10);
    assert_fits(&told(prepared.path(), &["runs", "list", "--all"]));
    // From elsewhere, by the home alone.
    let home = prepared.home();
    let elsewhere = tempfile::tempdir().unwrap();
    let text = told(elsewhere.path(), &["runs", "list", "--home", home.to_str().unwrap()]);
    assert!(text.contains("  prices  "), "{text}");
}

#[test]
fn a_run_is_shown_with_its_steps_and_its_trials_the_best_first() {
    let prepared = prepare();
    let (run, train, [one, two]) = (prepared.registered, prepared.train, prepared.trials);
    let shown = document(prepared.path(), &["show", &run.to_string()]);
    let steps: Vec<&Value> = shown["steps"].as_array().unwrap().iter().map(|step| &step["name"]).collect();
    assert_eq!(json!(steps), json!(["houses", "train", "test"]));
    let trials: Vec<&Value> = shown["trials"].as_array().unwrap().iter().map(|trial| &trial["id"]).collect();
    assert_eq!(json!(trials), json!([two, one]), "the lower rmse first");
    assert_eq!(shown["config"]["train"]["search"]["goal"], "minimize");
    assert_eq!(shown["commit"]["changed"], true);
    assert_eq!(shown["trust"]["inputs_complete"], true);
    let text = told(prepared.path(), &["show", &run.to_string()]);
    assert_fits(&text);
    let houses = shown["steps"][0]["id"].as_str().unwrap();
    let test = shown["steps"][2]["id"].as_str().unwrap();
    let package = &shown["package"].as_str().unwrap()[..8];
    assert_eq!(
        text,
        format!(
            "{run}   finished 14 March 2020, took 1 min 5 s\n  \
             project    prices\n  \
             command    modelyard run\n  \
             source     commit 4f1c2aa0 on main, with uncommitted changes\n  \
             data       houses@1, 15 rows from 1 source\n  \
             params     depth 5\n  \
             package    {package}, onnx\n  \
             model      house-prices@1\n\n\
             step    status     wall    CPU  memory  run\n\
             houses  cached                          {houses}\n\
             train   finished  1.4 s  2.6 s  148 MB  {train}\n\
             test    finished                        {test}\n\n\
             trial  depth  validation.rmse   wall  run\n\
             2          5            29.25  1.4 s  {two}\n\
             1          3            31.50  1.4 s  {one}\n\n\
             gate              wanted              got\n\
             champion  passed  better than 57.735  10.000\n\n\
             next: modelyard report {run}\n      \
             modelyard models show house-prices@1\n"
        )
    );
}

#[test]
fn a_run_that_was_stopped_says_why_and_how_far_it_can_be_trusted() {
    let prepared = prepare();
    let text = told(prepared.path(), &["show", &prepared.stopped.to_string()]);
    assert_fits(&text);
    for part in [
        "failed 14 March 2020",
        "\n  trust      inputs not complete: sandbox = \"off\"\n",
        "\n  trust      unsealed: a step could have read the test rows\n",
        "\nchampion  failed  better than 10.000  50.000\n",
        "\nerror: gate failed: champion; nothing was registered\n",
        &format!("\nnext: modelyard report {}\n", prepared.stopped),
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn a_step_is_named_by_itself_and_a_version_by_the_run_that_made_it() {
    let prepared = prepare();
    let path = prepared.path();
    // The newest run has no step of its own: the step of the one before is the newest.
    let train = document(path, &["show", "train"]);
    assert_eq!((&train["name"], &train["parent"]), (&json!("train"), &json!(prepared.stopped)));
    let made = document(path, &["show", "house-prices@1"]);
    assert_eq!(made["id"], json!(prepared.registered));
    assert_eq!(document(path, &["show"])["id"], json!(prepared.killed), "the newest");
    let text = told(path, &["show", &prepared.trials[0].to_string().to_lowercase()]);
    assert!(text.contains("trial 1 finished 14 March 2020"), "{text}");
    assert!(text.contains("\n  metric     validation.rmse 31.50\n"), "{text}");
    assert!(text.contains("\n  cost       1.4 s wall, 2.6 s CPU, 148 MB of memory\n"), "{text}");

    let beginning = &prepared.registered.to_string()[..4];
    let (code, text) = refused(path, &["show", beginning]);
    assert_eq!(code, 2);
    assert!(text.starts_with(&format!("error: `{beginning}` could be any of 10 runs\n  runs: ")), "{text}");
    let (code, text) = refused(path, &["show", "trian"]);
    assert_eq!(code, 13);
    assert!(text.starts_with("error: there is no run `trian`\n  hint: the newest is `"), "{text}");
    let (code, text) = refused(path, &["show", "house-prices@4"]);
    assert_eq!(code, 13);
    assert!(text.starts_with("error: `house-prices` has no version 4\n"), "{text}");
}

#[test]
fn the_effective_configuration_is_that_of_the_run() {
    let prepared = prepare();
    let path = prepared.path();
    let run = prepared.registered.to_string();
    let config = document(path, &["show", &run, "--config"]);
    assert_eq!(config["train"]["step"]["params"], json!({"depth": 3, "limit": null}));
    let text = told(path, &["show", &run, "--config"]);
    let read: toml::Table = text.parse().unwrap();
    assert_eq!(read["train"]["step"]["params"]["limit"].as_str(), Some("none"));
    assert_eq!(read["train"]["search"]["space"]["depth"]["choices"].as_array().unwrap().len(), 2);
    assert!(read.get("classes").is_none());
    let of_trial = document(path, &["show", &prepared.trials[1].to_string(), "--config"]);
    assert_eq!(of_trial, config, "of the pipeline run it belongs to");
    let (code, text) = refused(path, &["show", &prepared.stopped.to_string(), "--config"]);
    assert_eq!(code, 13);
    assert!(text.contains("has no snapshot"), "{text}");
}

#[test]
fn logs_are_printed_as_they_are() {
    let prepared = prepare();
    let path = prepared.path();
    assert_eq!(told(path, &["logs", &prepared.trials[0].to_string()]), "depth 3\nrmse 31.5\n");
    assert_eq!(told(path, &["logs", "train"]), "depth 7\nrmse 35\n", "the newest run of the step");
    assert_eq!(told(path, &["logs", &prepared.registered.to_string()]), "depth 5\nrmse 29.25\n");
    let logs = document(path, &["logs", &prepared.registered.to_string()]);
    assert_eq!(
        logs,
        json!([{"run": prepared.train, "step": "train", "status": "finished", "log": "depth 5\nrmse 29.25"}])
    );
    let (code, text) = refused(path, &["logs"]);
    assert_eq!(code, 13);
    assert!(text.contains("has no log: no step of it ran a command"), "{text}");
}

#[test]
fn runs_are_compared_where_they_differ() {
    let prepared = prepare();
    let path = prepared.path();
    let [one, two] = prepared.trials.map(|trial| trial.to_string());
    assert_eq!(
        told(path, &["runs", "compare", &one, &two]),
        format!(
            "1  {one}  trial 1 finished\n2  {two}  trial 2 finished\n\n\
             params  1  2\ndepth   3  5\n\n\
             metrics              1      2\nvalidation.rmse  31.50  29.25\n"
        )
    );
    let all = told(path, &["runs", "compare", &one, &two, "--all"]);
    assert!(all.contains("\ncode         ") && all.contains("\ncommand      "), "{all}");
    assert_fits(&all);
    let (first, second) = (prepared.registered.to_string(), prepared.stopped.to_string());
    let comparison = document(path, &["runs", "compare", &first, &second]);
    let row = |part: &str, name: &str| {
        let rows = comparison[part].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).cloned().unwrap_or_default()
    };
    assert_eq!(row("params", "depth"), json!({"name": "depth", "values": [5, 7], "differs": true}));
    assert_eq!(row("metrics", "test.rmse")["values"], json!([10.0, 50.0]));
    assert_eq!(row("data", "houses")["differs"], false);
    assert_eq!(row("origin", "code")["differs"], true);
    assert_eq!(refused(path, &["runs", "compare", &first]).0, 2);
    let (code, text) = refused(path, &["runs", "compare", &first, "house-prices@1"]);
    assert_eq!(code, 2);
    assert!(text.contains(&format!("`house-prices@1` is the run {first} once more")), "{text}");
}

#[test]
fn a_diff_says_what_led_from_one_run_to_another() {
    let prepared = prepare();
    let path = prepared.path();
    let (first, second) = (prepared.registered.to_string(), prepared.stopped.to_string());
    let text = told(path, &["diff", "house-prices@1", &second]);
    assert_fits(&text);
    assert!(
        text.starts_with(&format!(
            "{first} → {second}\n  train      train.py changed (1 line)\n             depth 5 → 7\n\n\
             metrics          before  after"
        )),
        "{text}"
    );
    assert!(text.contains("\ntest.rmse         10.00  50.00  +40.00\n"), "{text}");
    let diff = document(path, &["diff", &first, &second]);
    assert_eq!(
        diff["steps"],
        json!([{"step": "train", "changes": ["train.py changed (1 line)", "depth 5 → 7"]}])
    );
    assert_eq!(diff["same"], false);
    let same = document(path, &["diff", &first, &first]);
    assert_eq!((&same["same"], &same["steps"]), (&json!(true), &json!([])));
    let latest = document(path, &["diff"]);
    assert_eq!(latest["runs"][0]["id"], json!(prepared.stopped), "the one before the newest");
    assert_eq!(latest["runs"][1]["id"], json!(prepared.killed));
}
