//! An exported graph answers as the Python model it was made from.

use modelyard_deploy::export;
use modelyard_serve::worker::{Exported, ModelFiles, Worker};

use crate::same::same;
use crate::support::{Fixture, python_spec};

#[tokio::test]
async fn python_and_onnx_answer_alike() {
    let python = Fixture::new("late").await;
    let onnx = Fixture::new("late-onnx").await;
    let python_model = python.open().await;
    let onnx_model = onnx.open().await;
    let predictions = python_model.predict(python.table(&python.rows)).await.unwrap();
    let classes = &python_model.manifest().classes;
    let answers: Vec<_> = (0..predictions.rows()).map(|row| predictions.answer(row, classes)).collect();
    same(&onnx_model, &onnx_model.predict(onnx.table(&onnx.rows)).await.unwrap(), &answers);
}

#[tokio::test]
async fn what_has_no_exact_graph_says_why() {
    let reasons = [
        (
            "iris",
            "model/model.pkl",
            "`sklearn.svm.SVC` is not among the classes that can be written as an exact graph",
        ),
        ("words", "model/predict.py", "column `when` is a timestamp"),
    ];
    for (name, entry, wanted) in reasons {
        let fixture = Fixture::new(name).await;
        let folder = fixture.folder.path().to_owned();
        let mut worker = Worker::start(&python_spec(), std::slice::from_ref(&folder)).await.unwrap();
        let code = Some(folder.join("code"));
        worker.load(&ModelFiles { folder, entry: entry.to_owned(), code }).await.unwrap();
        let exported = worker.export(export::FILES, &fixture.package.manifest.signature).await.unwrap();
        assert_eq!(exported, Exported::Unsupported(wanted.to_owned()));
    }
}
