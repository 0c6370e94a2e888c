//! `pip install modelyard` gives the command: the wheel is built by `make wheel` and installed for real.

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn the_wheel_installs_the_command() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wheel");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("the folder of an earlier run, removed");
    }
    let dist = folder.join("dist");
    run(Command::new("make")
        .args(["wheel", "PROFILE=demo", &format!("DIST={}", dist.display())])
        .env("CARGO_TARGET_DIR", target())
        .current_dir(root()));
    let wheel = only_file(&dist);

    let python = std::env::var_os("MODELYARD_TEST_PYTHON")
        .expect("MODELYARD_TEST_PYTHON is not set: `make test` sets it, see CONTRIBUTING.md");
    let environment = folder.join("venv");
    run(Command::new(python).args(["-m", "venv"]).arg(&environment));
    run(Command::new(environment.join("bin/pip")).args(["install", "--quiet", "--no-index"]).arg(&wheel));

    let version = run(Command::new(environment.join("bin/modelyard")).arg("--version"));
    assert_eq!(version, concat!("modelyard ", env!("CARGO_PKG_VERSION"), "\n"));
}

/// The standard output of a command that succeeds.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}\n{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    stdout
}

fn only_file(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = folder
        .read_dir()
        .expect("the folder of wheels")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

/// Cargo's folder of this very build, which `make wheel` shares but for the profile: the tests' own
/// binary stays untouched.
fn target() -> &'static Path {
    let binary = Path::new(env!("CARGO_BIN_EXE_modelyard"));
    binary.parent().and_then(Path::parent).expect("target/PROFILE/modelyard")
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
