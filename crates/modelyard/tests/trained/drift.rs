//! A drift: waits for data, trains the applied snapshot, goes through staging to production.

use std::time::Duration;

use rand::Rng;

use crate::mill::Mill;

const DRIFT: &str = "[[triggers]]\non = [\"drift\"]\nthen = \"release\"\n";

#[test]
fn a_drift_waits_for_data_and_then_trains_what_was_applied_into_production() {
    let mill = Mill::open(DRIFT);
    mill.drifts("2026-11-16T00:00:00Z");
    mill.comes_to("waiting-for-data");
    assert_eq!(mill.trainings().len(), 0);
    // What is not applied is not trained.
    mill.project.write("train.py", "raise SystemExit('not applied')");
    mill.season(2, 0.8);
    let cause = mill.comes_to("done");
    assert_eq!(cause["model"], "flour@2", "{cause:#}");
    assert_eq!(cause["reason"], "flour@2 serves production");
    assert_eq!(mill.serving(), 2);
    let trainings = mill.trainings();
    assert_eq!(trainings.len(), 1);
    assert_eq!(trainings[0]["id"], cause["run"]);
    assert_eq!(trainings[0]["causes"], "drift: window 2026-11-16T00:00:00Z");
    let history = mill.project.succeeds(&["history", "production"]).stdout;
    assert!(history.contains("trigger drift"), "{history}");
    mill.project.succeeds(&["audit", "--verify"]);
    mill.project.succeeds(&["reproduce", "flour@2"]);

    // The same window again is no new cause, and a further one finds nothing new to learn from.
    mill.drifts("2026-11-16T00:00:00Z");
    mill.drifts("2026-11-23T00:00:00Z");
    mill.comes_to("waiting-for-data");
    assert_eq!(mill.causes().len(), 2);
    assert_eq!(mill.trainings().len(), 1);
}

/// A server that is killed at any moment goes on with the next.
#[test]
fn nothing_is_lost_or_done_twice_when_the_server_is_killed_again_and_again() {
    let mut mill = Mill::open(DRIFT);
    mill.drifts("2026-11-16T00:00:00Z");
    mill.season(2, 0.8);
    let mut draw = rand::rng();
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(draw.random_range(200..2500)));
        mill.kill();
        mill.start();
    }
    mill.comes_to("done");
    assert_eq!(mill.causes().len(), 1);
    assert_eq!(mill.trainings().len(), 1);
    assert_eq!(mill.serving(), 2);
    let versions = mill.project.document(&["models", "show", "flour"]);
    assert_eq!(versions["versions"].as_array().unwrap().len(), 2, "{versions:#}");
    mill.project.succeeds(&["audit", "--verify"]);
}
