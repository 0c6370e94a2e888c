//! What packaging asks of a worker.

use std::path::Path;
use std::process::Command;

use modelyard_serve::worker::{ModelFiles, Worker};

use crate::support::{Fixture, python, python_spec};

async fn loaded(fixture: &Fixture, entry: &str) -> Worker {
    let folder = fixture.folder.path().to_owned();
    let mut worker = Worker::start(&python_spec(), std::slice::from_ref(&folder)).await.unwrap();
    let code = folder.join("code");
    let files = ModelFiles { folder, entry: entry.to_owned(), code: code.is_dir().then_some(code) };
    worker.load(&files).await.unwrap_or_else(|fault| panic!("{}", fault.report()));
    worker
}

#[tokio::test]
async fn a_pipeline_names_its_columns_and_classes() {
    let fixture = Fixture::new("late").await;
    let mut worker = loaded(&fixture, "model/model.joblib").await;
    let description = worker.describe().await.unwrap();
    assert_eq!(description.class.as_deref(), Some("sklearn.pipeline.Pipeline"));
    assert_eq!(description.feature_names, Some(vec!["carrier".into(), "hour".into(), "temp".into()]));
    assert_eq!(description.n_features, Some(3));
    assert_eq!(description.has_probabilities, Some(true));
    assert_eq!(description.classes, Some(vec!["0".into(), "1".into()]));
    worker.close().await;
}

#[tokio::test]
async fn a_script_says_nothing_of_itself() {
    let fixture = Fixture::new("words").await;
    let mut worker = loaded(&fixture, "model/predict.py").await;
    let description = worker.describe().await.unwrap();
    assert_eq!(description.class, None);
    assert_eq!(description.classes, None);
}

#[tokio::test]
async fn dtypes_are_those_that_pandas_reads() {
    let folder = tempfile::tempdir().unwrap();
    let script = "
import pandas, sys
t = pandas.DataFrame({'a': [1, 2], 'b': [0.5, None], 'c': ['x', None], 'd': pandas.to_datetime(['2013-01-01', None]).astype('datetime64[us]')})
t.to_parquet(sys.argv[1] + '/t.parquet'); t.to_csv(sys.argv[1] + '/t.csv', index=False)
";
    let done = Command::new(python()).args(["-c", script]).arg(folder.path()).status().unwrap();
    assert!(done.success());
    let mut worker = Worker::start(&python_spec(), &[folder.path().to_owned()]).await.unwrap();
    let dtypes = |names: [&str; 4]| {
        ["a", "b", "c", "d"].iter().map(|n| n.to_string()).zip(names.map(str::to_owned)).collect()
    };
    let parquet = worker.dtypes(&folder.path().join("t.parquet"), "parquet").await.unwrap();
    assert_eq!(parquet, dtypes(["int64", "float64", "str", "datetime64[us]"]));
    let csv = worker.dtypes(&folder.path().join("t.csv"), "csv").await.unwrap();
    assert_eq!(csv, dtypes(["int64", "float64", "str", "str"]));
    let fault = worker.dtypes(Path::new("/nowhere.parquet"), "parquet").await.unwrap_err();
    assert_eq!(fault.message(), "cannot find out the columns' dtypes");
}
