//! `modelyard new`: what is written and what is refused; and that `make install lint test` of a new
//! project passes, for real, on every Python of `MODELYARD_TEST_PYTHONS` (a list with colons;
//! default `python3` on the path).

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn modelyard(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_modelyard"))
        .args(args)
        .current_dir(folder)
        // Neither Git nor anything else is called.
        .env_clear()
        .output()
        .unwrap()
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[track_caller]
fn refused(output: &Output, code: i32, message: &str) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{told}");
    assert!(told.contains(message), "{told}");
}

/// Paths of all files below, from there.
fn files(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(here) = folders.pop() {
        for entry in std::fs::read_dir(here).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found
}

const CLASSIC: [&str; 5] = [".gitignore", "Makefile", "hello.py", "requirements.txt", "test_hello.py"];

#[test]
fn a_project_is_whole_and_its_file_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let told = succeeds(&modelyard(folder.path(), &["new", "rain"]));
    assert_eq!(
        told,
        "created rain: 11 files\n  \
         cd rain\n  \
         make install                      the tools, in .venv\n  \
         source .venv/bin/activate         bash, zsh\n  \
         source .venv/bin/activate.fish    fish\n  \
         .venv/bin/Activate.ps1            PowerShell\n  \
         make lint test                    check the code\n  \
         modelyard run                     from data to a registered model\n  \
         modelyard serve rain              answer requests\n"
    );
    let project = folder.path().join("rain");
    let mut wanted: BTreeSet<String> = CLASSIC.map(str::to_owned).into();
    wanted.extend(
        [
            "README.md",
            "data/README.md",
            "data/weather.csv",
            "modelyard.toml",
            "python/requirements.txt",
            "train.py",
        ]
        .map(str::to_owned),
    );
    assert_eq!(files(&project), wanted);
    let check: serde_json::Value =
        serde_json::from_str(&succeeds(&modelyard(&project, &["check", "--json"]))).unwrap();
    assert_eq!(check, serde_json::json!({ "valid": true, "project": "rain", "problems": [], "remarks": [] }));
    let ignored = std::fs::read_to_string(project.join(".gitignore")).unwrap();
    assert!(
        ignored.lines().any(|line| line == ".venv/") && ignored.lines().any(|line| line == ".modelyard/")
    );
    let rows = std::fs::read_to_string(project.join("data/weather.csv")).unwrap().lines().count();
    assert_eq!(rows, 1 + 1_461);
}

#[test]
fn minimal_is_the_classic_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let json = succeeds(&modelyard(folder.path(), &["new", "work/tools", "--minimal", "--json"]));
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(document["name"], "tools");
    assert_eq!(document["files"].as_array().map(Vec::len), Some(5));
    assert_eq!(files(&folder.path().join("work/tools")), CLASSIC.map(str::to_owned).into());
}

#[test]
fn every_requirement_is_pinned_and_every_recipe_has_its_tab() {
    let folder = tempfile::tempdir().unwrap();
    succeeds(&modelyard(folder.path(), &["new", "p"]));
    for file in ["requirements.txt", "python/requirements.txt"] {
        let text = std::fs::read_to_string(folder.path().join("p").join(file)).unwrap();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.contains("=="), "{file}: {line}");
        }
    }
    let makefile = std::fs::read_to_string(folder.path().join("p/Makefile")).unwrap();
    for recipe in
        ["black *.py", "pylint --disable=R,C hello.py", "python -m pytest -vv --cov=hello test_hello.py"]
    {
        assert!(makefile.contains(&format!("\n\t{recipe}\n")), "{recipe}");
    }
    for target in ["all", "install", "format", "lint", "test"] {
        assert!(makefile.contains(&format!("\n{target}:")), "{target}");
        let phony = makefile.lines().find(|line| line.starts_with(".PHONY:")).unwrap();
        assert!(phony.split_whitespace().any(|word| word == target), "{target}");
    }
}

#[test]
fn nothing_is_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    succeeds(&modelyard(here, &["new", "p", "--minimal"]));
    std::fs::write(here.join("p/hello.py"), "mine").unwrap();
    refused(&modelyard(here, &["new", "p"]), 14, "`p` is not empty");
    assert_eq!(std::fs::read_to_string(here.join("p/hello.py")).unwrap(), "mine");
    assert_eq!(files(&here.join("p")).len(), 5);
    succeeds(&modelyard(here, &["new", "q"]));
    refused(&modelyard(here, &["new", "q", "--minimal"]), 14, "`q` is a project already");
    std::fs::write(here.join("file"), "mine").unwrap();
    refused(&modelyard(here, &["new", "file"]), 14, "`file` is there and no folder");
    refused(&modelyard(here, &["new", "file/below"]), 15, "cannot make the folder `file/below`");
    std::fs::create_dir(here.join("empty")).unwrap();
    succeeds(&modelyard(here, &["new", "empty"]));
}

