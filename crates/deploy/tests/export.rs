//! The exporter against scikit-learn and ONNX Runtime, by the Python tests in `tests/export/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use modelyard_deploy::export::{FILES, MISSING_STRING};

#[test]
fn every_file_of_the_package_is_embedded() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let mut found = Vec::new();
    collect(&root.join("export"), &mut found);
    let mut found: Vec<String> = found
        .iter()
        .map(|path| path.strip_prefix(&root).expect("below the root").to_string_lossy().replace('\\', "/"))
        .collect();
    found.sort();
    let embedded: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
    assert_eq!(embedded, found);
}

#[test]
fn the_sentinel_of_a_missing_text_is_the_packages_own() {
    let (_, frame) = FILES.iter().find(|(path, _)| *path == "export/frame.py").expect("frame.py");
    let escaped: String = MISSING_STRING
        .chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", c as u32) })
        .collect();
    assert!(frame.contains(&format!("MISSING_STRING = \"{escaped}\"")), "{escaped} is not in frame.py");
}

#[test]
fn every_estimator_answers_as_scikit_learn_does() {
    python("test_export.py");
}

#[test]
fn every_encoder_and_selection_does_as_scikit_learn_does() {
    python("test_transformers.py");
}

#[test]
fn random_pipelines_answer_as_scikit_learn_does() {
    python("test_random.py");
}

#[test]
fn what_is_not_covered_says_so() {
    python("test_unsupported.py");
}

/// Runs a script of `tests/export/` and fails with what it printed.
fn python(script: &str) {
    let interpreter = std::env::var_os("MODELYARD_TEST_PYTHON").expect(
        "MODELYARD_TEST_PYTHON must name a Python that has the packages of `tests/requirements.txt`; `make test` sets it",
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export");
    // One thread: the models are small, and threads that wait for each other cost more than the work.
    let done = Command::new(interpreter)
        .args(["-B", script])
        .current_dir(&folder)
        .env("OMP_NUM_THREADS", "1")
        .env("OPENBLAS_NUM_THREADS", "1")
        .output()
        .expect("MODELYARD_TEST_PYTHON starts");
    let printed =
        format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{script} failed:\n{printed}");
    eprintln!("{printed}");
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the package's folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "py") {
            found.push(path);
        }
    }
}
