//! Versions that are bad, each in its own way: caught in staging, or by the canary; the version that serves
//! answers on without a failed request.

use serde_json::json;

use crate::record;
use crate::shop::Shop;
use crate::traffic::{Asked, Came, Traffic, now};

/// Version 2 passed its tests, and fails once visitors ask for `fault`: the canary ends with `reason`.
/// Answers what was asked meanwhile.
#[track_caller]
fn rolled_back(shop: &Shop, traffic: &Traffic, fault: &str, reason: &str) -> Vec<Asked> {
    let failed = shop.failed(1);
    shop.project.succeeds(&["release", "buyers@2", "--to", "production"]);
    traffic.kind(&format!("!{fault}"));
    let ended = shop.ended("production");
    assert_eq!(ended["status"], "rolled_back", "{fault}: {ended:#}");
    let found = ended["reason"].as_str().unwrap();
    assert!(found.contains(reason), "{fault}: {found}");
    let saw = ended["decisions"].as_array().unwrap().last().unwrap();
    assert!(saw["saw"]["candidate"]["requests"].as_u64().unwrap() > 0, "{ended:#}");
    shop.is_followed();
    // From now on visitors meet version 1 alone, whatever they ask for.
    let since = now();
    traffic.goes_on(100);
    traffic.kind("red");
    assert_eq!(shop.failed(1), failed, "{fault}: the version that serves failed");
    let asked = traffic.asked();
    assert!(!asked.iter().any(|one| matches!(one.came, Came::Lost(_) | Came::Refused(_))), "{fault}");
    let mut later = asked.iter().filter(|one| one.sent > since);
    assert!(later.all(|one| one.came == Came::Answer(1)), "{fault}: it still answers");
    asked
}

/// What all those requests came to is in the history.
#[track_caller]
fn all_explained(shop: &Shop, traffic: Traffic, mut asked: Vec<Asked>) {
    asked.extend(traffic.end());
    shop.project.succeeds(&["environments", "stop", "production", "--wait"]);
    record::explains(shop, &asked, &[]);
    shop.is_whole();
}

#[test]
fn versions_that_fail_are_rolled_back_by_the_canary_and_one_that_hangs_at_its_start_is_given_up() {
    let shop = Shop::open(1);
    // Meanwhile staging waits for one that never gets ready.
    shop.register(0.1, "hangs at its start");
    shop.project.succeeds(&["environments", "start", "staging", "--wait"]);
    shop.project.succeeds(&["deploy", "staging", "buyers@3"]);
    let traffic = Traffic::begin(shop.production, 6);
    traffic.goes_on(600);
    let mut asked = Vec::new();
    for (fault, reason) in [
        ("crashes", "worse: more requests fail"),
        ("hangs", "worse: more requests fail"),
        // To take so much takes time, too.
        ("leaks", "worse: more requests "),
        ("nan", "worse: answers are no numbers"),
    ] {
        asked.extend(rolled_back(&shop, &traffic, fault, reason));
    }
    // Each of the first three ended workers, which were replaced: the last one answered that it had nothing.
    assert!(shop.metric("modelyard_restarts_total", 2) >= 3);
    assert_eq!(shop.metric("modelyard_restarts_total", 1), 0);
    given_up(&shop, "60 s");
    all_explained(&shop, traffic, asked);
}

#[test]
fn versions_that_answer_late_or_absurdly_are_rolled_back_by_the_canary() {
    let shop = Shop::open(1);
    let traffic = Traffic::begin(shop.production, 6);
    traffic.goes_on(600);
    let mut asked = Vec::new();
    for (fault, reason) in [
        ("slow", "worse: more requests are slow"),
        ("constant", "worse: it answers one thing alone"),
        ("swapped", "worse: its answers have moved further than `max_shift`"),
    ] {
        asked.extend(rolled_back(&shop, &traffic, fault, reason));
    }
    all_explained(&shop, traffic, asked);
}

/// Staging ended the release of version 3 with `reason`, and serves what it served before; production
/// refuses it.
#[track_caller]
fn given_up(shop: &Shop, reason: &str) {
    let release = shop.ended("staging");
    assert_eq!((&release["status"], &release["number"]), (&json!("failed"), &json!(3)), "{release:#}");
    assert!(release["reason"].as_str().unwrap().contains(reason), "{}", release["reason"]);
    let shown = shop.project.document(&["environments", "show", "staging"]);
    let placed = shown["placed"].as_array().unwrap();
    let serving: Vec<_> = placed.iter().filter(|version| version["phase"] == "serve").collect();
    assert_eq!((serving.len(), &serving[0]["version"]), (1, &json!(2)), "{shown:#}");
    let refused = shop.project.fails(
        &["release", "buyers@3", "--to", "production"],
        16,
        "cannot release `buyers@3` to `production`: it was not tested in `staging`",
    );
    assert!(refused.stderr.contains(reason), "{}", refused.text());
}

#[test]
fn versions_that_are_others_once_deployed_do_not_get_through_staging() {
    let shop = Shop::open(1);
    let traffic = Traffic::begin(shop.production, 2);
    shop.register(0.1, "swapped");
    shop.project.succeeds(&["environments", "start", "staging", "--wait"]);
    let ended = shop.project.modelyard(&["deploy", "staging", "buyers@3", "--wait"]);
    assert_eq!(ended.code, 16, "{}\n{}", ended.text(), shop.said());
    given_up(&shop, "the model answers golden row 0 otherwise than when it was packaged");
    let asked = traffic.end();
    assert!(asked.iter().all(|one| one.came == Came::Answer(1)), "{:?}", asked.last());
    shop.is_whole();
}
