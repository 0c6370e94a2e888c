//! What the manual says of commands and of `modelyard.toml` is what the program says of them.

use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn the_reference_of_the_project_file_is_up_to_date() {
    let mut schema = Command::new(env!("CARGO_BIN_EXE_modelyard"))
        .arg("schema")
        .stdout(Stdio::piped())
        .spawn()
        .expect("modelyard schema");
    let written = written(script("toml_reference.py").stdin(schema.stdout.take().expect("the schema")));
    assert!(schema.wait().expect("its end").success());
    compare(&written, "docs/modelyard-toml.md");
}

#[test]
fn the_reference_of_commands_is_up_to_date() {
    let written = written(script("commands_reference.py").arg(env!("CARGO_BIN_EXE_modelyard")));
    compare(&written, "docs/commands.md");
}

fn script(name: &str) -> Command {
    let python = std::env::var_os("MODELYARD_TEST_PYTHON")
        .expect("MODELYARD_TEST_PYTHON is not set: `make test` sets it, see CONTRIBUTING.md");
    let mut command = Command::new(python);
    command.arg(root().join("scripts").join(name));
    command
}

fn written(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn compare(written: &str, page: &str) {
    let there = std::fs::read_to_string(root().join(page)).expect(page);
    assert!(
        written == there,
        "{page} is not what the program says; its second paragraph says how to write it anew"
    );
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
