//! Events come as things happen, and none is missed by who was cut off.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::rig::Rig;

/// A listener, and what it heard so far.
async fn listen(rig: &Rig, extra: &str) -> (TcpStream, String) {
    let mut stream = rig.connect().await;
    let asked = format!("GET /api/v1/events HTTP/1.1\r\nhost: {}\r\n{extra}\r\n", rig.address);
    stream.write_all(asked.as_bytes()).await.unwrap();
    let heard = until(&mut stream, String::new(), "text/event-stream").await;
    (stream, heard)
}

/// What was heard, beginning with `heard`, until `wanted` was.
async fn until(stream: &mut TcpStream, mut heard: String, wanted: &str) -> String {
    let hearing = async {
        while !heard.contains(wanted) {
            let mut bytes = [0; 4096];
            let read = stream.read(&mut bytes).await.unwrap();
            assert!(read > 0, "ended before `{wanted}`: {heard}");
            heard.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    };
    tokio::time::timeout(Duration::from_secs(5), hearing).await.unwrap_or_else(|_| panic!("no `{wanted}`"));
    heard
}

#[tokio::test]
async fn an_entry_is_heard_of_when_it_is_written() {
    let rig = Rig::new().await;
    rig.register(1).await;
    let (mut stream, heard) = listen(&rig, "").await;
    let actor = rig.actor();
    rig.home.models.set_alias("late-flights", 1, "proven", &actor).await.unwrap();
    let heard = until(&mut stream, heard, "model.alias.set").await;
    assert!(heard.contains("event: audit") && !heard.contains("model.version.registered"), "{heard}");
}

#[tokio::test]
async fn who_was_cut_off_hears_what_was_missed() {
    let rig = Rig::new().await;
    rig.register(3).await;
    let first = rig.home.audit.entries().await.unwrap()[0].number;
    let (mut stream, heard) = listen(&rig, &format!("last-event-id: {first}\r\n")).await;
    let heard = until(&mut stream, heard, "late-flights@3").await;
    assert!(heard.contains("late-flights@2") && !heard.contains("late-flights@1"), "{heard}");
}

#[tokio::test]
async fn listeners_do_not_hold_up_the_end() {
    let rig = Rig::new().await;
    let (mut stream, _) = listen(&rig, "").await;
    rig.ending.send(true).unwrap();
    tokio::time::timeout(Duration::from_secs(3), rig.serving).await.expect("an end").unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
}