#[test]
fn an_empty_folder_can_become_a_project_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("here");
    std::fs::create_dir(&place).unwrap();
    let told = succeeds(&modelyard(&place, &["new", "."]));
    assert!(told.starts_with("created .: 11 files\n  make install"), "{told}");
    let text = std::fs::read_to_string(place.join("modelyard.toml")).unwrap();
    assert!(text.contains("name = \"here\""));
}

#[test]
fn names_are_names() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["two words", "-x", "é", "/"] {
        let output = modelyard(folder.path(), &["new", "--", name]);
        refused(&output, 2, "name");
    }
    refused(&modelyard(folder.path(), &["new", "a/b c"]), 2, "`b c` can't name a project");
    assert_eq!(files(folder.path()).len(), 0);
}

#[test]
fn where_nothing_can_be_written_that_is_said() {
    // A file system that refuses new folders, to root as well.
    let output = modelyard(Path::new("/proc"), &["new", "p"]);
    refused(&output, 15, "cannot make the folder `p`");
}

fn pythons() -> Vec<PathBuf> {
    let list = std::env::var_os("MODELYARD_TEST_PYTHONS").unwrap_or_else(|| OsString::from("python3"));
    std::env::split_paths(&list).collect()
}

/// Runs `make` in `folder` with `python` to make environments of.
fn make(folder: &Path, python: &Path, targets: &[&str]) -> String {
    let output = Command::new("make")
        .args(targets)
        .arg(format!("PYTHON={}", python.display()))
        .current_dir(folder)
        // Not those of the make that runs this test.
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL")
        .env_remove("VIRTUAL_ENV")
        .output()
        .expect("this test needs make");
    succeeds(&output)
}

/// `which python` after the activation that is printed for `shell`.
fn activated(folder: &Path, shell: &str, command: &str) -> String {
    let script = format!("{command} && command -v python");
    let output = Command::new(shell).args(["-c", &script]).current_dir(folder).output().unwrap();
    succeeds(&output).trim().to_owned()
}

#[test]
fn make_install_lint_test_passes_on_every_python() {
    for (at, python) in pythons().iter().enumerate() {
        // The classic files are the same on every Python: once is enough for them alone.
        for minimal in [false, true].into_iter().filter(|minimal| !minimal || at == 0) {
            let folder = tempfile::tempdir().unwrap();
            let args: &[&str] = if minimal { &["new", "p", "--minimal"] } else { &["new", "p"] };
            succeeds(&modelyard(folder.path(), args));
            let project = folder.path().join("p").canonicalize().unwrap();
            let told = make(&project, python, &["install", "lint", "test"]);
            assert!(told.contains("rated at 10.00/10") && told.contains("2 passed"), "{told}");
            let before = files(&project).into_iter().filter(|file| file.ends_with(".py")).collect::<Vec<_>>();
            let texts = |files: &[String]| -> Vec<String> {
                let own = files.iter().filter(|file| !file.starts_with(".venv"));
                own.map(|file| std::fs::read_to_string(project.join(file)).unwrap()).collect()
            };
            let written = texts(&before);
            make(&project, python, &["format"]);
            assert_eq!(written, texts(&before), "`make format` has nothing to change");

            let own = project.join(".venv/bin/python").display().to_string();
            assert_eq!(activated(&project, "bash", "source .venv/bin/activate"), own);
            for script in ["activate.fish", "Activate.ps1"] {
                assert!(project.join(".venv/bin").join(script).is_file(), "{script}");
            }
            if !minimal {
                trains(&project);
            }
        }
    }
}

/// `train.py` runs in the environment as it stands, and reports what the search wants.
fn trains(project: &Path) {
    let prepare = "import pandas\n\
        rows = pandas.read_csv('data/weather.csv')\n\
        rows['month'] = [int(date[5:7]) for date in rows['date']]\n\
        rows['rain_tomorrow'] = (rows['precipitation'].shift(-1) > 0).astype(int)\n\
        rows[:1000].to_csv('train.csv', index=False)\n\
        rows[1000:].to_csv('validation.csv', index=False)\n";
    let python = project.join(".venv/bin/python");
    let run =
        |args: &[&str]| succeeds(&Command::new(&python).args(args).current_dir(project).output().unwrap());
    run(&["-c", prepare]);
    let told = run(&["train.py", "--train", "train.csv", "--validation", "validation.csv", "--model", "."]);
    assert!(told.contains("{\"metric\": \"validation.roc_auc\", \"value\": 0.7"), "{told}");
    assert!(project.join("model.joblib").is_file());
}
