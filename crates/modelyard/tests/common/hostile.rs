//! Small projects in folders of their own, run through the built binary as one would by hand.
//!
//! Each has its home and its cache inside its folder, so nothing of the caller's is seen or changed.
//! They use the bare interpreter: no package is installed.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// Every row of the test part holds it, and nothing else that a step is given.
pub(crate) const SEALED: &str = "row of the test part";

/// A variable of the caller that no step may see.
pub(crate) const CALLERS: (&str, &str) = ("CALLERS_TREASURE", "row of the test part, in a variable");

pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    /// A regression of 60 rows, half of them for training, and what `toml` adds.
    pub(crate) fn new(toml: &str) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        project.write("data/rows.csv", &rows(60));
        project.configure(toml);
        project
    }

    /// A project that goes the whole line with the standard library alone: a search of two trials,
    /// a model that is a `predict.py`, a gate. `toml` adds to its end, which is `[test]`.
    pub(crate) fn line(toml: &str) -> Self {
        let project = Self::new(&format!("{LINE}{toml}"));
        project.write("train.py", TRAIN);
        project
    }

    /// Rewrites modelyard.toml: the same project, with another end.
    pub(crate) fn configure(&self, toml: &str) {
        let head = "[project]\nname = \"small\"\ntask = \"regression\"\ntarget = \"y\"\n\n\
                    [data.rows]\nformat = \"csv\"\nsplit = { method = \"column\", column = \"part\" }\n\
                    sources.rows = \"data/rows.csv\"\n\n";
        self.write("modelyard.toml", &format!("{head}{toml}"));
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.root().join(".modelyard")
    }

    /// `modelyard ARGS` in the project, with nothing of the test's own environment but the path.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_modelyard"));
        command
            .args(args)
            .current_dir(self.root())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("XDG_CACHE_HOME", self.folder.path().join("cache"))
            .env(CALLERS.0, CALLERS.1)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn modelyard(&self, args: &[&str]) -> Ended {
        Ended::of(self.command(args).output().unwrap())
    }

    /// The same, where it must succeed.
    #[track_caller]
    pub(crate) fn succeeds(&self, args: &[&str]) -> Ended {
        let ended = self.modelyard(args);
        assert_eq!(ended.code, 0, "{args:?}\n{}", ended.text());
        ended
    }

    /// The same, where it must end with `code`, its stderr beginning with `message`.
    #[track_caller]
    pub(crate) fn fails(&self, args: &[&str], code: i32, message: &str) -> Ended {
        let ended = self.modelyard(args);
        assert_eq!(ended.code, code, "{args:?}\n{}", ended.text());
        let error = ended.stderr.split_once("error: ").map(|(_, error)| error).unwrap_or_default();
        assert!(error.starts_with(message), "wanted: {message}\n{}", ended.text());
        assert!(!ended.stderr.contains("panicked"), "{}", ended.text());
        ended
    }

    /// The one document of a command with `--json`.
    #[track_caller]
    pub(crate) fn document(&self, args: &[&str]) -> Value {
        let ended = self.succeeds(&[args, &["--json"]].concat());
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error} in {}", ended.stdout))
    }

    /// The newest run.
    #[track_caller]
    pub(crate) fn last_run(&self) -> Value {
        self.document(&["show"])
    }

    /// What is left in the folder of running steps.
    pub(crate) fn stale_folders(&self) -> Vec<PathBuf> {
        let folder = std::fs::read_dir(self.home().join("steps"));
        folder.map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
    }

    /// Living processes whose working folder, or one of whose arguments, lies in this project.
    pub(crate) fn processes(&self) -> Vec<String> {
        processes_below(self.folder.path())
    }

    /// Whether `bytes` occur in a file of the home.
    pub(crate) fn home_holds(&self, bytes: &[u8]) -> bool {
        holds(&self.home(), bytes)
    }
}

/// Up to `[test]`, for which its metric is given.
pub(crate) const LINE: &str = r#"
[train]
run = "python3 train.py {data.rows.train} {data.rows.validation} {model} {params.scale}"
code = ["train.py"]
params = { scale = 1.0 }

[train.search]
method = "grid"
metric = "validation.error"
goal = "minimize"
space = { scale = [0.5, 1.0] }

[package]
features = ["x"]

[test]
metrics = ["rmse"]
"#;

/// Fits a line through the origin; its slope is then multiplied, so that one trial is right.
pub(crate) const TRAIN: &str = r#"import csv, json, sys

train, validation, model, scale = sys.argv[1:]
rows = list(csv.DictReader(open(train)))
slope = float(scale) * sum(float(row["y"]) for row in rows) / sum(float(row["x"]) for row in rows)
held = list(csv.DictReader(open(validation)))
error = sum(abs(slope * float(row["x"]) - float(row["y"])) for row in held) / len(held)
with open(model + "/slope.json", "w") as file:
    json.dump(slope, file)
with open(model + "/predict.py", "w") as file:
    file.write("""
import json, os

def load(folder):
    return json.load(open(os.path.join(folder, "slope.json")))

def predict(slope, table):
    return [slope * x for x in table["x"]]
""")
with open("metrics.json", "w") as file:
    json.dump({"validation": {"error": error}}, file)
"#;

/// `count` rows: of every four two for training, one for validation, one for the test.
pub(crate) fn rows(count: u32) -> String {
    let row = |number: u32| {
        let (part, note) = match number % 4 {
            0 | 1 => ("train", "plain"),
            2 => ("validation", "plain"),
            _ => ("test", SEALED),
        };
        format!("{part},{note},{number},{}\n", number * 2)
    };
    (0..count).map(row).fold("part,note,x,y\n".to_owned(), |text, row| text + &row)
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// -1 where a signal ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn text(&self) -> String {
        format!("exit code {}\n{}{}", self.code, self.stdout, self.stderr)
    }

    /// The run's id in `modelyard logs ID`, as the error prints it.
    #[track_caller]
    pub(crate) fn logged_run(&self) -> String {
        let after = self.stderr.split_once("modelyard logs ").unwrap_or_else(|| panic!("{}", self.text())).1;
        after.split_whitespace().next().unwrap().to_owned()
    }
}

/// Whether `bytes` occur in a file below `folder`.
pub(crate) fn holds(folder: &Path, bytes: &[u8]) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => holds(&entry.path(), bytes),
        _ => std::fs::read(entry.path())
            .is_ok_and(|content| content.windows(bytes.len()).any(|window| window == bytes)),
    })
}

/// Living processes whose working folder, or one of whose arguments, begins with `folder`.
pub(crate) fn processes_below(folder: &Path) -> Vec<String> {
    let own = std::process::id().to_string();
    let begins = |bytes: &[u8]| bytes.starts_with(folder.as_os_str().as_encoded_bytes());
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()))
        .filter(|entry| entry.file_name() != own.as_str())
        .filter_map(|entry| {
            let arguments = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let working = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
            let here = begins(working.as_os_str().as_encoded_bytes())
                || arguments.split(|byte| *byte == 0).any(begins);
            let text = String::from_utf8_lossy(&arguments).replace('\0', " ");
            here.then(|| format!("{} {text}", entry.file_name().to_string_lossy()))
        })
        .collect()
}

/// Waits until `done`, at most half a minute: machines may be busy.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until no process of `project` is left.
#[track_caller]
pub(crate) fn wait_until_alone(project: &Project) {
    let end = Instant::now() + Duration::from_secs(10);
    loop {
        let left = project.processes();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "processes are left: {left:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A child that is killed when a test ends early.
pub(crate) struct Background(pub(crate) Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
