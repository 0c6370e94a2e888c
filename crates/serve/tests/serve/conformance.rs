//! What every runtime must keep, tried on each with models of each kind.

use std::sync::Arc;

use modelyard_core::package::Predictions;
use modelyard_serve::{ErrorCode, Model};

use crate::same::same;
use crate::support::Fixture;

/// The whole suite on one model.
async fn check(name: &str) {
    let fixture = Fixture::new(name).await;
    let model = Arc::new(fixture.open().await);
    // Opening proved them; asked again, they are as close.
    let worst = model.prove(&fixture.package.golden).await.unwrap();
    assert!(worst <= model.manifest().tolerance);

    let all = model.predict(fixture.table(&fixture.rows)).await.unwrap();
    same(&model, &all, &fixture.answers);
    batches_equal_single_rows(&model, &fixture, &all).await;
    order_is_kept(&model, &fixture).await;
    callers_get_their_own_answers(&model, &fixture).await;
    other_columns_are_refused(&model, &fixture).await;
    let none = model.predict(fixture.table(&[])).await.unwrap();
    assert_eq!(none.rows(), 0);
    Arc::into_inner(model).unwrap().close().await;
}

async fn batches_equal_single_rows(model: &Model, fixture: &Fixture, all: &Predictions) {
    let classes = &model.manifest().classes;
    for (place, row) in fixture.rows.iter().enumerate() {
        let alone = model.predict(fixture.table(std::slice::from_ref(row))).await.unwrap();
        same(model, &alone, &[all.answer(place, classes)]);
    }
}

async fn order_is_kept(model: &Model, fixture: &Fixture) {
    let rows: Vec<_> = fixture.rows.iter().rev().cloned().collect();
    let answers: Vec<_> = fixture.answers.iter().rev().cloned().collect();
    same(model, &model.predict(fixture.table(&rows)).await.unwrap(), &answers);
}

async fn callers_get_their_own_answers(model: &Arc<Model>, fixture: &Fixture) {
    let callers = (0..16).map(|caller| {
        let model = model.clone();
        let rows = fixture.rows.clone();
        let answers = fixture.answers.clone();
        let tables: Vec<_> = (0..rows.len())
            .map(|step| (caller * 7 + step) % rows.len())
            .map(|place| (place, fixture.table(&rows[place..=place])))
            .collect();
        tokio::spawn(async move {
            for (place, table) in tables {
                same(&model, &model.predict(table).await.unwrap(), &answers[place..=place]);
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

async fn other_columns_are_refused(model: &Model, fixture: &Fixture) {
    let table = fixture.table(&fixture.rows[..1]);
    let narrow = table.select(&table.names()[1..]).unwrap();
    assert_eq!(model.predict(narrow).await.unwrap_err().code, ErrorCode::Internal);
}

macro_rules! conform {
    ($($test:ident: $name:literal,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            check($name).await;
        }
    )*};
}

conform! {
    python_pipeline_with_texts_and_missing_values: "late",
    python_classes_in_another_order_than_the_models: "iris",
    python_regression: "price",
    python_script_with_weights_and_a_module: "words",
    onnx_exported_pipeline: "late-onnx",
    onnx_matrix_of_float32: "matrix",
    onnx_zipmap_of_integers: "zipmap",
    onnx_a_locale_that_is_not_there: "text",
    onnx_an_input_a_column: "columns",
    onnx_one_row_at_a_time: "single",
}

#[tokio::test]
async fn unseen_categories_and_nulls_are_answered_where_the_signature_says_so() {
    for name in ["late", "late-onnx"] {
        let fixture = Fixture::new(name).await;
        let model = fixture.open().await;
        let mut rows = fixture.rows[..2].to_vec();
        rows[0].insert("carrier".to_owned(), "ZZ".into());
        rows[1].remove("temp");
        rows[1].insert("time_hour".to_owned(), "2013-01-01T05:00:00Z".into());
        let predictions = model.predict(fixture.table(&rows)).await.unwrap();
        assert_eq!(predictions.rows(), 2, "{name}");
        model.close().await;
    }
}
