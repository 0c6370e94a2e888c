//! New data, requests, commits.

use std::process::Command;

use crate::mill::Mill;

#[test]
fn data_on_which_training_fails_tell_somebody_and_the_next_ones_train() {
    let mill = Mill::open("[[triggers]]\non = \"new-data\"\nmin_rows = 30\nthen = \"release\"\n");
    mill.project.write("data/2.csv", "part,grain,flour\ntrain,1,1\n");
    let few = mill.comes_to("skipped");
    assert_eq!(few["reason"], "1 rows are new, fewer than min_rows = 30");
    mill.season(2, -0.5);
    let text = std::fs::read_to_string(mill.project.root().join("data/2.csv")).unwrap();
    mill.project.write("data/2.csv", &text.replace("train,", "train,-"));
    let failed = mill.comes_to("failed");
    assert!(failed["reason"].as_str().unwrap().contains("train"), "{failed:#}");
    assert_eq!(mill.serving(), 1);
    let alerts = mill.alerts();
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0].0, "training-failed");

    mill.season(2, 0.8);
    assert_eq!(mill.comes_to("done")["model"], "flour@2");
    assert_eq!(mill.serving(), 2);
    assert_eq!(mill.alerts(), []);
}

#[test]
fn what_is_asked_for_is_trained_and_a_person_releases_it() {
    let mill = Mill::open("[[triggers]]\non = \"request\"\ncool_down = \"1h\"\nset = { scale = 0.9 }\n");
    // A worse model, by what the trigger sets.
    let ended = mill.project.modelyard(&["triggers", "fire", "--wait"]);
    assert_eq!(ended.code, 0, "{}", ended.text());
    let cause = mill.comes_to("kept");
    assert!(cause["reason"].as_str().unwrap().starts_with("not better: wanted "), "{cause:#}");
    assert_eq!(mill.trainings()[0]["params"]["scale"], 0.9);
    mill.project.fails(
        &["triggers", "fire", "--wait"],
        16,
        "the training was not to be: cooling down until ",
    );
    mill.project.fails(&["triggers", "fire", "nobody"], 13, "`mill` applied no trigger `nobody`");
    assert_eq!(mill.serving(), 1);
}

#[test]
fn a_commit_is_trained_and_one_that_is_no_better_changes_nothing() {
    let mut mill = Mill::open("[[triggers]]\non = [\"code\"]\nthen = \"register\"\n");
    let git = |words: &[&str]| {
        let identity = ["-c", "user.name=ada", "-c", "user.email=ada@example.com"];
        let mut command = Command::new("git");
        command.arg("-C").arg(mill.project.root()).args(identity).args(words);
        let ended = command.output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    };
    let train = std::fs::read_to_string(mill.project.root().join("train.py")).unwrap();
    // Rows lie above the line at its beginning alone, so a flatter one is nearer.
    mill.project.write("train.py", &train.replace("float(scale)", "0.999 * float(scale)"));
    git(&["init", "--quiet"]);
    git(&["add", "modelyard.toml", "train.py"]);
    git(&["commit", "--quiet", "-m", "flatter"]);
    let flatter = mill.comes_to("done");
    assert_eq!(flatter["model"], "flour@2", "{flatter:#}");

    mill.project.write("train.py", &train.replace("float(scale)", "0.7 * float(scale)"));
    git(&["commit", "--quiet", "-a", "-m", "flat"]);
    // A server that starts sees it as well.
    mill.kill();
    mill.start();
    let flat = mill.comes_to("kept");
    assert_ne!(flat["key"], flatter["key"]);
    assert_eq!(mill.alerts()[0].0, "commit-not-better");
    assert_eq!(mill.serving(), 1);
}

#[test]
fn rows_are_replayed_as_requests_in_their_order() {
    let mill = Mill::open("");
    let replayed = mill.project.document(&["replay", "sacks", "--environment", "production"]);
    assert_eq!(replayed["rows"], 40);
    assert_eq!(replayed["answered"], serde_json::json!({"flour@1": 40}));
    assert_eq!(replayed["refused"], serde_json::json!({}));
    mill.project.write("later.csv", "part,grain,flour\ntrain,1,1\n");
    let one = ["replay", "sacks", "--environment", "production", "--source", "sacks=later.csv"];
    assert_eq!(mill.project.document(&one)["rows"], 1);
    let labels = ["replay", "sacks", "--environment", "production", "--labels-after", "1d"];
    mill.project.fails(&labels, 2, "rows of `sacks` have no time of their own");
}
