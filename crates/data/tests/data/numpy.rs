//! Against the reference: statistics as NumPy computes them, and parts as pandas reads them.

use std::process::Command;

use crate::common::{Project, as_is, by_sql};
use modelyard_core::table::{Column, Table};
use modelyard_data::{profile, write_table};
use serde_json::Value;

/// Runs `script` with `arguments` in the Python that has the tests' packages.
fn python(script: &str, arguments: &[&str]) -> Value {
    let interpreter = std::env::var_os("MODELYARD_TEST_PYTHON")
        .expect("MODELYARD_TEST_PYTHON names a Python with the packages of tests/requirements.txt");
    let done = Command::new(interpreter).arg("-c").arg(script).args(arguments).output().expect("Python runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).expect("JSON")
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
}

#[test]
fn statistics_equal_numpys() {
    let project = Project::new();
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let columns = [
        (0..997).map(|_| Some(next() * 100.0 - 30.0)).collect(),
        (0..997).map(|_| Some((next() * 20.0).exp())).collect(),
        (0..997)
            .map(|row| (row % 3 > 0).then(|| (next() * 8.0).floor() / 10.0))
            .collect::<Vec<Option<f64>>>(),
        (0..997).map(|_| Some(1e9 + next())).collect(),
        (0..997).map(|row| (row < 2).then_some(5.0 + f64::from(row))).collect(),
        (0..997).map(|row| (row == 0).then_some(5.0)).collect(),
    ];
    let mut table = Table::new();
    for (place, column) in columns.into_iter().enumerate() {
        table.push(format!("c{place}"), Column::Float(column));
    }
    let path = project.path("x.parquet");
    write_table(&path, &table).expect("written");
    let expected = python(
        "import json, sys, numpy as np, pandas as pd
frame = pd.read_parquet(sys.argv[1])
out = []
for name in frame:
    x = frame[name].dropna().to_numpy()
    counts, edges = np.histogram(x, 20)
    out.append(dict(min=x.min(), max=x.max(), mean=x.mean(), std=x.std(ddof=1) if len(x) > 1 else 0.0,
        quantiles=list(np.quantile(x, [.01, .05, .25, .5, .75, .95, .99])), counts=counts.tolist(),
        edges=edges.tolist(), nulls=int(frame[name].isna().sum()), distinct=frame[name].nunique()))
print(json.dumps(out))",
        &[&path.display().to_string()],
    );
    for (found, expected) in profile(&table, &[]).columns.iter().zip(expected.as_array().expect("a list")) {
        let numbers_found = found.numbers.as_ref().expect("numbers");
        let name = &found.name;
        assert_eq!(found.nulls, expected["nulls"].as_u64().expect("a count"), "{name}");
        assert_eq!(found.distinct, expected["distinct"].as_u64().expect("a count"), "{name}");
        // These are picked or computed by the same operations, so to the last bit.
        assert_eq!(Some(numbers_found.min), expected["min"].as_f64(), "{name}");
        assert_eq!(Some(numbers_found.max), expected["max"].as_f64(), "{name}");
        assert_eq!(numbers_found.quantiles, numbers(&expected["quantiles"]), "{name}");
        let counts: Vec<f64> = numbers_found.counts.iter().map(|count| *count as f64).collect();
        assert_eq!(counts, numbers(&expected["counts"]), "{name}");
        // NumPy sums pairwise, we with compensation; edges are computed in another order.
        let close = |found: f64, expected: f64, scale: f64| (found - expected).abs() <= 1e-13 * scale;
        let scale = numbers_found.max.abs().max(numbers_found.min.abs());
        assert!(close(numbers_found.mean, expected["mean"].as_f64().expect("a mean"), scale), "{name}");
        assert!(
            close(numbers_found.standard_deviation, expected["std"].as_f64().expect("a deviation"), scale),
            "{name}"
        );
        for (edge, expected) in numbers_found.edges.iter().zip(numbers(&expected["edges"])) {
            assert!(close(*edge, expected, scale), "{name}: {edge} {expected}");
        }
    }
}

#[test]
fn pandas_reads_a_part_with_natural_types() {
    let project = Project::new();
    project.write(
        "x.csv",
        "n,gap,x,word,when,day,yes\n1,1,1.5,a,2024-01-01T10:00:00Z,2024-01-01,true\n2,,,b,2024-01-02 10:00:00.5,2024-01-02,false\n",
    );
    let done = project.ingest(&as_is("x.csv")).expect("ingested");
    let path = &done.parts[&modelyard_core::data::Part::Train].parquet;
    let found = python(
        "import json, sys, pandas as pd
frame = pd.read_parquet(sys.argv[1])
print(json.dumps(dict(types=[str(t) for t in frame.dtypes], when=str(frame.when[1]), day=str(frame.day[0]))))",
        &[&path.display().to_string()],
    );
    let types: Vec<&str> =
        found["types"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    assert_eq!(types, ["int64", "float64", "float64", "str", "datetime64[us]", "object", "bool"]);
    assert_eq!(found["when"], "2024-01-02 10:00:00.500000");
    assert_eq!(found["day"], "2024-01-01");
}

#[test]
fn what_pandas_writes_is_read() {
    let project = Project::new();
    let path = project.path("x.parquet");
    python(
        "import sys, pandas as pd
frame = pd.DataFrame({'i': pd.array([1, 2], dtype='int32'), 'u': pd.array([1, None], dtype='UInt8'),
    'c': pd.Categorical(['a', 'b']), 't': pd.to_datetime(['2024-01-01 10:00', None]).tz_localize('Europe/Berlin'),
    'ns': pd.to_datetime(['2024-01-01', '2024-01-02']).astype('datetime64[ns]'), 'h': [0.5, float('nan')]})
frame.to_parquet(sys.argv[1], compression='zstd', index=False)
print('null')",
        &[&path.display().to_string()],
    );
    let table = modelyard_data::read_table(&path, None).expect("read");
    assert_eq!(table.column("i"), Some(&Column::Int(vec![Some(1), Some(2)])));
    assert_eq!(table.column("u"), Some(&Column::Int(vec![Some(1), None])));
    assert_eq!(table.column("c"), Some(&Column::String(vec![Some("a".into()), Some("b".into())])));
    assert_eq!(table.column("t"), Some(&Column::Timestamp(vec![Some(1_704_099_600_000_000), None])));
    assert_eq!(table.column("h"), Some(&Column::Float(vec![Some(0.5), None])));
    let done = project.ingest(&as_is("x.parquet")).expect("ingested");
    assert_eq!(done.rows, 2);
}

#[test]
fn a_column_of_lists_is_left_out_of_queries_and_refused_as_it_is() {
    let project = Project::new();
    let path = project.path("x.parquet");
    python(
        "import sys, pandas as pd
pd.DataFrame({'i': [1], 'many': [[1, 2]]}).to_parquet(sys.argv[1], index=False)
print('null')",
        &[&path.display().to_string()],
    );
    let done = project.ingest(&by_sql(&[("x", "x.parquet")], "select * from x")).expect("ingested");
    assert_eq!(done.schema.len(), 1);
    assert_eq!(done.remarks, ["column `many` of `x` is left out: it has the type list"]);
    let complaint = project.complaint(&as_is("x.parquet"));
    assert!(complaint.starts_with("column `many` of `s` has the type list\n  hint: "), "{complaint}");
}
