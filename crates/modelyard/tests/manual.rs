//! What the manual says of `modelyard.toml` is what the program says of it.

use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn the_reference_of_the_project_file_is_up_to_date() {
    let python = std::env::var_os("MODELYARD_TEST_PYTHON")
        .expect("MODELYARD_TEST_PYTHON is not set: `make test` sets it, see CONTRIBUTING.md");
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let mut schema = Command::new(env!("CARGO_BIN_EXE_modelyard"))
        .arg("schema")
        .stdout(Stdio::piped())
        .spawn()
        .expect("modelyard schema");
    let written = Command::new(python)
        .arg(root.join("scripts/toml_reference.py"))
        .stdin(schema.stdout.take().expect("the schema"))
        .output()
        .expect("scripts/toml_reference.py");
    assert!(schema.wait().expect("its end").success());
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));

    let manual =
        std::fs::read_to_string(root.join("docs/modelyard-toml.md")).expect("docs/modelyard-toml.md");
    assert!(
        String::from_utf8_lossy(&written.stdout) == manual,
        "docs/modelyard-toml.md differs from the schema; write it anew: \
         modelyard schema | python3 scripts/toml_reference.py > docs/modelyard-toml.md"
    );
}
