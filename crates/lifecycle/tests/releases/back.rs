//! The way back: it is gone once, by whoever asks and however often, and is recorded as it is.

use modelyard_core::deploy::environment::Approvals;
use modelyard_core::deploy::{Release, ReleaseKind, ReleaseStatus, StrategyKind};
use modelyard_lifecycle::deploy::release;

use super::reconciler::production;
use super::rig::{Rig, id, spec, strategy};

async fn roll_back(rig: &Rig) -> Release {
    release::roll_back(&rig.home, &*rig.clock, &id("production"), "asked for", "ada").await.unwrap()
}

/// Version 2 serves, and version 1 did before.
async fn with_two() -> Rig {
    let rig = production(StrategyKind::AllAtOnce).await;
    rig.begin("production", 2).await.unwrap();
    rig.seconds("production", 2).await;
    assert_eq!(rig.placed("production").await, "1 warm, 2 serve 1");
    rig
}

/// Version 1 is no longer there to go back to at once.
async fn without_the_warm_one(rig: &Rig) {
    let mut environment = rig.environment("production").await;
    environment.state.placed.retain(|placed| placed.number == 2);
    environment.state.generation += 1;
    let change = modelyard_core::ports::Change {
        environment,
        release: None,
        aliases: Vec::new(),
        event: "environment.tidied",
        cause: "a test".into(),
        details: Default::default(),
    };
    rig.home.environments.change(&change, &rig.actor()).await.unwrap();
    rig.report("production").await;
}

#[tokio::test]
async fn a_second_rollback_does_not_end_the_first() {
    let rig = with_two().await;
    without_the_warm_one(&rig).await;
    let first = roll_back(&rig).await;
    assert_eq!((first.kind, first.status), (ReleaseKind::Rollback, ReleaseStatus::Loading));
    let second = roll_back(&rig).await;
    assert_eq!((second.id, second.status), (first.id, ReleaseStatus::Loading));
    rig.second("production").await;
    assert_eq!(rig.release(&first).await.status, ReleaseStatus::Done);
    assert_eq!(rig.placed("production").await, "1 serve 1, 2 warm");
}

#[tokio::test]
async fn the_way_back_does_not_wait_for_what_is_to_go() {
    let rig = with_two().await;
    without_the_warm_one(&rig).await;
    rig.broken.lock().unwrap().insert(Rig::package(2), "its worker died".to_owned());
    let back = roll_back(&rig).await;
    // It can't load what serves, so it follows nothing.
    let mut report = rig.home.observations.reports(&id("production")).await.unwrap().pop().unwrap();
    report.sequence += 1;
    report.ready = vec![Rig::package(1)];
    report.failed.insert(Rig::package(2), "its worker died".to_owned());
    rig.home.observations.report(&report).await.unwrap();
    while rig.reconciler.pass(None).await.unwrap() {}
    assert_eq!(rig.release(&back).await.status, ReleaseStatus::Done);
}

#[tokio::test]
async fn a_release_that_merely_waits_is_not_what_is_taken_back() {
    let rig = with_two().await;
    let mut spec = spec(strategy(StrategyKind::AllAtOnce));
    spec.approvals = Approvals { count: 1, independent: false };
    rig.apply([("production", spec)]).await;
    let waiting = rig.begin("production", 3).await.unwrap();
    rig.second("production").await;
    assert_eq!(rig.release(&waiting).await.status, ReleaseStatus::Waiting);
    let back = roll_back(&rig).await;
    assert_eq!((back.kind, back.number, back.status), (ReleaseKind::Rollback, 1, ReleaseStatus::Done));
    assert_eq!(rig.release(&waiting).await.status, ReleaseStatus::Aborted);
    assert_eq!(rig.placed("production").await, "1 serve 1, 2 warm");
}

#[tokio::test]
async fn nothing_is_done_where_a_replica_can_not_load_the_version_that_is_to_be_warm() {
    let rig = with_two().await;
    rig.broken.lock().unwrap().insert(Rig::package(1), "no space left".to_owned());
    rig.report("production").await;
    let back = roll_back(&rig).await;
    assert_eq!(back.status, ReleaseStatus::Loading);
    rig.second("production").await;
    let back = rig.release(&back).await;
    assert_eq!((back.status, back.reason.as_deref()), (ReleaseStatus::Failed, Some("no space left")));
    let stable = rig.environment("production").await.state.stable().map(|placed| placed.number);
    assert_eq!(stable, Some(2));
}
