//! A gate that fails has its own exit code and registers nothing.

use serde_json::json;

use crate::common::{Example, Project};

#[test]
fn a_bound_that_is_missed() {
    let project = Project::built(Example::Wine);
    project.edit("modelyard.toml", "f1_macro = { min = 0.8 }", "f1_macro = { min = 0.99 }");
    let failed = project.document_of(&["run"], 11);
    assert_eq!(failed["error"]["kind"], json!("gate"));
    assert_eq!(failed["error"]["message"], json!("gate failed: f1_macro; nothing was registered"));
    assert_eq!(failed["error"]["details"]["f1_macro"], json!("wanted at least 0.990, got 0.961"));
    // Judged at every run, though nothing is left to execute.
    let ended = project.fails(&["run"], 11, "gate failed: f1_macro; nothing was registered");
    assert!(
        ended.text().contains("gate failed: f1_macro. wanted at least 0.990, got 0.961"),
        "{}",
        ended.text()
    );
    assert_eq!(project.status()[3], "test broken: gate failed: f1_macro; nothing was registered");

    project.edit("train.py", "max_iter=1000", "max_iter=900");
    project.fails(&["run"], 11, "gate failed: f1_macro");
    assert_eq!(project.versions(), [1]);

    project.edit("modelyard.toml", "f1_macro = { min = 0.99 }", "f1_macro = { min = 0.8 }");
    assert_eq!(project.document(&["run"])["model"], json!("wine-cultivar@2"));
}

#[test]
fn a_challenger_that_is_worse_leaves_the_champion() {
    let project = Project::built(Example::Diabetes);
    let ended = project.fails(
        &["run", "--set", "params.alpha=1000"],
        11,
        "gate failed: champion; nothing was registered",
    );
    assert!(ended.stderr.contains("  champion: wanted not worse than "), "{}", ended.text());
    assert_eq!(project.versions(), [1]);
    let listed = project.document(&["models", "list"]);
    assert_eq!(listed[0]["aliases"], json!({"champion": 1}));
    // The next run is the champion's again, and has nothing to do.
    assert_eq!(project.document(&["run"])["all_cached"], json!(true));
}
