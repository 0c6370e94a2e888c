//! What is too much, and what takes too long.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::Rig;

const PATH: &str = "/api/v1/models/late-flights/aliases/x";
const JSON: &str = "content-type: application/json\r\n";

#[tokio::test]
async fn bodies_that_are_none_are_told_what_is_wrong() {
    let rig = Rig::new().await;
    rig.register(1).await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for (body, code) in [
        ("{", (400, "not_json")),
        ("nan", (400, "not_json")),
        (&deep, (422, "bad_value")),
        (r#"{"version":-1}"#, (422, "bad_value")),
        (r#"{"version":1,"edition":1}"#, (422, "bad_value")),
        ("[]", (422, "bad_value")),
        ("", (422, "bad_value")),
        (r#"{"version":7}"#, (404, "not_found")),
    ] {
        let answer = rig.ask("PUT", PATH, JSON, body).await;
        let (status, found) = answer.code();
        assert_eq!((status, found.as_str()), code, "{body}: {answer:?}");
    }
    let answer = rig.ask("PUT", PATH, JSON, r#"{"edition":1}"#).await.json();
    assert_eq!(answer["field"], "edition");
    assert_eq!(rig.ask("PUT", PATH, "content-type: text/plain\r\n", r#"{"version":1}"#).await.status, 415);
    assert_eq!(rig.get("/api/v1/audit?limit=many").await.status, 400);
    assert_eq!(rig.get("/api/v1/audit?limits=1").await.status, 400);
    for path in ["production/replicas/first/log", "%FF/history"] {
        let answer = rig.get(&format!("/api/v1/projects/flights/environments/{path}")).await;
        assert_eq!(answer.code(), (400, "usage".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn an_end_of_a_freeze_that_is_none_is_told_how_to_write_one() {
    let rig = Rig::new().await;
    let path = "/api/v1/projects/flights/environments/production/freeze";
    for (until, message) in [
        ("3d", "cannot read `3d` as the instant `until`"),
        ("24.12.2026", "cannot read `24.12.2026` as the instant `until`"),
        ("2020-12-24", "`until` lies in the past: `2020-12-24`"),
    ] {
        let answer = rig.ask("PUT", path, JSON, &format!(r#"{{"until":"{until}"}}"#)).await;
        assert_eq!(answer.code(), (422, "bad_value".to_owned()), "{until}: {answer:?}");
        let said = answer.json();
        assert_eq!((&said["field"], &said["message"]), (&"until".into(), &message.into()));
        let hint = said["hint"].as_str().unwrap();
        assert!(hint.starts_with("an instant to come: `2026-12-24T08:00:00Z`, "), "{hint}");
    }
    // What is well written is asked of the environment, which there is not.
    for until in ["2999-12-24T08:00:00Z", "2999-12-24T08:00:00+01:00", "2999-12-24 08:00"] {
        let answer = rig.ask("PUT", path, JSON, &format!(r#"{{"until":"{until}"}}"#)).await;
        assert_eq!(answer.code().0, 404, "{until}: {answer:?}");
    }
}

#[tokio::test]
async fn a_body_over_a_megabyte_is_refused() {
    let rig = Rig::new().await;
    let large = format!(r#"{{"version":{}1}}"#, " ".repeat(1 << 20));
    assert_eq!(rig.ask("PUT", PATH, JSON, &large).await.code(), (413, "usage".to_owned()));
}

#[tokio::test]
async fn too_many_or_too_long_headers_are_refused() {
    let rig = Rig::new().await;
    let many: String = (0..100).map(|number| format!("x-{number}: 1\r\n")).collect();
    assert_eq!(rig.ask("GET", "/health", &many, "").await.status, 431);
    let long = format!("x-long: {}\r\n", "a".repeat(128 << 10));
    let answer = rig.ask("GET", "/health", &long, "").await;
    assert!(matches!(answer.status, 431 | 0), "{answer:?}");
    assert_eq!(rig.get("/health").await.status, 200);
}

#[tokio::test]
async fn who_dawdles_is_not_waited_for() {
    let rig = Rig::new().await;
    let begin = Instant::now();
    let mut silent = rig.connect().await;
    let mut header = rig.connect().await;
    header.write_all(b"GET /health HT").await.unwrap();
    let mut body = rig.connect().await;
    let part = format!("PUT {PATH} HTTP/1.1\r\nhost: {}\r\n{JSON}content-length: 99\r\n\r\n{{", rig.address);
    body.write_all(part.as_bytes()).await.unwrap();
    for stream in [&mut silent, &mut header, &mut body] {
        let mut rest = Vec::new();
        let end = stream.read_to_end(&mut rest);
        tokio::time::timeout(Duration::from_secs(15), end).await.expect("an end").unwrap();
    }
    assert!(begin.elapsed() > Duration::from_secs(9));
}
