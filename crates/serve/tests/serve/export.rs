//! An exported graph answers as the Python model it was made from.

use crate::same::same;
use crate::support::Fixture;

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
