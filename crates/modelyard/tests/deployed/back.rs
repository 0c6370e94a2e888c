//! Back to what served before, under 64 connections, and how long that takes.

use serde_json::json;

use crate::hostile::wait_until;
use crate::record;
use crate::shop::Shop;
use crate::traffic::{Came, Traffic};

#[test]
fn a_swap_and_a_rollback_under_64_connections_fail_and_misroute_nothing() {
    let shop = Shop::open(2);
    let traffic = Traffic::begin(shop.production, 64);
    traffic.goes_on(200);
    let release = ["release", "buyers@2", "--to", "production", "--strategy", "blue-green"];
    shop.project.succeeds(&release);
    wait_until("version 2 answers", || shop.version() == 2);
    traffic.goes_on(200);
    // While the release is under way this ends it; after it, what served before it is still warm.
    let back = shop.project.document(&["rollback", "production", "--wait"]);
    assert!(back["followed_ms"].is_u64(), "{back:#}");
    assert_eq!(shop.version(), 1);
    traffic.goes_on(200);

    shop.project.succeeds(&[
        "release",
        "buyers@2",
        "--to",
        "production",
        "--strategy",
        "all-at-once",
        "--wait",
    ]);
    shop.is_followed();
    assert_eq!(shop.version(), 2);
    let drill = shop.project.document(&["rollback", "production", "--drill"]);
    assert_eq!((&drill["back_to"], &drill["forth_to"]), (&json!("buyers@1"), &json!("buyers@2")));
    assert!(drill["back_ms"].is_u64() && drill["forth_ms"].is_u64(), "{drill:#}");
    let recorded = shop.release("production");
    let decisions = recorded["decisions"].as_array().unwrap();
    let measured = decisions.iter().find(|decision| decision["what"] == "measured").unwrap();
    assert_eq!(measured["saw"]["followed_ms"], drill["forth_ms"], "{recorded:#}");
    traffic.goes_on(200);
    assert_eq!(shop.version(), 2);

    let asked = traffic.end();
    shop.project.succeeds(&["environments", "stop", "production", "--wait"]);
    let failed: Vec<_> = asked.iter().filter(|one| !matches!(one.came, Came::Answer(_))).collect();
    assert!(failed.is_empty(), "{failed:?}\n{}", shop.said());
    record::explains(&shop, &asked, &[]);
    shop.is_whole();
}
