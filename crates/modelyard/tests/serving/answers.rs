//! Every row of the test part, asked from 16 connections at once, is answered as scikit-learn does and as
//! the build's own test did; also while the model's process is killed.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::common::server::{Server, signal};
use crate::common::truth::Truth;
use crate::common::{Example, Project};

const CONNECTIONS: usize = 16;

/// Asks for every row `rounds` times; `asked` counts the answers.
fn ask_all(server: &Server, model: &str, truth: &Truth, rounds: usize, asked: &AtomicUsize) {
    let path = format!("/predict/{model}");
    std::thread::scope(|scope| {
        for first in 0..CONNECTIONS {
            let path = &path;
            scope.spawn(move || {
                let mut client = server.client();
                for row in (first..truth.rows.len() * rounds).step_by(CONNECTIONS) {
                    let row = row % truth.rows.len();
                    let answer = client.post(path, &json!(truth.rows[row])).ok();
                    truth.stored[row].check(&answer);
                    truth.python[row].check(&answer);
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(asked.load(Ordering::Relaxed), truth.rows.len() * rounds);
}

fn check(example: Example) {
    let project = Project::built(example);
    let truth = Truth::of(&project);
    let server = Server::start(&project, example.model());
    assert_eq!(server.ready["runtime"], json!("onnx"));
    ask_all(&server, example.model(), &truth, 1, &AtomicUsize::new(0));
    // All in one request, and the rows in another order.
    let mut client = server.client();
    let path = format!("/predict/{}", example.model());
    let turned: Vec<_> = truth.rows.iter().rev().collect();
    let answers = client.post(&path, &json!(turned)).ok();
    let answers = answers["predictions"].as_array().unwrap();
    assert_eq!(answers.len(), truth.rows.len());
    for (answer, wanted) in answers.iter().rev().zip(&truth.python) {
        wanted.check(answer);
    }
}

#[test]
fn diabetes_onnx() {
    check(Example::Diabetes);
}

#[test]
fn wine_onnx() {
    check(Example::Wine);
}

#[test]
fn flights_onnx() {
    check(Example::Flights);
}

#[test]
fn topics_python_while_its_process_is_killed() {
    let project = Project::built(Example::Topics);
    let truth = Truth::of(&project);
    let server = Server::start(&project, "topics");
    assert_eq!(server.ready["runtime"], json!("python"));
    let rounds = 6;
    let all = truth.rows.len() * rounds;
    let asked = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let mut killed = Vec::new();
            // After a fifth of the answers, two fifths, …: each time the one before was replaced.
            for fifth in 1..5 {
                let began = Instant::now();
                while asked.load(Ordering::Relaxed) < all * fifth / 5 {
                    assert!(began.elapsed() < Duration::from_secs(120), "nothing is answered any more");
                    std::thread::sleep(Duration::from_millis(1));
                }
                let workers = server.workers();
                workers.iter().for_each(|worker| signal("KILL", *worker));
                killed.extend(workers);
            }
            killed
        });
        ask_all(&server, "topics", &truth, rounds, &asked);
        let killed = killer.join().unwrap();
        assert_eq!(killed.len(), 4, "a worker at a time: {killed:?}");
    });
    assert_eq!(server.workers().len(), 1);
}

/// Nothing of the model's process outlives the server, however it ends.
#[test]
fn a_worker_ends_with_its_server() {
    let project = Project::built(Example::Topics);
    for how in ["TERM", "KILL"] {
        let mut server = Server::start(&project, "topics");
        let workers = server.workers();
        assert_eq!(workers.len(), 1);
        signal(how, server.id());
        server.wait();
        let began = Instant::now();
        while workers.iter().any(|worker| std::fs::exists(format!("/proc/{worker}/cmdline")).unwrap()) {
            assert!(began.elapsed() < Duration::from_secs(10), "the worker is still there after SIG{how}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
