//! The example projects, built once and copied for each test, and driven through the built binary
//! as one would by hand.
//!
//! Each copy has its own home. The user's cache is the caller's, so that a Python environment is made
//! once for all of them. To add an example: a variant of [`Example`].

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod http;
mod prepared;
pub(crate) mod server;
pub(crate) mod truth;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use prepared::Example;

/// A project in a folder of its own.
pub(crate) struct Project {
    folder: TempDir,
    pub(crate) example: Example,
}

impl Project {
    /// A copy of `example` that nothing was done with yet.
    pub(crate) fn untouched(example: Example) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), example };
        example.write(&project.root());
        project
    }

    /// A copy of `example` with the home that its first `modelyard run` left: one version.
    pub(crate) fn built(example: Example) -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap(), example };
        prepared::copy(example, &project.root());
        project
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// A path beside the project, for what a test makes.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.root().join(".modelyard")
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        std::fs::write(self.root().join(path), text).unwrap();
    }

    /// Replaces `old`, which must be there, in the file `path`.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, old: &str, new: &str) {
        let text = self.read(path);
        assert!(text.contains(old), "{path} has no `{old}`");
        self.write(path, &text.replace(old, new));
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        modelyard(&self.root(), args)
    }

    pub(crate) fn modelyard(&self, args: &[&str]) -> Ended {
        Ended::of(self.command(args).output().unwrap())
    }

    /// What `modelyard ARGS`, which must succeed, prints.
    #[track_caller]
    pub(crate) fn succeeds(&self, args: &[&str]) -> String {
        let ended = self.modelyard(args);
        assert_eq!(ended.code, 0, "{args:?}\n{}", ended.text());
        ended.stdout
    }

    /// The one document of a command that succeeds with `--json`.
    #[track_caller]
    pub(crate) fn document(&self, args: &[&str]) -> Value {
        self.document_of(args, 0)
    }

    /// The one document of a command that ends with `code`.
    #[track_caller]
    pub(crate) fn document_of(&self, args: &[&str], code: i32) -> Value {
        let ended = self.modelyard(&[args, &["--json"]].concat());
        assert_eq!(ended.code, code, "{args:?}\n{}", ended.text());
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error} in {}", ended.stdout))
    }

    /// How `modelyard ARGS` ends, which must be with `code` and a message that begins with `message`.
    #[track_caller]
    pub(crate) fn fails(&self, args: &[&str], code: i32, message: &str) -> Ended {
        let ended = self.modelyard(args);
        assert_eq!(ended.code, code, "{args:?}\n{}", ended.text());
        let error = ended.stderr.split_once("error: ").map(|(_, error)| error).unwrap_or_default();
        assert!(error.starts_with(message), "wanted: {message}\n{}", ended.text());
        ended
    }

    /// `step state: reasons` of every step.
    #[track_caller]
    pub(crate) fn status(&self) -> Vec<String> {
        let words = |step: &Value| {
            let reasons: Vec<_> = step["reasons"].as_array().unwrap().iter().map(text).collect();
            format!("{} {}: {}", text(&step["step"]), text(&step["state"]), reasons.join("; "))
        };
        self.document(&["status"]).as_array().unwrap().iter().map(words).collect()
    }

    /// The numbers of the versions that are registered, newest first.
    #[track_caller]
    pub(crate) fn versions(&self) -> Vec<u64> {
        let shown = self.document(&["models", "show", self.example.model()]);
        shown["versions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|version| version["version"].as_u64().unwrap())
            .collect()
    }
}

/// `modelyard ARGS` in `folder`, whatever the caller's own variables say of a home.
pub(crate) fn modelyard(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_modelyard"));
    command
        .args(args)
        .current_dir(folder)
        .env_remove("MODELYARD_PROJECT")
        .env_remove("MODELYARD_HOME")
        .env("MODELYARD_ACTOR", "ada")
        .stdin(Stdio::null());
    command
}

/// How a command ended.
pub(crate) struct Ended {
    /// -1 where a signal ended it.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        let ended = Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        assert!(!ended.stderr.contains("panicked"), "{}", ended.text());
        ended
    }

    pub(crate) fn text(&self) -> String {
        format!("exit code {}\n{}{}", self.code, self.stdout, self.stderr)
    }
}

/// A JSON text without its quotes.
#[track_caller]
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Runs `python ARGS` with the packages of `tests/requirements.txt`; answers what it prints.
#[track_caller]
pub(crate) fn python(args: &[&str]) -> String {
    python_with(args, "")
}

/// The same, with a text to read.
#[track_caller]
pub(crate) fn python_with(args: &[&str], input: &str) -> String {
    let python = std::env::var_os("MODELYARD_TEST_PYTHON")
        .expect("MODELYARD_TEST_PYTHON is not set: `make test` sets it, see CONTRIBUTING.md");
    let mut command = Command::new(python);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?} ended with {}: {told}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
