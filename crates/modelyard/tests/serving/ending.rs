//! How a server begins and ends: what it took is answered, and a port that is taken is told.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::server::Server;
use crate::common::truth::Truth;
use crate::common::{Example, Project};

const CONNECTIONS: usize = 64;

/// Requests that were sent whole before the end was asked for: each is answered, though it takes long.
#[test]
fn what_was_taken_is_answered() {
    let project = Project::built(Example::Topics);
    let truth = Truth::of(&project);
    let mut server = Server::start(&project, "topics");
    let body = json!(truth.rows).to_string();
    let request = format!(
        "POST /predict/topics HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let (sent, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                let mut client = server.client();
                // Accepted, not only waiting to be.
                assert_eq!(client.get("/v2/health/live").status, 200);
                client.send(request.as_bytes()).unwrap();
                sent.fetch_add(1, Ordering::Relaxed);
                let answers = client.receive().unwrap().ok();
                let answers = answers["predictions"].as_array().unwrap();
                assert_eq!(answers.len(), truth.rows.len());
                for (answer, wanted) in answers.iter().zip(&truth.python) {
                    wanted.check(answer);
                }
                answered.fetch_add(1, Ordering::Relaxed);
            });
        }
        while sent.load(Ordering::Relaxed) < CONNECTIONS {
            std::thread::sleep(Duration::from_millis(1));
        }
        // For the last ones to be read.
        std::thread::sleep(Duration::from_millis(500));
        server.end();
    });
    assert_eq!(answered.load(Ordering::Relaxed), CONNECTIONS);
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}

/// Connections that ask again and again: each request is answered whole, and each connection is told with an
/// answer that this was its last.
#[test]
fn busy_connections_lose_no_request() {
    let project = Project::built(Example::Wine);
    let truth = Truth::of(&project);
    let mut server = Server::start(&project, "wine-cultivar");
    let (ended, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for first in 0..CONNECTIONS {
            let (server, truth, ended, answered) = (&server, &truth, &ended, &answered);
            scope.spawn(move || {
                let mut client = server.client();
                for row in (0..truth.rows.len()).cycle().skip(first) {
                    let answer = client.post("/predict/wine-cultivar", &json!(truth.rows[row]));
                    truth.python[row].check(&answer.ok());
                    answered.fetch_add(1, Ordering::Relaxed);
                    if answer.headers.get("connection").is_some_and(|connection| connection == "close") {
                        assert!(ended.load(Ordering::SeqCst), "closed before the end");
                        return;
                    }
                }
            });
        }
        while answered.load(Ordering::Relaxed) < 20 * CONNECTIONS {
            std::thread::sleep(Duration::from_millis(1));
        }
        ended.store(true, Ordering::SeqCst);
        server.end();
    });
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    assert!(std::net::TcpStream::connect(server.address).is_err());
}

/// Whoever has not sent a whole request does not keep the server.
#[test]
fn half_a_request_is_not_waited_for() {
    let project = Project::built(Example::Wine);
    let mut server = Server::start(&project, "wine-cultivar");
    let (mut head, mut body, idle) = (server.client(), server.client(), server.client());
    head.send(b"POST /predict").unwrap();
    body.send(b"POST /predict/wine-cultivar HTTP/1.1\r\nhost: test\r\ncontent-length: 100\r\n\r\n{").unwrap();
    assert_eq!(server.client().get("/v2/health/ready").status, 200);
    let began = Instant::now();
    server.end();
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    assert!(began.elapsed() < Duration::from_secs(30));
    drop(idle);
}

#[test]
fn an_idle_server_ends_at_once() {
    let project = Project::built(Example::Wine);
    let mut server = Server::start(&project, "wine-cultivar");
    let mut idle = server.client();
    assert_eq!(idle.get("/v2/health/ready").status, 200);
    let began = Instant::now();
    server.end();
    assert_eq!(server.wait().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_port_that_is_taken_is_told() {
    let project = Project::built(Example::Wine);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = project.fails(
        &["serve", "wine-cultivar", "--listen", &address],
        14,
        &format!("cannot listen on {address}"),
    );
    assert!(ended.stderr.contains("  hint: choose another with --listen ADDRESS:PORT"), "{}", ended.text());
    let error = project.document_of(&["serve", "wine-cultivar", "--listen", &address], 14);
    assert_eq!(error["error"]["kind"], json!("conflict"));
}

#[test]
fn what_is_served_by_which_name() {
    let project = Project::built(Example::Wine);
    project.edit("train.py", "max_iter=1000", "max_iter=900");
    project.document(&["run"]);
    let version = |what: &str| -> Value { Server::start(&project, what).ready["version"].clone() };
    assert_eq!(version("wine-cultivar"), json!(2));
    assert_eq!(version("wine-cultivar@1"), json!(1));
    assert_eq!(version("wine-cultivar@champion"), json!(2));
    project.succeeds(&["models", "alias", "wine-cultivar@1", "champion"]);
    assert_eq!(version("wine-cultivar"), json!(1));
    project.fails(&["serve", "wine-cultivar@3", "--listen", "127.0.0.1:0"], 13, "");
    project.fails(&["serve", "wine-cultivar@best", "--listen", "127.0.0.1:0"], 13, "");
    project.fails(&["serve", "wine", "--listen", "127.0.0.1:0"], 13, "there is no model `wine`");
}
