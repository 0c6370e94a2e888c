//! `/invocations`: MLflow's four JSON forms and CSV say the same.

use serde_json::{Map, Value, json};

use crate::common::server::Server;
use crate::common::truth::{Truth, assert_close};
use crate::common::{Example, Project};

/// The rows in all forms; CSV as Python wrote it.
fn forms(rows: &[Map<String, Value>]) -> Vec<Value> {
    let columns: Vec<_> = rows[0].keys().cloned().collect();
    let data: Vec<Vec<_>> = rows.iter().map(|row| row.values().cloned().collect()).collect();
    let by_column: Map<_, _> = columns
        .iter()
        .map(|name| (name.clone(), rows.iter().map(|row| row[name].clone()).collect()))
        .collect();
    vec![
        json!({"dataframe_split": {"columns": columns, "data": data}}),
        json!({"dataframe_split": {"columns": columns, "data": data, "index": (0..rows.len()).collect::<Vec<_>>()}}),
        json!({"dataframe_records": rows}),
        json!({"instances": rows}),
        json!({"inputs": rows}),
        json!({"inputs": by_column}),
        json!({"inputs": by_column, "params": {}}),
    ]
}

fn check(example: Example) {
    let project = Project::built(example);
    let truth = Truth::of(&project);
    let server = Server::start(&project, example.model());
    let mut client = server.client();
    let check = |answer: Value| {
        let predictions = answer["predictions"].as_array().unwrap();
        assert_eq!(predictions.len(), truth.rows.len());
        for (prediction, wanted) in predictions.iter().zip(&truth.python) {
            assert_close(prediction, wanted.own.as_ref().unwrap_or(&wanted.prediction));
        }
    };
    for form in forms(&truth.rows) {
        check(client.post("/invocations", &form).ok());
    }
    let csv = std::fs::read(project.beside("truth/rows.csv")).unwrap();
    for content_type in ["text/csv", "text/csv; charset=utf-8"] {
        let headers = format!("content-type: {content_type}\r\n");
        check(client.ask("POST", "/invocations", &headers, &csv).unwrap().ok());
    }
    if example != Example::Flights {
        // Without names, in the order of the signature, which here is the file's.
        let signature =
            project.document(&["models", "show", example.model()])["manifest"]["signature"].clone();
        let names: Vec<_> = signature["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|input| input["name"].as_str().unwrap())
            .collect();
        let rows: Vec<Vec<_>> =
            truth.rows.iter().map(|row| names.iter().map(|name| &row[*name]).collect()).collect();
        check(client.post("/invocations", &json!({"instances": rows})).ok());
        check(client.post("/invocations", &json!({"inputs": rows})).ok());
    }
}

#[test]
fn diabetes_in_every_form() {
    check(Example::Diabetes);
}

#[test]
fn flights_in_every_form() {
    check(Example::Flights);
}

#[test]
fn topics_in_every_form() {
    check(Example::Topics);
}

/// A model with a single input takes bare values.
#[test]
fn bare_values_are_rows_of_one() {
    let project = Project::built(Example::Topics);
    let truth = Truth::of(&project);
    let server = Server::start(&project, "topics");
    let texts: Vec<_> = truth.rows.iter().map(|row| row["text"].clone()).collect();
    let answer = server.client().post("/invocations", &json!({"instances": texts})).ok();
    let wanted: Vec<_> = truth.python.iter().map(|answer| answer.prediction.clone()).collect();
    assert_eq!(answer["predictions"], json!(wanted));
}

#[test]
fn refusals_have_mlflows_shape() {
    let project = Project::built(Example::Wine);
    let server = Server::start(&project, "wine-cultivar");
    let mut client = server.client();
    let row = json!({"alcohol": 13.0});
    for (status, body, message) in [
        (400, json!({}), "the body has not exactly one of the four forms"),
        (400, json!({"instances": [], "inputs": []}), "the body has not exactly one of the four forms"),
        (400, json!({"dataframe_split": {"columns": ["alcohol"]}}), "missing field `data`"),
        (400, json!({"dataframe_split": [row]}), "the body can't be read"),
        (400, json!({"dataframe_records": "all"}), "`dataframe_records` has another shape"),
        (400, json!({"inputs": {"alcohol": 13.0}}), "a column is no list"),
        (
            422,
            json!({"dataframe_split": {"columns": ["alcohol", "ash"], "data": [[1.0]]}}),
            "row 0 has 1 values, there are 2 columns",
        ),
        (
            422,
            json!({"dataframe_split": {"columns": ["alcohol", "alcohol"], "data": [[1.0, 1.0]]}}),
            "column `alcohol` is there twice",
        ),
        (422, json!({"dataframe_records": [row]}), "field `malic_acid` is missing"),
        (
            422,
            json!({"inputs": {"alcohol": [13.0], "ash": []}}),
            "column `ash` has 0 values, the first column 1",
        ),
        (422, json!({"instances": [[13.0]]}), "row 0 has 1 values, there are 13 columns"),
    ] {
        let answer = client.post("/invocations", &body);
        let document = answer.json();
        assert_eq!((answer.status, &document["error_code"]), (status, &json!("BAD_REQUEST")), "{document}");
        assert!(document["message"].as_str().unwrap().contains(message), "wanted: {message}\n{document}");
    }
    let mut csv =
        |body: &[u8]| client.ask("POST", "/invocations", "content-type: text/csv\r\n", body).unwrap();
    for (status, body, message) in [
        (400, &b"alcohol,ash\n1.0\n"[..], "line: 2"),
        (400, b"alcohol,ash\n\xff,1.0\n", "line 2"),
        (422, b"alcohol,ash\nmuch,1.0\n", "`alcohol` takes a number"),
        (422, b"", "is missing"),
    ] {
        let answer = csv(body);
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().contains(message), "wanted: {message}\n{}", answer.text());
    }
}
