//! What a change makes stale, what `status` says of it, and what a run makes of it.

use serde_json::json;

use crate::common::{Example, Project};

#[test]
fn changed_code_makes_another_version() {
    let project = Project::built(Example::Wine);
    project.edit("train.py", "max_iter=1000", "max_iter=900");
    let stale = [
        "wine ready: wine@1, sources unchanged",
        "train stale: train.py changed (1 line)",
        "package waits: for train",
        "test waits: for package",
        "register waits: for test",
    ];
    assert_eq!(project.status(), stale);
    // Looking changes nothing.
    assert_eq!(project.status(), stale);

    let run = project.document(&["run"]);
    assert_eq!((&run["model"], &run["all_cached"]), (&json!("wine-cultivar@2"), &json!(false)));
    assert_eq!(run["data"]["wine"]["number"], json!(1));
    assert_eq!(project.versions(), [2, 1]);
    let listed = project.document(&["models", "list"]);
    assert_eq!(listed[0]["aliases"], json!({"champion": 2}));

    let again = project.document(&["run"]);
    assert_eq!((&again["model"], &again["all_cached"]), (&json!("wine-cultivar@2"), &json!(true)));
    assert_eq!(
        project.status()[3..],
        ["test ready: f1_macro 0.961, 2 gates passed", "register ready: wine-cultivar@2"]
    );

    // The old code is the old package, which is registered already.
    project.edit("train.py", "max_iter=900", "max_iter=1000");
    assert_eq!(
        project.status()[1..3],
        ["train ready: 3 trials", "package ready: b6fd526a, onnx"].map(|line| {
            let package =
                project.document(&["models", "show", "wine-cultivar@1"])["package"].as_str().unwrap()[..8]
                    .to_owned();
            line.replace("b6fd526a", &package)
        })
    );
    assert_eq!(project.document(&["run"])["model"], json!("wine-cultivar@1"));
    assert_eq!(project.versions(), [2, 1]);
}

#[test]
fn a_changed_parameter_is_named_with_both_values() {
    let project = Project::built(Example::Wine);
    project.edit("modelyard.toml", "c = [0.01, 0.1, 1.0]", "c = [0.01, 0.1, 1.0, 5.0]");
    assert_eq!(project.status()[1], "train stale: one more trial: c 5.0");
    project.edit("modelyard.toml", "c = [0.01, 0.1, 1.0, 5.0]", "c = [0.01, 0.1, 5.0]");
    assert_eq!(project.status()[1], "train stale: c 1.0 → 5.0");
    // Two trials were there, and the winner is still the same: nothing new to register.
    let run = project.document(&["run"]);
    assert_eq!((&run["model"], &run["all_cached"]), (&json!("wine-cultivar@1"), &json!(false)));
    assert_eq!(project.status()[4], "register ready: wine-cultivar@1");
}

#[test]
fn a_set_parameter_is_no_longer_searched() {
    let project = Project::built(Example::Wine);
    let run = project.document(&["run", "--set", "params.c=1.0"]);
    assert_eq!((&run["params"], &run["model"]), (&json!({"c": 1.0}), &json!("wine-cultivar@2")));
    // It is a setting of that run alone.
    let run = project.document(&["run"]);
    assert_eq!((&run["params"], &run["model"]), (&json!({"c": 0.01}), &json!("wine-cultivar@1")));

    project.fails(&["run", "--set", "params.d=1"], 2, "[train] has no parameter `d`");
    project.fails(&["run", "--set", "c=1"], 2, "`--set c=1` sets no parameter");
    let failed = project.document_of(&["run", "--set", "params.c=many"], 7);
    assert_eq!(failed["error"]["kind"], json!("step"));
    assert!(failed["error"]["details"]["output"].as_str().unwrap().contains("invalid float value: 'many'"));
    assert_eq!(project.versions(), [2, 1]);
}

#[test]
fn a_forced_step_is_executed_and_comes_out_the_same() {
    let project = Project::built(Example::Wine);
    let before = project.document(&["run"]);
    for step in ["data", "train", "package", "test"] {
        let run = project.document(&["run", "--force", step]);
        assert_eq!(run["all_cached"], json!(false), "{step}");
        assert_eq!((&run["model"], &run["package"]), (&before["model"], &before["package"]), "{step}");
    }
    assert_eq!(project.document(&["run"])["all_cached"], json!(true));
    let ended = project.fails(&["run", "--force", "tests"], 2, "the project has no step `tests`");
    assert!(ended.stderr.contains("hint: it has wine, train, package, test, register"), "{}", ended.text());
}

#[test]
fn a_run_up_to_a_step_makes_that_and_no_more() {
    let project = Project::untouched(Example::Wine);
    let run = project.document(&["run", "wine"]);
    assert_eq!((&run["data"]["wine"]["number"], &run["package"]), (&json!(1), &json!(null)));
    assert_eq!(
        project.status()[..2],
        ["wine ready: wine@1, sources unchanged", "train new: has not run yet"]
    );
    project.fails(&["run", "wines"], 2, "the project has no step `wines`");
}
