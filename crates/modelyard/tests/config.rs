//! `modelyard check` and `modelyard schema` as one types them.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::path::Path;
use std::process::{Command, Output};

fn modelyard(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_modelyard"))
        .args(args)
        .current_dir(folder)
        .env_remove("MODELYARD_PROJECT")
        .env_remove("MODELYARD_HOME")
        .output()
        .unwrap()
}

/// Exit code, stdout and stderr in one text.
fn told(output: &Output) -> String {
    format!(
        "exit {}\n{}---\n{}",
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

const GOOD: &str = r#"
[project]
name = "prices"
task = "regression"
target = "price"

[data.houses]
sources.houses = "houses.csv"
"#;

#[test]
fn a_good_file_is_said_to_be_in_order_from_any_folder_below() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("notebooks/old");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(folder.path().join("modelyard.toml"), GOOD).unwrap();
    let wanted = "exit 0\nmodelyard.toml is in order\n  project    prices: regression of `price`\n  \
                  data       houses: 1 source\nnext: modelyard run\n---\n\
                  remark: source `houses` finds no file at `houses.csv`\n";
    assert_eq!(told(&modelyard(&below, &["check"])), wanted);
    assert_eq!(told(&modelyard(&below, &["check", "-q"])), "exit 0\nmodelyard.toml is in order\n---\n");
    let json = modelyard(Path::new("/"), &["-C", folder.path().to_str().unwrap(), "check", "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(document["valid"], true);
    assert_eq!(document["remarks"][0], "source `houses` finds no file at `houses.csv`");
}

#[test]
fn problems_end_in_exit_1_with_their_places() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("modelyard.toml"), format!("{GOOD}chekcs.rows.min = 1\n")).unwrap();
    let wanted = "exit 1\n---\nerror: modelyard.toml has a problem\n --> modelyard.toml:9:1\n  |\n\
                  9 | chekcs.rows.min = 1\n  | ^^^^^^ unknown key in [data.houses]; did you mean `checks`?\n\
                  remark: source `houses` finds no file at `houses.csv`\n";
    assert_eq!(told(&modelyard(folder.path(), &["check"])), wanted);
    let json = modelyard(folder.path(), &["check", "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(
        document["problems"],
        serde_json::json!([{
            "line": 9,
            "column": 1,
            "message": "unknown key in [data.houses]; did you mean `checks`?",
            "hint": null,
        }])
    );
    assert_eq!(json.status.code(), Some(1));
}

#[test]
fn without_a_project_the_way_to_one_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let output = modelyard(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(13));
    let told = told(&output);
    assert!(told.contains("found no modelyard.toml in"), "{told}");
    assert!(told.contains("hint: begin a project with `modelyard new NAME`"), "{told}");
    let other = modelyard(folder.path(), &["check", "-C", "nowhere"]);
    assert!(String::from_utf8_lossy(&other.stderr).contains("found no project at `nowhere`"));
}

#[test]
fn what_is_no_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("modelyard.toml"), b"[project]\nname = \"\xff\"\n").unwrap();
    let told = told(&modelyard(folder.path(), &["check"]));
    assert!(told.contains("`modelyard.toml` is not text in UTF-8: see line 2"), "{told}");
}

#[test]
fn the_schema_is_one_json_document() {
    let output = modelyard(Path::new("/"), &["schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(schema["properties"]["project"]["required"], serde_json::json!(["name", "task", "target"]));
    assert_eq!(
        schema["properties"]["data"]["additionalProperties"]["properties"]["format"]["default"],
        "parquet"
    );
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = modelyard(Path::new("/"), &["completions", shell]);
        let script = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && script.contains("completions"), "{shell}");
    }
}
