//! What routes answer.

use modelyard_http::native::{Permission, listed};
use serde_json::json;

use crate::rig::Rig;

#[test]
fn every_route_says_what_it_needs() {
    for route in listed() {
        let changes = route.method != "GET";
        assert_eq!(changes, route.permission != Permission::Read, "{} {}", route.method, route.path);
        assert!(!route.summary.is_empty());
    }
}

#[tokio::test]
async fn every_route_that_is_listed_is_there() {
    let rig = Rig::new().await;
    let overview = rig.get("/api/v1").await.json();
    assert_eq!(overview["routes"].as_array().unwrap().len(), listed().len());
    for route in listed().into_iter().filter(|route| !route.path.ends_with("/events")) {
        let path = route.path.replace(['{', '}'], "");
        let answer = rig.ask(route.method, &path, "content-type: application/json\r\n", "").await;
        assert_ne!(answer.status, 405, "{} {path}", route.method);
        assert!(!answer.body.contains("no such route"), "{} {path}", route.method);
        assert_eq!(rig.ask("DELETE", &path, "", "").await.status, 405, "{path}");
    }
    let answer = rig.get("/api/v1/nothing").await;
    assert_eq!(
        answer.json(),
        json!({"message": "there is no such route", "code": "not_found", "hint": "GET /api/v1 lists them", "field": null})
    );
}

#[tokio::test]
async fn models_are_listed_and_named() {
    let rig = Rig::new().await;
    rig.register(2).await;
    let models = rig.get("/api/v1/models").await.json();
    assert_eq!((&models[0]["name"], &models[0]["latest_version"]), (&json!("late-flights"), &json!(2)));
    let versions = rig.get("/api/v1/models/late-flights/versions").await.json();
    assert_eq!((&versions[0]["number"], &versions[1]["number"]), (&json!(2), &json!(1)));
    let kind = "content-type: application/json\r\n";
    let named = rig.ask("PUT", "/api/v1/models/late-flights/aliases/proven", kind, r#"{"version":1}"#).await;
    assert_eq!((named.status, &named.json()["aliases"]["proven"]), (200, &json!(1)));
    assert_eq!(rig.get("/api/v1/models/late-flights/versions/proven").await.json()["number"], 1);
    let entry = &rig.get("/api/v1/audit?limit=1").await.json()[0];
    assert_eq!((&entry["actor"], &entry["event"]), (&json!("ada"), &json!("model.alias.set")));
    assert_eq!(rig.get("/api/v1/audit/verdict").await.json()["intact"], true);
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() {
    let rig = Rig::new().await;
    rig.register(1).await;
    assert_eq!(rig.get("/api/v1/models/late-flihgts").await.code(), (404, "not_found".to_owned()));
    assert_eq!(rig.get("/api/v1/models/late-flights/versions/9").await.code(), (404, "not_found".to_owned()));
    assert_eq!(rig.get("/api/v1/models/late-flights/versions/@").await.code().0, 404);
    assert_eq!(rig.get("/api/v1/runs/01J").await.code(), (404, "not_found".to_owned()));
    assert_eq!(rig.get("/api/v1/projects/flights").await.code(), (404, "not_found".to_owned()));
    assert_eq!(
        rig.get("/api/v1/projects/flights/environments/staging").await.code(),
        (404, "not_found".to_owned())
    );
}

#[tokio::test]
async fn health_and_metrics_are_told() {
    let rig = Rig::new().await;
    assert_eq!(rig.get("/health").await.json()["status"], "ok");
    let metrics = rig.get("/metrics").await;
    assert!(metrics.body.starts_with("# HELP modelyard_environment_replicas_wanted "), "{metrics:?}");
    assert!(metrics.headers.contains("content-type: text/plain; version=0.0.4"));
}

#[tokio::test]
async fn the_end_waits_for_answers_and_not_for_the_idle() {
    let rig = Rig::new().await;
    let _idle = rig.connect().await;
    rig.get("/health").await;
    rig.ending.send(true).unwrap();
    let end = tokio::time::timeout(std::time::Duration::from_secs(3), rig.serving).await;
    assert!(end.is_ok(), "an idle connection holds nothing up");
}

#[tokio::test]
async fn the_document_that_is_checked_in_is_the_one_that_is_answered() {
    let rig = Rig::new().await;
    let answered = rig.get("/api/v1/openapi.json").await.json();
    let text = format!("{answered:#}\n");
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("MODELYARD_WRITE_OPENAPI").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == text,
        "docs/openapi.json is not what the server answers: run this test with MODELYARD_WRITE_OPENAPI=1, look at \
         the difference and commit it"
    );
    // Each reference leads somewhere.
    for (at, _) in text.match_indices("#/components/schemas/") {
        let name = text[at + "#/components/schemas/".len()..].split('"').next().unwrap();
        assert!(answered["components"]["schemas"][name].is_object(), "no schema `{name}`");
    }
}
