//! Clients of a data plane that dawdle, and those that go on asking while it ends.

#![allow(clippy::unwrap_used)] // A test may panic.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use modelyard_core::{Clock, Timestamp};
use modelyard_http::{Limits, Served};
use modelyard_serve::Fleet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000)
    }

    fn entropy(&self) -> u128 {
        7
    }
}

const PATIENCE: Duration = Duration::from_secs(2);
const ALIVE: &[u8] = b"GET /v2/health/live HTTP/1.1\r\nhost: here\r\n\r\n";

/// A data plane without a version, what ends it when dropped, and its end.
async fn plane(connections: usize) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits { connections, patience: PATIENCE, ..Limits::default() };
    let served = Arc::new(Served::new(Arc::new(Fleet::new(Arc::new(Still))), limits, Arc::new(Still)));
    let (end, ended) = oneshot::channel();
    let serving = tokio::spawn(modelyard_http::serve(listener, served, async {
        let _ = ended.await;
    }));
    (address, end, serving)
}

/// Asks once; whether the answer says that it is the last on this connection. The answer is as
/// long as it says.
async fn is_last(stream: &mut TcpStream) -> bool {
    stream.write_all(ALIVE).await.expect("a connection that can be written to");
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            assert!(head.starts_with("http/1.1 200"), "{head}");
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if body.len() == length.parse::<usize>().unwrap() {
                return head.contains("connection: close");
            }
        }
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "closed without a whole answer");
    }
}

/// What comes until the connection is closed.
async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    let end = stream.read_to_end(&mut rest);
    // One that is closed on what it sent may be reset.
    let _ = tokio::time::timeout(Duration::from_secs(60), end).await.expect("an end");
    String::from_utf8(rest).unwrap()
}

#[tokio::test]
async fn who_dawdles_is_not_waited_for() {
    let (address, _end, _) = plane(100).await;
    let begin = Instant::now();
    for (sent, answered) in [
        ("", ""),
        ("GET /v2/health/live HT", ""),
        ("GET /v2/health/live HTTP/1.1\r\nhost: here\r\n\r\n", "200 OK"),
        (
            "POST /invocations HTTP/1.1\r\nhost: here\r\ncontent-length: 9\r\n\r\n{",
            "was not sent within 2 s (not_json)",
        ),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let rest = rest(&mut stream).await;
        assert!(rest.contains(answered) && rest.is_empty() == answered.is_empty(), "{sent}: {rest}");
    }
    assert!(begin.elapsed() >= PATIENCE * 4);
}

#[tokio::test]
async fn who_goes_on_asking_is_answered_on_one_connection() {
    let (address, _end, _) = plane(100).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE * 3 {
        stream.write_all(ALIVE).await.unwrap();
        let mut answer = [0; 1024];
        let length = stream.read(&mut answer).await.unwrap();
        assert!(answer[..length].starts_with(b"HTTP/1.1 200"), "closed after {:?}", begin.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let (address, _end, _) = plane(2).await;
    let begin = Instant::now();
    let mut dawdling =
        [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    for stream in &mut dawdling {
        stream.write_all(b"GET ").await.unwrap();
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(ALIVE).await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert!(begin.elapsed() >= PATIENCE);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_on_asking_loses_no_request_to_the_end() {
    const CLIENTS: u64 = 64;
    let (address, end, serving) = plane(100).await;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(!is_last(&mut stream).await);
        clients.spawn(async move {
            // At most 15 ms between two requests, so that some are written in the very moment of the end.
            while !is_last(&mut stream).await {
                tokio::time::sleep(Duration::from_micros(number * 240)).await;
            }
            assert_eq!(rest(&mut stream).await, "");
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(clients.try_join_next().is_none(), "closed before the end");
    let begin = Instant::now();
    drop(end);
    clients.join_all().await;
    serving.await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(2), "everybody was told, nobody is waited for");
}

#[tokio::test]
async fn a_connection_idle_at_the_end_has_time_for_one_more_request() {
    let (address, end, serving) = plane(100).await;
    let (mut fresh, mut used, mut idle) = (
        TcpStream::connect(address).await.unwrap(),
        TcpStream::connect(address).await.unwrap(),
        TcpStream::connect(address).await.unwrap(),
    );
    assert!(!is_last(&mut used).await);
    assert!(!is_last(&mut idle).await);
    let begin = Instant::now();
    drop(end);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(TcpStream::connect(address).await.is_err());
    for stream in [&mut fresh, &mut used] {
        assert!(is_last(stream).await);
        assert_eq!(rest(stream).await, "");
    }
    assert_eq!(rest(&mut idle).await, "");
    serving.await.unwrap();
    assert!((2..5).contains(&begin.elapsed().as_secs()), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn without_connections_the_end_is_at_once() {
    let (address, end, serving) = plane(100).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(!is_last(&mut stream).await);
    drop(stream);
    let begin = Instant::now();
    drop(end);
    serving.await.unwrap();
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
}
