use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use modelyard_core::ports::Home;
use tokio::time::{sleep, timeout};

promises![
    a_held_lock_is_refused_to_others,
    a_lock_is_free_once_dropped,
    names_may_hold_any_characters,
    waiting_ends_when_the_lock_is_free,
    waiting_can_be_called_off,
    one_holder_at_a_time,
];

async fn a_held_lock_is_refused_to_others(home: Home) {
    let guard = home.locks.try_lock("server").await.unwrap();
    assert!(guard.is_some());
    assert!(home.locks.try_lock("server").await.unwrap().is_none());
    assert!(home.locks.is_held("server").await.unwrap());
    assert!(!home.locks.is_held("other").await.unwrap());
    assert!(home.locks.try_lock("other").await.unwrap().is_some());
}

async fn a_lock_is_free_once_dropped(home: Home) {
    for _ in 0..3 {
        let guard = home.locks.try_lock("server").await.unwrap();
        assert!(guard.is_some());
        drop(guard);
        assert!(!home.locks.is_held("server").await.unwrap());
    }
}

async fn names_may_hold_any_characters(home: Home) {
    let long = "x".repeat(1_000);
    let names = [
        "",
        "/",
        "..",
        "../../etc/passwd",
        "a/b",
        "a_b",
        "ü\0\n",
        "home",
        long.as_str(),
        &long[1..],
        "A",
        "a",
    ];
    let mut guards = Vec::new();
    for name in names {
        let guard = home.locks.try_lock(name).await.unwrap();
        assert!(guard.is_some(), "{name:?} is a lock of its own");
        guards.push(guard);
    }
}

async fn waiting_ends_when_the_lock_is_free(home: Home) {
    let guard = home.locks.lock("server").await.unwrap();
    let waiting = tokio::spawn({
        let home = home.clone();
        async move { home.locks.lock("server").await.map(drop) }
    });
    sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished());
    drop(guard);
    timeout(Duration::from_secs(10), waiting).await.unwrap().unwrap().unwrap();
}

async fn waiting_can_be_called_off(home: Home) {
    let guard = home.locks.lock("server").await.unwrap();
    assert!(timeout(Duration::from_millis(30), home.locks.lock("server")).await.is_err());
    drop(guard);
    assert!(home.locks.try_lock("server").await.unwrap().is_some());
}

async fn one_holder_at_a_time(home: Home) {
    let (held, turns) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (home, held, turns) = (home.clone(), held.clone(), turns.clone());
            tokio::spawn(async move {
                for _ in 0..10 {
                    let guard = home.locks.lock("turn").await.unwrap();
                    assert!(!held.swap(true, Ordering::SeqCst), "two hold one lock");
                    tokio::task::yield_now().await;
                    held.store(false, Ordering::SeqCst);
                    turns.fetch_add(1, Ordering::SeqCst);
                    drop(guard);
                }
            })
        })
        .collect();
    for task in tasks {
        timeout(Duration::from_secs(60), task).await.unwrap().unwrap();
    }
    assert_eq!(turns.load(Ordering::SeqCst), 80);
}
