//! Every answer is right while the worker is killed. A test binary of its own: it kills whatever
//! worker it finds below its process.

#![allow(clippy::unwrap_used)] // A test may panic.
#![allow(dead_code)] // The other binary's support, of which this one needs a part.

#[path = "serve/same.rs"]
mod same;
#[path = "serve/support.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use same::same;
use support::Fixture;

/// The processes below this one whose command line is a worker's.
fn workers() -> Vec<u32> {
    let own = std::process::id();
    let mut found = Vec::new();
    let mut parents = vec![own];
    while let Some(parent) = parents.pop() {
        let tasks = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten();
        for task in tasks.filter_map(Result::ok) {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            for child in children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()) {
                let command = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
                if String::from_utf8_lossy(&command).contains("Starts the worker") {
                    found.push(child);
                }
                parents.push(child);
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_right_while_the_worker_is_killed() {
    let fixture = Arc::new(Fixture::new("words").await);
    let model = Arc::new(fixture.open().await);
    let is_over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..16)
        .map(|caller| {
            let (model, fixture, is_over) = (model.clone(), fixture.clone(), is_over.clone());
            tokio::spawn(async move {
                let mut place = caller;
                let mut answered = 0;
                while !is_over.load(Ordering::Relaxed) {
                    place = (place + 7) % fixture.rows.len();
                    let table = fixture.table(&fixture.rows[place..=place]);
                    let predictions = model.predict(table).await.unwrap();
                    same(&model, &predictions, &fixture.answers[place..=place]);
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    let mut killed = 0;
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        for worker in workers() {
            let done = std::process::Command::new("kill").args(["-9", &worker.to_string()]).status().unwrap();
            killed += u32::from(done.success());
        }
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    is_over.store(true, Ordering::Relaxed);
    for caller in callers {
        assert!(caller.await.unwrap() > 0);
    }
    assert!(killed > 0);
}
