//! Models and packages that can't be served, each with its way out.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use modelyard_core::Fault;
use modelyard_core::package::{Predictions, Runtime};
use modelyard_deploy::package;
use modelyard_serve::worker::{ModelFiles, Worker};
use modelyard_serve::{ErrorCode, Model, Options, PredictError};
use serde_json::Value;

use crate::support::{Fixture, options, python, python_spec};

async fn refused(fixture: &Fixture) -> Fault {
    match Model::open(&fixture.package, &options()).await {
        Ok(_) => panic!("it was opened"),
        Err(fault) => fault,
    }
}

/// What loading `entry` says, written by `script` (its first argument is the folder).
async fn load(entry: &str, script: &str) -> Fault {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("make_it.py");
    fs::write(&file, script).unwrap();
    let done = Command::new(python()).arg(&file).arg(folder.path()).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    fs::remove_file(&file).unwrap();
    let mut worker = Worker::start(&python_spec(), &[folder.path().to_owned()]).await.unwrap();
    let files = ModelFiles { folder: folder.path().to_owned(), entry: entry.to_owned(), code: None };
    worker.load(&files).await.unwrap_err()
}

fn check(fault: &Fault, cause: &str, hint: &str) {
    let report = fault.report();
    assert!(report.contains(cause), "{report}");
    assert!(fault.hint_text().is_some_and(|text| text.contains(hint)), "{report}");
}

#[tokio::test]
async fn a_class_of_main_names_the_way_out() {
    let script = "
import joblib, sys
class Doubler:
    def predict(self, table): return table.iloc[:, 0] * 2
joblib.dump(Doubler(), sys.argv[1] + '/m.joblib')
";
    let fault = load("m.joblib", script).await;
    check(
        &fault,
        "`m.joblib` holds a `Doubler` that was defined in the script that trained it",
        "move `Doubler` into a module",
    );
}

#[tokio::test]
async fn a_missing_module_is_named() {
    let script = "
import pickle, sys, types
module = types.ModuleType('cleaning'); sys.modules['cleaning'] = module
class Cleaner: pass
Cleaner.__module__ = 'cleaning'; module.Cleaner = Cleaner
pickle.dump(Cleaner(), open(sys.argv[1] + '/m.pkl', 'wb'))
";
    let fault = load("m.pkl", script).await;
    check(&fault, "`m.pkl` needs the module `cleaning`, which is not there", "`code` of [package]");
}

#[tokio::test]
async fn a_damaged_pickle_and_one_without_predict_are_told_apart() {
    let fault = load("m.pkl", "import sys; open(sys.argv[1] + '/m.pkl', 'wb').write(b'no pickle')").await;
    check(&fault, "cannot open `m.pkl`", "the file is damaged");
    let fault =
        load("m.pkl", "import pickle, sys; pickle.dump({'a': 1}, open(sys.argv[1] + '/m.pkl', 'wb'))").await;
    check(&fault, "`m.pkl` holds a `dict`, which has no `predict`", "predict.py");
    let fault =
        load("predict.py", "import sys; open(sys.argv[1] + '/predict.py', 'w').write('def load(f): pass')")
            .await;
    assert!(fault.report().contains("`predict.py` has no function `predict(state, table)`"));
    let fault = load("m.joblib", "").await;
    assert!(fault.report().contains("there is no file `m.joblib`"), "{}", fault.report());
}

#[tokio::test]
async fn classes_that_do_not_match_are_listed() {
    let mut fixture = Fixture::new("iris").await;
    fixture.package.manifest.classes = vec!["setosa".into(), "rose".into(), "tulip".into()];
    let fault = refused(&fixture).await;
    check(
        &fault,
        "the model's classes are `setosa`, `versicolor`, `virginica`, the package's are `setosa`, `rose`, `tulip`",
        "classes.json",
    );
}

/// Answers three rows of `words` with a `predict.py` that returns each of `bodies`.
async fn answers(bodies: &[&str]) -> Vec<Result<Vec<Value>, PredictError>> {
    let fixture = Fixture::new("words").await;
    let manifest = &fixture.package.manifest;
    let table = fixture.table(&fixture.rows[..3]);
    let folder = fixture.folder.path().to_owned();
    let mut worker = Worker::start(&python_spec(), std::slice::from_ref(&folder)).await.unwrap();
    let mut all = Vec::new();
    for body in bodies {
        let script = format!(
            "import numpy, pandas\ndef load(folder): pass\ndef predict(state, table): return {body}\n"
        );
        fs::write(folder.join("model/predict.py"), script).unwrap();
        let files = ModelFiles { folder: folder.clone(), entry: "model/predict.py".to_owned(), code: None };
        worker.load(&files).await.unwrap();
        worker.prepare(&manifest.signature, manifest.task, &manifest.classes).await.unwrap();
        let named = |predictions: Predictions| {
            (0..3).map(|row| predictions.answer(row, &manifest.classes).prediction).collect()
        };
        all.push(worker.score(&table).await.map(named));
    }
    worker.close().await;
    all
}

