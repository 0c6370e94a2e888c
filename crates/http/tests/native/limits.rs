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
