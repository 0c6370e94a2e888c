use modelyard_core::Kind;
use modelyard_core::ports::{Found, Home};
use serde_json::json;

use crate::deployed::{at, id};
use crate::support::actor;
use crate::watched::{cause, window};

promises![
    what_was_found_is_kept_whole_or_not_at_all,
    two_who_monitor_at_once_do_not_both_count,
    a_window_that_is_judged_again_is_kept_once,
    windows_are_told_by_their_end,
];

fn found(revision: u64) -> Found {
    Found {
        environment: id("production"),
        revision,
        memory: json!({"revision": revision}),
        windows: vec![window(1, 1, 10), window(1, 2, 5)],
        causes: vec![cause(1, "window 1")],
    }
}

async fn what_was_found_is_kept_whole_or_not_at_all(home: Home) {
    assert_eq!(home.monitoring.memory(&id("production")).await.unwrap(), None);
    home.monitoring.keep(&found(0), &actor()).await.unwrap();
    let fault = home
        .monitoring
        .keep(
            &Found { windows: vec![window(0, 1, 1)], causes: vec![cause(2, "window 0")], ..found(7) },
            &actor(),
        )
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Conflict);
    assert_eq!(home.monitoring.windows(&id("production"), None).await.unwrap(), found(0).windows);
    assert_eq!(home.causes.causes("flights").await.unwrap().len(), 1);
    let memory = home.monitoring.memory(&id("production")).await.unwrap();
    assert_eq!(memory, Some((1, json!({"revision": 0}))));
}

async fn two_who_monitor_at_once_do_not_both_count(home: Home) {
    let actor = actor();
    let (one, two) = (found(0), found(0));
    let (one, two) = tokio::join!(home.monitoring.keep(&one, &actor), home.monitoring.keep(&two, &actor));
    assert!(one.is_ok() != two.is_ok());
    home.monitoring.keep(&found(1), &actor).await.unwrap();
}

async fn a_window_that_is_judged_again_is_kept_once(home: Home) {
    home.monitoring.keep(&found(0), &actor()).await.unwrap();
    let again = Found { windows: vec![window(1, 1, 12)], ..found(1) };
    home.monitoring.keep(&again, &actor()).await.unwrap();
    let windows = home.monitoring.windows(&id("production"), None).await.unwrap();
    assert_eq!(windows, [window(1, 1, 12), window(1, 2, 5)]);
    assert_eq!(home.causes.causes("flights").await.unwrap().len(), 1, "the same cause is one");
}

async fn windows_are_told_by_their_end(home: Home) {
    let windows = vec![window(1, 1, 1), window(3, 1, 1), window(2, 1, 1)];
    home.monitoring.keep(&Found { windows, ..found(0) }, &actor()).await.unwrap();
    let told = home.monitoring.windows(&id("production"), Some(at(-2 * 604_800))).await.unwrap();
    assert_eq!(told, [window(2, 1, 1), window(1, 1, 1)]);
}
