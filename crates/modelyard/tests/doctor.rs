//! `modelyard doctor`: one section a driver, and an exit code that scripts can use.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::path::Path;
use std::process::Output;

use serde_json::Value;

fn modelyard(folder: &Path, args: &[&str]) -> Output {
    std::process::Command::new(env!("CARGO_BIN_EXE_modelyard"))
        .args(args)
        .current_dir(folder)
        .env_remove("MODELYARD_PROJECT")
        .env_remove("MODELYARD_HOME")
        .env_remove("ORT_DYLIB_PATH")
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .output()
        .unwrap()
}

fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert!(modelyard(folder.path(), &["new", "p"]).status.success());
    folder
}

/// Status, need and hint of the row `name` in `section`.
#[track_caller]
fn row(output: &Output, section: &str, name: &str) -> (String, bool, String) {
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = document[section].as_array().unwrap();
    let row =
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {document:#}"));
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    (text("status"), row["needed"].as_bool().unwrap(), text("hint"))
}

#[test]
fn a_new_project_has_what_it_needs() {
    let folder = project();
    let output = modelyard(&folder.path().join("p"), &["doctor", "--json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sections: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(sections, ["artifacts", "code", "data", "infrastructure", "middleware"]);
    assert_eq!(output.status.code(), Some(0), "{document:#}");
    for row in document.as_object().unwrap().values().flat_map(|rows| rows.as_array().unwrap()) {
        let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["found", "hint", "name", "needed", "status"]);
    }
    for (section, name) in [
        ("data", "weather.weather"),
        ("code", "modelyard.toml"),
        ("code", "Makefile"),
        ("code", "python/requirements.txt"),
        ("artifacts", "home"),
        ("middleware", "python"),
        ("infrastructure", "disk"),
    ] {
        assert_eq!(row(&output, section, name).0, "ok", "{name}");
    }
    let lock = row(&output, "code", "python/requirements.lock");
    assert_eq!((lock.0.as_str(), lock.1), ("missing", false));

    let text = modelyard(&folder.path().join("p"), &["doctor"]);
    let text = String::from_utf8_lossy(&text.stdout);
    assert!(text.starts_with("everything that is needed is there\n\ndata\n  ok "), "{text}");
    assert!(!folder.path().join("p/.modelyard").exists(), "nothing is made by looking");
}

#[test]
fn a_missing_source_is_said_and_ends_in_exit_1() {
    let folder = project();
    std::fs::remove_file(folder.path().join("p/data/weather.csv")).unwrap();
    let output = modelyard(&folder.path().join("p"), &["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let (status, needed, hint) = row(&output, "data", "weather.weather");
    assert_eq!((status.as_str(), needed), ("missing", true));
    assert!(hint.contains("data/weather.csv"), "{hint}");
    std::fs::write(folder.path().join("p/data/weather.csv"), "").unwrap();
    let output = modelyard(&folder.path().join("p"), &["doctor", "--json"]);
    assert_eq!(row(&output, "data", "weather.weather").0, "found");
}

#[test]
fn a_wrong_project_file_is_found_with_its_line() {
    let folder = project();
    let file = folder.path().join("p/modelyard.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("[project]", "[projects]")).unwrap();
    let output = modelyard(&folder.path().join("p"), &["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let (status, _, hint) = row(&output, "code", "modelyard.toml");
    assert_eq!(status, "found");
    assert_eq!(hint, "line 5: unknown section; did you mean `project`?; `modelyard check` shows all");
}

#[test]
fn the_classic_mistakes_of_a_makefile_are_found_by_line() {
    let folder = project();
    let makefile = folder.path().join("p/Makefile");
    let text = std::fs::read_to_string(&makefile).unwrap();
    let spoilt = text.replace("\nlint:", "\nlint").replace("\tblack *.py", "    black *.py");
    std::fs::write(&makefile, spoilt).unwrap();
    let output = modelyard(&folder.path().join("p"), &["doctor", "-q"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "2 things that are needed are missing or wrong\n\ncode\n  \
         found    Makefile:15  `black *.py` is indented with spaces\n           \
         hint: begin the line with a tab: make says `missing separator` otherwise\n  \
         found    Makefile:17  target `lint` has no colon\n           \
         hint: write `lint:`\n"
    );
}

#[test]
fn without_a_project_the_machine_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let output = modelyard(folder.path(), &["doctor", "--json"]);
    let (status, needed, hint) = row(&output, "code", "modelyard.toml");
    assert_eq!((status.as_str(), needed), ("missing", false));
    assert!(hint.contains("modelyard new NAME"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn without_python_the_way_to_one_is_told() {
    let folder = project();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_modelyard"))
        .args(["doctor", "--json"])
        .current_dir(folder.path().join("p"))
        .env_clear()
        .env("XDG_CACHE_HOME", folder.path().join("cache"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let (status, needed, hint) = row(&output, "middleware", "python");
    assert_eq!((status.as_str(), needed), ("missing", true));
    assert!(hint.contains("install Python"), "{hint}");
}
