//! Packages of the models that `models.py` makes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use modelyard_core::Digest;
use modelyard_core::config::Task;
use modelyard_core::package::{
    Answer, Golden, Input, Manifest, OnnxOrigin, Package, Provenance, Runtime, Signature, Stage,
    TrainingProfile,
};
use modelyard_core::table::{DataType, Table};
use modelyard_deploy::{export, package};
use modelyard_serve::worker::{Exported, ModelFiles, Worker};
use modelyard_serve::{Model, Options, PythonSpec, request};
use serde::Deserialize;
use serde_json::{Map, Value};
use tempfile::TempDir;

/// A package, and the rows and answers its own library gives.
pub(crate) struct Fixture {
    pub(crate) folder: TempDir,
    pub(crate) package: Package,
    pub(crate) rows: Vec<Map<String, Value>>,
    pub(crate) answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Made {
    task: Task,
    #[serde(default)]
    entry: Option<String>,
    #[serde(default)]
    onnx: Option<String>,
    #[serde(default)]
    origin: Option<OnnxOrigin>,
    #[serde(default)]
    tolerance: Option<f64>,
    inputs: Vec<Input>,
    #[serde(default)]
    ignored: Vec<String>,
    #[serde(default)]
    classes: Vec<String>,
    rows: Vec<Map<String, Value>>,
    answers: Vec<Answer>,
}

impl Fixture {
    pub(crate) async fn new(name: &str) -> Self {
        let made = made_by_script();
        let text = fs::read_to_string(made.join(format!("{name}.json"))).unwrap();
        let spec: Made = serde_json::from_str(&text).unwrap();
        let folder = TempDir::new().unwrap();
        copy(&made.join(name), folder.path());
        let manifest = manifest(&spec);
        if spec.origin == Some(OnnxOrigin::Exported) {
            export(folder.path(), &manifest.signature).await;
        }
        let golden = Golden {
            version: 1,
            rows: spec.rows.iter().take(8).cloned().collect(),
            answers: spec.answers.iter().take(8).cloned().collect(),
        };
        let profile = TrainingProfile { version: 1, inputs: Vec::new(), outputs: Vec::new() };
        let package = package::write(folder.path(), &manifest, &golden, &profile).unwrap();
        Self { folder, package, rows: spec.rows, answers: spec.answers }
    }

    pub(crate) fn table(&self, rows: &[Map<String, Value>]) -> Table {
        request::table(&self.package.manifest.signature, rows).unwrap()
    }

    pub(crate) async fn open(&self) -> Model {
        Model::open(&self.package, &options()).await.unwrap_or_else(|fault| panic!("{}", fault.report()))
    }
}

fn manifest(made: &Made) -> Manifest {
    let runtime = match (&made.onnx, &made.entry) {
        (Some(file), _) => Runtime::Onnx {
            file: file.clone(),
            origin: made.origin.unwrap(),
            library_version: "1.32.0".to_owned(),
            library_digest: Digest::of(b"library"),
        },
        (None, entry) => Runtime::Python {
            entry: entry.clone().unwrap(),
            python: "3.11.7".to_owned(),
            environment: Digest::of(b"environment"),
        },
    };
    Manifest {
        version: 1,
        task: made.task,
        target: "y".to_owned(),
        stages: vec![Stage { name: "model".to_owned(), runtime }],
        signature: Signature {
            inputs: made.inputs.clone(),
            series: false,
            ignored: made.ignored.clone(),
            meta: Vec::new(),
        },
        classes: made.classes.clone(),
        class_type: DataType::String,
        positive: None,
        tolerance: made.tolerance.unwrap_or(1e-9),
        provenance: Provenance {
            training: Digest::of(b"training"),
            data: BTreeMap::new(),
            code: None,
            environment: None,
            params: BTreeMap::new(),
        },
    }
}

async fn export(folder: &Path, signature: &Signature) {
    let mut worker = Worker::start(&python_spec(), &[folder.to_owned()]).await.unwrap();
    let files = ModelFiles { folder: folder.to_owned(), entry: "model/model.joblib".to_owned(), code: None };
    worker.load(&files).await.unwrap();
    match worker.export(export::FILES, signature).await.unwrap() {
        Exported::Graph(bytes) => fs::write(folder.join("model/model.onnx"), bytes).unwrap(),
        Exported::Unsupported(reason) => panic!("{reason}"),
    }
    worker.close().await;
}

pub(crate) fn options() -> Options {
    let library = fs::read_to_string(made_by_script().join("library.txt")).unwrap();
    Options { python: Some(python_spec()), ..Options::new(library) }
}

pub(crate) fn python_spec() -> PythonSpec {
    let interpreter = python();
    let script = "import sys; print(sys.prefix); print(sys.base_prefix)";
    let said = Command::new(&interpreter).args(["-c", script]).output().unwrap();
    let read = String::from_utf8(said.stdout).unwrap().lines().map(PathBuf::from).collect();
    PythonSpec {
        interpreter,
        read,
        threads: 2,
        sandboxed: true,
        patience: PythonSpec::DEFAULT_PATIENCE,
        start_patience: PythonSpec::DEFAULT_PATIENCE,
        variables: BTreeMap::new(),
        memory_bytes: None,
    }
}

pub(crate) fn python() -> PathBuf {
    let named = std::env::var_os("MODELYARD_TEST_PYTHON").expect(
        "MODELYARD_TEST_PYTHON must name a Python that has the packages of tests/requirements.txt: `make test` sets it",
    );
    PathBuf::from(named)
}

/// The folder of all models, made once for all tests.
fn made_by_script() -> &'static Path {
    static MADE: OnceLock<TempDir> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let folder = TempDir::new().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/serve/models.py");
        let done =
            Command::new(python()).args(["-W", "ignore"]).arg(script).arg(folder.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        folder
    });
    made.path()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