#[tokio::test]
async fn predictions_of_the_wrong_length_or_shape_are_refused() {
    let cases = [
        ("[0.5] * 2", "the model gave 2 answers for 3 rows"),
        ("None", "`predict` returned nothing"),
        ("'yes'", "`predict` returned a `str`"),
        ("{'a': 1}", "`predict` returned a dict with the keys `a`"),
        ("[{'maybe': 1.0}] * 3", "the model answers the class `maybe`, the package's are `yes`, `no`"),
        ("['maybe'] * 3", "the model answers the class `maybe`, the package's are `yes`, `no`"),
        (
            "{'probabilities': [[1.0]] * 3}",
            "the model gives 1 probabilities a row, the package has the classes `yes`, `no`",
        ),
        ("[{'yes': float('inf')}] * 3", "the model answered inf"),
        ("[float('nan')] * 3", "the model answered NaN instead of a class"),
    ];
    let bodies: Vec<_> = cases.iter().map(|(body, _)| *body).collect();
    for (answer, (body, message)) in answers(&bodies).await.into_iter().zip(cases) {
        let error = answer.expect_err(body);
        assert_eq!(error.message, message, "{body}");
        // What is no number is the row's fault, all else the model's.
        let is_no_number = message.starts_with("the model answered ");
        assert_eq!(error.code, if is_no_number { ErrorCode::BadValue } else { ErrorCode::Inference });
    }
}

#[tokio::test]
async fn all_shapes_that_a_script_may_return_are_read() {
    let bodies = [
        "['yes' if n == 0 else 'no' for n in table['count']]",
        "table['count'].map(lambda n: 'yes' if n == 0 else 'no')",
        "pandas.DataFrame({'no': (table['count'] > 0) * 1.0, 'yes': (table['count'] == 0) * 1.0})",
        "[{'yes': float(n == 0), 'no': float(n > 0)} for n in table['count']]",
        "[{('yes' if n == 0 else 'no'): 1.0} for n in table['count']]",
        "{'prediction': ['yes' if n == 0 else 'no' for n in table['count']], 'probabilities': [[0.1, 0.9]] * 3}",
        "{'prediction': numpy.where(table['count'] == 0, 'yes', 'no')}",
        "{'probabilities': numpy.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])}",
    ];
    for (answer, body) in answers(&bodies).await.into_iter().zip(bodies) {
        assert_eq!(answer.expect(body), ["yes", "no", "no"], "{body}");
    }
}

#[tokio::test]
async fn a_golden_row_answered_otherwise_stops_the_start() {
    for name in ["late", "late-onnx"] {
        let mut fixture = Fixture::new(name).await;
        let probabilities = fixture.package.golden.answers[3].probabilities.as_mut().unwrap();
        probabilities[0] += 1e-6;
        let fault = refused(&fixture).await;
        assert_eq!(fault.message(), "the model answers golden row 3 otherwise than when it was packaged");
    }
}

#[tokio::test]
async fn a_corrupt_graph_is_a_clear_fault() {
    let fixture = Fixture::new("matrix").await;
    let path = fixture.folder.path().join("model/model.onnx");
    let bytes = fs::read(&path).unwrap();
    for damaged in [&b"no graph"[..], &bytes[..bytes.len() / 2], b""] {
        fs::write(&path, damaged).unwrap();
        let fault = refused(&fixture).await;
        assert_eq!(fault.message(), "cannot load the ONNX graph `model/model.onnx`");
        assert!(fault.hint_text().is_some());
    }
}

#[tokio::test]
async fn a_graph_that_does_not_fit_says_what_it_wants() {
    let mut fixture = Fixture::new("matrix").await;
    fixture.package.manifest.classes.pop();
    check(
        &refused(&fixture).await,
        "the ONNX graph gives 3 probabilities a row, the package has 2 classes",
        "classes.json",
    );

    let mut fixture = Fixture::new("matrix").await;
    fixture.package.manifest.signature.inputs.pop();
    check(
        &refused(&fixture).await,
        "the ONNX graph's input `x` has the shape [N, 3], the model has 2 columns",
        "[N, columns]",
    );

    let mut fixture = Fixture::new("columns").await;
    fixture.package.manifest.signature.inputs[1].name = "number".into();
    check(
        &refused(&fixture).await,
        "the ONNX graph's input `count` is named as none of the model's columns",
        "features",
    );
}

#[tokio::test]
async fn a_package_with_one_changed_byte_is_refused() {
    let fixture = Fixture::new("late").await;
    let read = package::read(fixture.folder.path()).unwrap();
    assert_eq!(read.digest(), fixture.package.digest());
    let path = fixture.folder.path().join("model/model.joblib");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100] ^= 1;
    fs::write(&path, bytes).unwrap();
    let fault = package::read(fixture.folder.path()).unwrap_err();
    assert!(fault.report().contains("`model/model.joblib` was changed"), "{}", fault.report());
}

#[tokio::test]
async fn python_that_is_not_there_is_named() {
    let mut fixture = Fixture::new("late").await;
    let mut without = options();
    without.python = None;
    assert!(Model::open(&fixture.package, &without).await.is_err());
    let mut elsewhere = options();
    if let Some(python) = elsewhere.python.as_mut() {
        python.interpreter = Path::new("/nowhere/python").to_owned();
    }
    let Err(fault) = Model::open(&fixture.package, &elsewhere).await else { panic!("it was opened") };
    assert!(fault.report().contains("/nowhere/python"), "{}", fault.report());
    assert!(matches!(fixture.package.manifest.stages.remove(0).runtime, Runtime::Python { .. }));
    let _: Options = elsewhere;
}

#[tokio::test]
async fn a_model_that_never_answers_is_ended_and_started_again() {
    let fixture = Fixture::new("words").await;
    let mut options = options();
    options.python.as_mut().unwrap().patience = Duration::from_secs(4);
    let opened = Model::open(&fixture.package, &options).await;
    let model = opened.unwrap_or_else(|fault| panic!("{}", fault.report()));
    let mut row = fixture.rows[0].clone();
    row.insert("word".to_owned(), "hang".into());
    let error = model.predict(fixture.table(&[row])).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Timeout);
    assert_eq!(error.message, "the model took longer than 4 s, and its process was ended");
    assert!(model.predict(fixture.table(&fixture.rows[..2])).await.is_ok());
    model.close().await;
}
