//! `/predict`, and the routes about the server itself.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::common::server::Server;
use crate::common::truth::Truth;
use crate::common::{Example, Project, text};

#[test]
fn one_row_and_many() {
    let project = Project::built(Example::Wine);
    let truth = Truth::of(&project);
    let server = Server::start(&project, "wine-cultivar@champion");
    let mut client = server.client();
    let answer = client.post("/predict/wine-cultivar", &json!(truth.rows[0])).ok();
    let keys: Vec<_> = answer.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "model", "prediction", "probabilities", "version"]);
    assert_eq!((&answer["model"], &answer["version"]), (&json!("wine-cultivar"), &json!(1)));
    let total: f64 = answer["probabilities"].as_object().unwrap().values().map(|p| p.as_f64().unwrap()).sum();
    assert!((total - 1.0).abs() < 1e-12, "{answer}");

    let answer = client.post("/predict/wine-cultivar", &json!(truth.rows[..3])).ok();
    assert_eq!((&answer["model"], &answer["version"]), (&json!("wine-cultivar"), &json!(1)));
    let predictions = answer["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 3);
    for (prediction, wanted) in predictions.iter().zip(&truth.python) {
        let keys: Vec<_> = prediction.as_object().unwrap().keys().cloned().collect();
        assert_eq!(keys, ["id", "prediction", "probabilities"]);
        wanted.check(prediction);
    }
    assert_eq!(client.post("/predict/wine-cultivar", &json!([])).ok()["predictions"], json!([]));
}

#[test]
fn ids_are_the_senders_or_sorted_by_time() {
    let project = Project::built(Example::Diabetes);
    let truth = Truth::of(&project);
    let server = Server::start(&project, "diabetes-progression");
    let mut client = server.client();
    let path = "/predict/diabetes-progression";
    let headers = "content-type: application/json\r\nx-modelyard-id: visit-7\r\n";
    let mut ask = |rows: &Value| client.ask("POST", path, headers, rows.to_string().as_bytes()).unwrap().ok();
    assert_eq!(ask(&json!(truth.rows[0]))["id"], json!("visit-7"));
    let answer = ask(&json!(truth.rows[..2]));
    let ids: Vec<_> =
        answer["predictions"].as_array().unwrap().iter().map(|answer| text(&answer["id"])).collect();
    assert_eq!(ids, ["visit-7/0", "visit-7/1"]);
    for header in ["x-modelyard-id", "x-modelyard-key"] {
        let headers = format!("content-type: application/json\r\n{header}: {}\r\n", "7".repeat(201));
        let refused =
            client.ask("POST", path, &headers, json!(truth.rows[0]).to_string().as_bytes()).unwrap();
        assert_eq!((refused.status, text(&refused.json()["field"])), (422, header.to_owned()));
    }

    let mut client = server.client();
    let ids: Vec<_> = (0..50).map(|_| text(&client.post(path, &json!(truth.rows[0])).ok()["id"])).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 50);
    assert!(ids.iter().all(|id| id.len() == 36 && id.as_bytes()[14] == b'7'), "no UUIDv7: {ids:?}");
    assert!(ids[0][..13] <= ids[49][..13]);
}

/// A regression's answer is a number and has no probabilities.
#[test]
fn a_regression_has_no_probabilities() {
    let project = Project::built(Example::Diabetes);
    let truth = Truth::of(&project);
    let server = Server::start(&project, "diabetes-progression");
    let answer = server.client().post("/predict/diabetes-progression", &json!(truth.rows[0])).ok();
    let keys: Vec<_> = answer.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "model", "prediction", "version"]);
    truth.python[0].check(&answer);
}

#[test]
fn health_and_metrics() {
    let project = Project::built(Example::Wine);
    let truth = Truth::of(&project);
    let server = Server::start(&project, "wine-cultivar");
    let mut client = server.client();
    for path in ["/ping", "/health", "/v2/health/live", "/v2/health/ready"] {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    client.post("/predict/wine-cultivar", &json!(truth.rows[0])).ok();
    client.post("/predict/wine-cultivar", &json!(truth.rows[..4])).ok();
    assert_eq!(client.post_text("/predict/wine-cultivar", "{").status, 400);
    assert_eq!(client.post("/predict/wine-cultivar", &json!({"alcohol": "much"})).status, 422);
    assert_eq!(client.post("/predict/wines", &json!(truth.rows[0])).status, 404);

    let answer = client.get("/metrics");
    assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4");
    let metrics = answer.text();
    let labels = "model=\"wine-cultivar\",version=\"1\"";
    for line in [
        format!("modelyard_requests_total{{{labels},code=\"ok\"}} 2"),
        format!("modelyard_requests_total{{{labels},code=\"not_json\"}} 1"),
        format!("modelyard_requests_total{{{labels},code=\"bad_value\"}} 1"),
        // What names another model is no version's.
        "modelyard_requests_total{model=\"wine-cultivar\",version=\"none\",code=\"model_missing\"} 1"
            .to_owned(),
        format!("modelyard_predictions_total{{{labels}}} 5"),
        format!("modelyard_request_seconds_count{{{labels}}} 2"),
        format!("modelyard_request_seconds_bucket{{{labels},le=\"+Inf\"}} 2"),
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} is not in\n{metrics}");
    }
    let package = project.document(&["models", "show", "wine-cultivar"])["package"].clone();
    assert!(metrics.contains(&format!("modelyard_model_info{{{labels},package={package}}} 1")), "{metrics}");
}
