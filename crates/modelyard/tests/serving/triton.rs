//! The same protocol through the client that most of its users have: `tritonclient`, unmodified.

use serde_json::{Map, Value, json};

use crate::common::server::Server;
use crate::common::truth::{Truth, assert_close};
use crate::common::{Example, Project, python_with};

#[test]
fn tritonclient_works_unmodified() {
    let project = Project::built(Example::Flights);
    let truth = Truth::of(&project);
    // Its tensors of integers know no null.
    let whole = |row: &usize| truth.rows[*row].values().all(|value| !value.is_null());
    let rows: Vec<_> = (0..truth.rows.len()).filter(whole).take(300).collect();
    assert_eq!(rows.len(), 300);
    let column = |name: &String| -> Value { rows.iter().map(|row| truth.rows[*row][name].clone()).collect() };
    let table: Map<_, _> = truth.rows[0].keys().map(|name| (name.clone(), column(name))).collect();

    let server = Server::start(&project, "late-flights");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/serving/triton.py");
    let told = python_with(&[script, &server.address.to_string(), "late-flights"], &json!(table).to_string());
    let said: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (&said["live"], &said["ready"], &said["missing"]),
        (&json!(true), &json!(true), &json!(false))
    );
    assert_eq!(said["name"], json!("modelyard"));
    assert_eq!(said["only"], json!(true));
    for way in ["raw", "json", "named", "version"] {
        let answers = &said["answers"][way];
        for (place, row) in rows.iter().enumerate() {
            let wanted = &truth.python[*row];
            assert_eq!(answers["prediction"][place], wanted.prediction, "{way}");
            for (class, probability) in
                ["0", "1"].iter().zip(answers["probabilities"][place].as_array().unwrap())
            {
                assert_close(probability, &wanted.probabilities[*class]);
            }
        }
    }
    assert_eq!(said["refused"]["status"], json!("422"));
    assert!(
        said["refused"]["message"].as_str().unwrap().starts_with("the model knows no field `no-such-column`")
    );
}
