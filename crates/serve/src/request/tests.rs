use modelyard_core::package::{Input, Signature};
use modelyard_core::table::{Column, DataType, Field};
use serde_json::{Map, Value, json};

use super::{Data, columns, table};
use crate::{ErrorCode, PredictError};

fn input(name: &str, data_type: DataType, nullable: bool) -> Input {
    Input {
        name: name.into(),
        data_type,
        dtype: String::new(),
        nullable,
        unseen: true,
        categories: Vec::new(),
    }
}

fn signature() -> Signature {
    let mut origin = input("origin", DataType::String, false);
    origin.unseen = false;
    origin.categories = vec!["EWR".into(), "JFK".into()];
    Signature {
        inputs: vec![
            origin,
            input("hour", DataType::Int, false),
            input("temp", DataType::Float, true),
            input("late", DataType::Bool, true),
            input("at", DataType::Timestamp, true),
            input("day", DataType::Date, true),
        ],
        series: false,
        ignored: vec!["flight".into(), "when".into()],
        meta: vec![Field { name: "when".into(), data_type: DataType::Timestamp, nullable: true }],
    }
}

fn row(changes: Value) -> Map<String, Value> {
    let mut row = json!({"origin": "EWR", "hour": 5});
    let target = row.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::String(text) if text == "(absent)" => target.remove(name),
            value => target.insert(name.clone(), value.clone()),
        };
    }
    target.clone()
}

fn refused(changes: Value) -> PredictError {
    table(&signature(), &[row(changes)]).unwrap_err()
}

#[test]
fn columns_come_in_the_signatures_order() {
    let row = row(json!({
        "flight": {"anything": []}, "day": "2013-01-31", "at": "2013-01-31T05:00:00.5+01:00", "late": true,
        "temp": 3, "hour": 6.0,
    }));
    let table = table(&signature(), &[row]).unwrap();
    assert_eq!(table.names(), ["origin", "hour", "temp", "late", "at", "day"]);
    assert_eq!(table.column("hour"), Some(&Column::Int(vec![Some(6)])));
    assert_eq!(table.column("temp"), Some(&Column::Float(vec![Some(3.0)])));
    assert_eq!(table.column("late"), Some(&Column::Bool(vec![Some(true)])));
    assert_eq!(table.column("at"), Some(&Column::Timestamp(vec![Some(1_359_604_800_500_000)])));
    assert_eq!(table.column("day"), Some(&Column::Date(vec![Some(15_736)])));
}

#[test]
fn times_without_an_offset_are_utc() {
    for text in ["2013-01-31T04:00:00", "2013-01-31 04:00:00", "2013-01-31T04:00:00Z"] {
        let table = table(&signature(), &[row(json!({"at": text}))]).unwrap();
        assert_eq!(table.column("at"), Some(&Column::Timestamp(vec![Some(1_359_604_800_000_000)])), "{text}");
    }
}

#[test]
fn nulls_and_missing_fields_are_answered_where_the_input_says_so() {
    let table = table(&signature(), &[row(json!({"temp": null}))]).unwrap();
    assert_eq!(table.column("temp"), Some(&Column::Float(vec![None])));
    assert_eq!(table.column("day"), Some(&Column::Date(vec![None])));

    let error = refused(json!({"hour": null}));
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::BadValue, "field `hour` is null"));
    let error = refused(json!({"hour": "(absent)"}));
    assert_eq!((error.code, error.message.as_str()), (ErrorCode::MissingField, "field `hour` is missing"));
    assert_eq!(error.field.as_deref(), Some("hour"));
}

#[test]
fn wrong_types_name_the_field() {
    for (change, message) in [
        (json!({"hour": 5.5}), "field `hour` takes an integer, not the number 5.5"),
        (json!({"hour": "5"}), "field `hour` takes an integer, not the text \"5\""),
        (json!({"hour": true}), "field `hour` takes an integer, not the bool true"),
        (json!({"hour": [5]}), "field `hour` takes an integer, not a list"),
        (json!({"hour": 1e300}), "field `hour` takes an integer, not the number 1e300"),
        (
            json!({"hour": 9_223_372_036_854_775_808u64}),
            "field `hour` takes an integer, not the number 9.223372036854776e18",
        ),
        (json!({"temp": "warm"}), "field `temp` takes a number, not the text \"warm\""),
        (json!({"late": 1}), "field `late` takes a bool, not the number 1"),
        (json!({"origin": 7}), "field `origin`: the model has never seen the number 7"),
        (json!({"origin": "ewr"}), "field `origin`: the model has never seen the text \"ewr\""),
        (json!({"at": "yesterday"}), "field `at` takes a timestamp, not the text \"yesterday\""),
        (json!({"day": "2013-02-30"}), "field `day` takes a date, not the text \"2013-02-30\""),
    ] {
        let error = refused(change.clone());
        assert_eq!((error.code, error.message.as_str()), (ErrorCode::BadValue, message));
        assert!(error.hint.is_some());
        assert_eq!(error.field.as_ref(), change.as_object().unwrap().keys().next());
    }
}

#[test]
fn unknown_names_get_the_nearest_known_one() {
    let error = refused(json!({"Orgin": "EWR"}));
    assert_eq!(error.code, ErrorCode::UnknownField);
    assert_eq!(error.message, "the model knows no field `Orgin`");
    assert_eq!(error.hint.as_deref(), Some("did you mean `origin`?"));
    let error = refused(json!({"zzz": 1}));
    assert!(error.hint.unwrap().starts_with("the model's fields are `origin`, `hour`"));
}

#[test]
fn of_several_rows_the_one_to_blame_is_named() {
    let error = table(&signature(), &[row(json!({})), row(json!({"hour": 0.1}))]).unwrap_err();
    assert_eq!(error.message, "row 1: field `hour` takes an integer, not the number 0.1");
}

#[test]
fn columns_follow_the_same_rules() {
    let texts = |values: &[&str]| Data::Texts(values.iter().map(|value| (*value).to_owned()).collect());
    let given = vec![
        ("flight".to_owned(), texts(&["a", "b"])),
        ("temp".to_owned(), Data::Column(Column::Float(vec![Some(f64::NAN), Some(1.5)]))),
        ("hour".to_owned(), Data::Column(Column::Float(vec![Some(5.0), Some(6.0)]))),
        ("origin".to_owned(), Data::Values(vec!["EWR".into(), "JFK".into()])),
        ("late".to_owned(), texts(&["", "true"])),
    ];
    let table = columns(&signature(), given.clone()).unwrap();
    assert_eq!(table.column("temp"), Some(&Column::Float(vec![None, Some(1.5)])));
    assert_eq!(table.column("hour"), Some(&Column::Int(vec![Some(5), Some(6)])));
    assert_eq!(table.column("late"), Some(&Column::Bool(vec![None, Some(true)])));
    assert_eq!(table.column("at"), Some(&Column::Timestamp(vec![None, None])));

    let mut short = given.clone();
    short[2].1 = Data::Column(Column::Int(vec![Some(5)]));
    let error = columns(&signature(), short).unwrap_err();
    assert_eq!(error.message, "column `hour` has 1 values, the first column 2");
    let mut twice = given.clone();
    twice.push(given[2].clone());
    assert_eq!(columns(&signature(), twice).unwrap_err().message, "column `hour` is there twice");
    let mut wrong = given;
    wrong[2].1 = texts(&["5", "noon"]);
    let error = columns(&signature(), wrong).unwrap_err();
    assert_eq!(error.message, "row 1: field `hour` takes an integer, not the text \"noon\"");
}
