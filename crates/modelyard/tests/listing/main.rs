//! What the commands that list and show say of a home, as one types them.
//!
//! `prepared` is a home as builds would have left it, written through the store; `data` ingests for
//! real. Text is compared whole: these screens are read by people, the documents by scripts.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod data;
mod deployed;
mod models;
mod prepared;
mod runs;
mod upkeep;

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn modelyard(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_modelyard"))
        .args(args)
        .current_dir(folder)
        .env_remove("MODELYARD_PROJECT")
        .env_remove("MODELYARD_HOME")
        .env("MODELYARD_ACTOR", "ada")
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .output()
        .unwrap()
}

/// What the command prints where it succeeds.
fn told(folder: &Path, args: &[&str]) -> String {
    let output = modelyard(folder, args);
    let remarks = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?} ended with {}: {remarks}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// The one document of the command with `--json`.
fn document(folder: &Path, args: &[&str]) -> Value {
    let text = told(folder, &[args, &["--json"]].concat());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// Exit code and stderr of a command that fails, and prints no result.
fn refused(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = modelyard(folder, args);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{args:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// No table may be wider.
fn assert_fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
    }
}
