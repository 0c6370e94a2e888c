//! A version's answers, in batch and from a folder without a home, are those of scikit-learn.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use crate::common::server::Server;
use crate::common::truth::Truth;
use crate::common::{Ended, Example, Project, modelyard};

/// The rows of a CSV file, by column.
fn read_csv(path: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(Result::unwrap).collect()
}

/// A row that `predict` wrote, as `/predict` answers it.
fn answer(row: &BTreeMap<String, String>, is_class: bool) -> Value {
    let prediction = match is_class {
        true => json!(row["prediction"]),
        false => json!(row["prediction"].parse::<f64>().unwrap()),
    };
    let probability = |(name, value): (&String, &String)| {
        Some((name.strip_prefix("probability of ")?.to_owned(), json!(value.parse::<f64>().unwrap())))
    };
    let probabilities: serde_json::Map<_, _> = row.iter().filter_map(probability).collect();
    json!({"prediction": prediction, "probabilities": probabilities})
}

fn check(example: Example) {
    let project = Project::built(example);
    let truth = Truth::of(&project);
    let (rows, output) = (project.beside("truth/rows.csv"), project.beside("answers.csv"));
    let told =
        project.document(&["predict", example.model(), rows.to_str().unwrap(), output.to_str().unwrap()]);
    assert_eq!((&told["rows"], &told["version"]), (&json!(truth.rows.len()), &json!(1)));
    let answers = read_csv(&output);
    assert_eq!(answers.len(), truth.rows.len());
    let is_class = example != Example::Diabetes;
    for ((row, stored), python) in answers.iter().zip(&truth.stored).zip(&truth.python) {
        let answer = answer(row, is_class);
        stored.check(&answer);
        python.check(&answer);
    }
    // What came in comes out, in its order.
    let given = read_csv(&rows);
    for (row, given) in answers.iter().zip(&given) {
        assert!(
            given
                .iter()
                .all(|(name, value)| row[name].trim_end_matches(".0") == value.trim_end_matches(".0")),
            "{row:?} of {given:?}"
        );
    }
}

#[test]
fn diabetes_in_batch() {
    check(Example::Diabetes);
}

#[test]
fn wine_in_batch() {
    check(Example::Wine);
}

#[test]
fn topics_in_batch() {
    check(Example::Topics);
}

#[test]
fn flights_in_batch() {
    check(Example::Flights);
}

/// The package alone answers: no home, no project, nothing but the user's cache.
fn check_folder(example: Example) {
    let project = Project::built(example);
    let truth = Truth::of(&project);
    let package = project.beside("somewhere/model");
    let told = project.document(&["models", "download", example.model(), package.to_str().unwrap()]);
    assert_eq!(told["version"], json!(1));
    std::fs::remove_dir_all(project.root()).unwrap();
    let elsewhere = package.parent().unwrap();
    let server = Server::of(modelyard(elsewhere, &["serve", "model"]), project.beside("server.log"));
    assert_eq!((&server.ready["model"], &server.ready["version"]), (&json!("model"), &Value::Null));
    let answers = server.client().post("/predict/model", &json!(truth.rows)).ok();
    for (answer, python) in answers["predictions"].as_array().unwrap().iter().zip(&truth.python) {
        python.check(answer);
    }
    let (rows, output) = (project.beside("truth/rows.csv"), project.beside("answers.csv"));
    let args = ["predict", "model", rows.to_str().unwrap(), output.to_str().unwrap()];
    let ended = Ended::of(modelyard(elsewhere, &args).output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.text());
    assert_eq!(read_csv(&output).len(), truth.rows.len());
}

#[test]
fn wine_from_a_folder() {
    check_folder(Example::Wine);
}

#[test]
fn topics_from_a_folder() {
    check_folder(Example::Topics);
}

#[test]
fn a_file_that_does_not_fit_is_refused_with_its_row() {
    let project = Project::built(Example::Wine);
    let text = project.read("data/wine.csv");
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines[9] = lines[9].replacen(',', ",,", 1).rsplit_once(',').unwrap().0.to_owned();
    project.write("hole.csv", &lines.join("\n"));
    let ended = project.fails(
        &["predict", "wine-cultivar", "hole.csv", "out.csv"],
        4,
        "cannot answer the rows from 1 on: ",
    );
    assert!(ended.stderr.contains("malic_acid"), "{}", ended.text());
    assert!(!project.root().join("out.csv").exists(), "half an answer was left");
    project.fails(&["predict", "wine-cultivar", "no.csv", "out.csv"], 4, "cannot ");
}
