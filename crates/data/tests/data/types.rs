//! Which types columns get, from all rows of all files, and how they stay.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::common::{Project, as_is, by_sql, source};
use modelyard_core::table::{Column, DataType};
use modelyard_data::Ingested;

fn types(done: &Ingested) -> Vec<(&str, DataType)> {
    done.schema.iter().map(|field| (field.name.as_str(), field.data_type)).collect()
}

fn train(done: &Ingested, column: &str) -> Column {
    let train = &done.parts[&modelyard_core::data::Part::Train];
    let table = modelyard_data::read_table(&train.parquet, None).expect("read");
    table.column(column).cloned().expect("the column")
}

#[test]
fn a_fraction_in_row_2501_makes_the_column_float() {
    let project = Project::new();
    let mut text = "x\n".to_owned();
    for row in 0..2500 {
        writeln!(text, "{row}").expect("written");
    }
    project.write("x.csv", &format!("{text}0.5\n"));
    assert_eq!(types(&project.ingest(&as_is("x.csv")).expect("ingested")), [("x", DataType::Float)]);
}

#[test]
fn an_integer_month_and_a_fractional_one_are_float() {
    let project = Project::new();
    project
        .write("01.csv.gz", "x,zip,t\n1,10001,2024-01-01\n")
        .write("02.csv.gz", "t,x,zip\n2024-02-01 10:00,1.5,01234\n");
    let done = project.ingest(&as_is("*.csv.gz")).expect("ingested");
    assert_eq!(types(&done), [("x", DataType::Float), ("zip", DataType::String), ("t", DataType::Timestamp)]);
    assert_eq!(train(&done, "zip"), Column::String(vec![Some("10001".into()), Some("01234".into())]));
    assert_eq!(done.sources[0].rows, 2);
}

#[test]
fn parquet_files_widen_too() {
    let project = Project::new();
    for (name, column) in
        [("1.parquet", Column::Int(vec![Some(1)])), ("2.parquet", Column::Float(vec![Some(0.5)]))]
    {
        let mut table = modelyard_core::table::Table::new();
        table.push("x", column);
        modelyard_data::write_table(&project.path(name), &table).expect("written");
    }
    let done = project.ingest(&as_is("*.parquet")).expect("ingested");
    assert_eq!(train(&done, "x"), Column::Float(vec![Some(0.5), Some(1.0)]));
    assert!(!done.schema[0].nullable);
}

#[test]
fn empty_fields_and_declared_texts_are_missing() {
    let project = Project::new();
    project.write("x.tsv", "a\tb\n1\tNA\n\tx\n-\t\n");
    let mut dataset = as_is("x.tsv");
    dataset.sources.get_mut("s").expect("the source").nulls = vec!["NA".to_owned(), "-".to_owned()];
    let done = project.ingest(&dataset).expect("ingested");
    assert_eq!(train(&done, "a"), Column::Int(vec![None, None, Some(1)]));
    assert_eq!(train(&done, "b"), Column::String(vec![None, Some("x".into()), None]));
    assert_eq!(done.profile.columns[0].nulls, 2);
}

#[test]
fn a_text_among_numbers_is_pointed_at() {
    let project = Project::new();
    let numbers = (0..99).map(|row| format!("{row}\n")).collect::<String>();
    project.write("x.csv", &format!("x,\"y z\"\n{}", format!("{numbers}NA\n").replace('\n', ",\n")));
    let done = project.ingest(&as_is("x.csv")).expect("ingested");
    assert_eq!(
        done.remarks,
        [
            "column `x` of `s` is string because of `NA` in line 101 of `x.csv`; 99 of 100 values are numbers: list \
             such texts in `nulls`, or declare the type",
            "column `y z` of `s` has no value; it is taken as float",
        ]
    );
}

#[test]
fn declared_types_hold() {
    let project = Project::new();
    project.write("x.csv", "zip;yes\n10001;1\n20002;0\n");
    let mut dataset = as_is("x.csv");
    let mut declared = source("x.csv");
    declared.delimiter = Some(';');
    declared.types =
        BTreeMap::from([("zip".to_owned(), DataType::String), ("yes".to_owned(), DataType::Bool)]);
    dataset.sources.insert("s".to_owned(), declared);
    let done = project.ingest(&dataset).expect("ingested");
    assert_eq!(types(&done), [("zip", DataType::String), ("yes", DataType::Bool)]);
}

#[test]
fn no_header_numbers_the_columns() {
    let project = Project::new();
    project.write("x.csv", "1,a\n2,b\n");
    let mut dataset = as_is("x.csv");
    dataset.sources.get_mut("s").expect("the source").header = false;
    let done = project.ingest(&dataset).expect("ingested");
    assert_eq!(types(&done), [("column_1", DataType::Int), ("column_2", DataType::String)]);
    assert_eq!(done.rows, 2);
}

#[test]
fn a_later_version_keeps_the_types_of_the_first_or_says_why_not() {
    let project = Project::new();
    project.write("x.csv", "zip,n\n01234,1\n");
    let first = project.ingest(&as_is("x.csv")).expect("ingested");
    project.write("x.csv", "zip,n\n10001,1\n20002,1.5\n");
    let later = project.ingest_after(&as_is("x.csv"), Some(&first.sources)).expect("ingested");
    assert_eq!(types(&later), [("zip", DataType::String), ("n", DataType::Float)]);
    assert_eq!(later.remarks, ["column `n` of `s` was int and is now float: `1.5` in line 3 of `x.csv`"]);
}

#[test]
fn results_of_queries_become_the_six_types() {
    let project = Project::new();
    project.write("x.csv", "a,t,s\n3,2024-01-01T10:00:00+02:00,x\n");
    let done = project
        .ingest(&by_sql(
            &[("x", "x.csv")],
            "select cast(a as smallint) as i, cast(a as decimal(10,2)) as d, cast(a as float) as f,
                    cast(t as date) as day, to_timestamp_millis(1000) as ms, t, a > 2 as b,
                    arrow_cast(s, 'Dictionary(Int32, Utf8)') as s, cast('nan' as double) as none, a as \"Upper\"
             from x",
        ))
        .expect("ingested");
    use DataType::*;
    let expected = [
        ("i", Int),
        ("d", Float),
        ("f", Float),
        ("day", Date),
        ("ms", Timestamp),
        ("t", Timestamp),
        ("b", Bool),
        ("s", String),
        ("none", Float),
        ("Upper", Int),
    ];
    assert_eq!(types(&done), expected);
    assert_eq!(train(&done, "t"), Column::Timestamp(vec![Some(1_704_096_000_000_000)]));
    assert_eq!(train(&done, "ms"), Column::Timestamp(vec![Some(1_000_000)]));
    assert_eq!(train(&done, "none"), Column::Float(vec![None]));
    assert!(done.schema[8].nullable && !done.schema[0].nullable);
}

#[test]
fn a_preview_looks_at_the_first_rows_alone() {
    let project = Project::new();
    project.write("x.csv", "a\n3\n1\n2\nbad\n");
    let seen =
        project.preview(&by_sql(&[("x", "x.csv")], "select a + 1 as b from x where a > 1"), 2).expect("seen");
    assert_eq!(seen.rows.column("b"), Some(&Column::Int(vec![Some(4)])));
    assert_eq!((seen.losses[0].rows_in, seen.losses[0].rows_out), (2, 1));
    assert!(!project.path("out").exists());
}
