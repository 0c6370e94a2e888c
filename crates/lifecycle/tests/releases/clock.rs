//! The time is set an hour forward and back while releases are under way: nothing is decided by it.

use modelyard_core::deploy::{ReleaseKind, ReleaseStatus, StrategyKind};
use modelyard_lifecycle::deploy::history;
use modelyard_track::audit;

use super::rig::{Rig, id, spec, strategy};

const HOUR: f64 = 3_600.0;

/// Production with version 1, which has answered enough to be compared with.
async fn production(kind: StrategyKind) -> Rig {
    let rig = Rig::new([("production", spec(strategy(kind)))]).await;
    rig.begin("production", 1).await.unwrap();
    rig.seconds("production", 2).await;
    rig.count(1, 20_000, 20);
    rig
}

/// Whoever looks says the same of the home as before the clock was set.
async fn is_in_order(rig: &Rig) {
    let history = history::of(&rig.home, &id("production"), history::Wanted::default()).await.unwrap();
    let generations: Vec<u64> = history.states.iter().rev().map(|state| state.generation).collect();
    assert!(generations.is_sorted(), "{generations:?}");
    let verdict = audit::verify(&rig.home).await.unwrap();
    assert!(verdict.intact, "{verdict:?}");
}

/// One step of a canary, which wants ten seconds and may take ten minutes.
#[tokio::test]
async fn a_step_is_neither_passed_nor_given_up_early() {
    for hours in [1.0, -1.0] {
        let rig = production(StrategyKind::Canary).await;
        let canary = rig.begin("production", 2).await.unwrap();
        rig.second("production").await;
        assert_eq!(rig.placed("production").await, "1 serve 0.95, 2 serve 0.05");
        // Enough requests, after three of ten seconds.
        rig.count(1, 95_000, 95);
        rig.count(2, 5_000, 5);
        rig.seconds("production", 3).await;
        rig.clock.set_by(hours * HOUR);
        rig.seconds("production", 4).await;
        let under_way = rig.release(&canary).await;
        assert_eq!((under_way.status, under_way.step), (ReleaseStatus::Rolling, 0), "{hours} h");
        rig.seconds("production", 4).await;
        assert_eq!(rig.release(&canary).await.step, 1, "{hours} h");
        // Undecided: held after ten minutes, whatever the clock says.
        rig.clock.set_by(-hours * HOUR);
        rig.seconds("production", 2).await;
        rig.clock.pass(580.0);
        rig.second("production").await;
        assert_eq!(rig.release(&canary).await.status, ReleaseStatus::Rolling, "{hours} h");
        rig.clock.pass(30.0);
        rig.second("production").await;
        assert_eq!(rig.release(&canary).await.status, ReleaseStatus::Held, "{hours} h");
        is_in_order(&rig).await;
    }
}

#[tokio::test]
async fn a_version_that_is_loading_is_not_given_up() {
    for hours in [1.0, -1.0] {
        let rig = production(StrategyKind::AllAtOnce).await;
        let release = rig.begin("production", 2).await.unwrap();
        // Nobody has reported yet.
        rig.reconciler.pass(None).await.unwrap();
        assert_eq!(rig.release(&release).await.status, ReleaseStatus::Loading);
        rig.clock.set_by(hours * HOUR);
        while rig.reconciler.pass(None).await.unwrap() {}
        assert_eq!(rig.release(&release).await.status, ReleaseStatus::Loading, "{hours} h");
        rig.second("production").await;
        assert_eq!(rig.release(&release).await.status, ReleaseStatus::Done, "{hours} h");
        is_in_order(&rig).await;
    }
}

/// Its predecessor's last report is from the future: it is dead all the same.
#[tokio::test]
async fn a_replica_that_is_started_after_the_clock_went_back_is_believed() {
    let rig = production(StrategyKind::AllAtOnce).await;
    rig.clock.set_by(-HOUR);
    "second".clone_into(&mut rig.boot.lock().unwrap());
    let release = rig.begin("production", 2).await.unwrap();
    rig.second("production").await;
    assert_eq!(rig.release(&release).await.status, ReleaseStatus::Done);
    assert_eq!(rig.placed("production").await, "1 warm, 2 serve 1");
    is_in_order(&rig).await;
}

/// What was tested last counts, not what was tested at the later time.
#[tokio::test]
async fn the_last_test_counts_after_the_clock_went_back() {
    let mut staging = spec(strategy(StrategyKind::AllAtOnce));
    staging.tests.on = true;
    let mut production = spec(strategy(StrategyKind::AllAtOnce));
    production.requires = Some("staging".into());
    let rig = Rig::new([("staging", staging), ("production", production)]).await;
    rig.asked("staging", 1, ReleaseKind::Deploy, None).await.unwrap();
    rig.seconds("staging", 3).await;
    rig.clock.set_by(-HOUR);
    rig.tester.failing.lock().unwrap().insert(Rig::package(1));
    rig.asked("staging", 1, ReleaseKind::Deploy, None).await.unwrap();
    rig.seconds("staging", 3).await;
    let refused = rig.begin("production", 1).await.unwrap_err();
    assert!(refused.message().ends_with("it failed its tests in `staging`"), "{}", refused.message());
    is_in_order(&rig).await;
}
