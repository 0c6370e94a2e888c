//! The library of ONNX Runtime, found and fetched for real.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod common;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use modelyard_process::onnx_library::{OnnxLibrary, Places};
use modelyard_process::python::Python;
use modelyard_process::temporary::PrivateTmp;

/// The folder of the environment that has `onnxruntime`.
fn environment() -> PathBuf {
    common::python().parent().unwrap().parent().unwrap().to_owned()
}

fn place() -> (PrivateTmp, Python) {
    let folder = PrivateTmp::new().unwrap();
    let python = Python::new(folder.path().join("cache"), std::env::var_os("PATH").unwrap());
    (folder, python)
}

async fn found(python: &Python, places: Places<'_>) -> OnnxLibrary {
    let nothing = |note: &str| panic!("it was to be found, not: {note}");
    match python.onnx_library(places, &nothing).await {
        Ok(library) => library,
        Err(fault) => panic!("{}", fault.report()),
    }
}

#[tokio::test]
async fn each_place_is_looked_at_in_its_order() {
    let (folder, python) = place();
    let environment = environment();
    let in_environment = found(&python, Places { environments: &[&environment], ..Places::default() }).await;
    assert_eq!(in_environment.version, "1.32.0");

    // Beside the program, under another name; and as the program of that environment.
    let copy = folder.path().join("libonnxruntime.so");
    std::fs::copy(&in_environment.path, &copy).unwrap();
    let beside = Places { program: Some(folder.path()), environments: &[&environment], ..Places::default() };
    let beside = found(&python, beside).await;
    assert_eq!((beside.path.as_path(), beside.digest), (copy.as_path(), in_environment.digest));
    let bin = environment.join("bin");
    let wheel = found(&python, Places { program: Some(&bin), ..Places::default() }).await;
    assert_eq!(wheel, in_environment);

    let named =
        Places { variable: Some(&in_environment.path), program: Some(folder.path()), ..Places::default() };
    assert_eq!(found(&python, named).await, in_environment);
    let given = Places { given: Some(&copy), ..named };
    assert_eq!(found(&python, given).await.path, copy);
}

#[tokio::test]
async fn a_file_that_is_no_library_is_named() {
    let (folder, python) = place();
    let wrong = folder.path().join("libonnxruntime.so");
    std::fs::write(&wrong, "nothing").unwrap();
    let places = Places { given: Some(&wrong), ..Places::default() };
    let fault = python.onnx_library(places, &|_| {}).await.unwrap_err();
    let expected = format!("`{}`, named by the command line, is no library of ONNX Runtime", wrong.display());
    assert_eq!(fault.message(), expected);
    let places = Places { variable: Some(Path::new("/not/there.so")), ..Places::default() };
    let fault = python.onnx_library(places, &|_| {}).await.unwrap_err();
    assert_eq!(fault.message(), "`/not/there.so`, named by `ORT_DYLIB_PATH`, can't be read");
}

#[tokio::test]
async fn it_is_fetched_once_and_known_from_then_on() {
    let (folder, python) = place();
    let notes = Mutex::new(Vec::new());
    let note = |text: &str| notes.lock().unwrap().push(text.to_owned());
    let fetched = match python.onnx_library(Places::default(), &note).await {
        Ok(library) => library,
        Err(fault) => panic!("{}", fault.report()),
    };
    assert_eq!(notes.into_inner().unwrap(), ["fetching ONNX Runtime 1.32.0, once"]);
    let own = folder.path().join("cache/onnxruntime/1.32.0");
    assert_eq!(fetched.path, own.join("libonnxruntime.so.1.32.0"));
    let mut files: Vec<_> = own.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["LICENSE", "ThirdPartyNotices.txt", "libonnxruntime.so.1.32.0"]);

    let mut times: Vec<_> = Vec::new();
    for _ in 0..9 {
        let started = Instant::now();
        assert_eq!(found(&python, Places::default()).await, fetched);
        times.push(started.elapsed());
    }
    // The least of them: others may keep the machine busy.
    assert!(times.iter().any(|time| *time < Duration::from_millis(5)), "{times:?}");

    // A damaged one is not taken.
    let mut bytes = std::fs::read(&fetched.path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&fetched.path, bytes).unwrap();
    let again = python.onnx_library(Places::default(), &|_| {}).await.unwrap();
    assert_eq!(again, fetched);
}

#[tokio::test]
async fn pip_fetches_it_where_uv_is_missing() {
    let folder = PrivateTmp::new().unwrap();
    let search = common::python_without_uv(folder.path());
    let python = Python::new(folder.path().join("cache"), search);
    match python.onnx_library(Places::default(), &|_| {}).await {
        Ok(library) => assert_eq!(library.version, "1.32.0"),
        Err(fault) => panic!("{}", fault.report()),
    }
}
