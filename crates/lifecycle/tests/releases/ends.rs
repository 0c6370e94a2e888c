//! No release goes on for ever: replicas that never get ready, that die with a version again and again, and
//! environments that are stopped end it.

use std::sync::atomic::Ordering;

use modelyard_core::audit::Actor;
use modelyard_core::deploy::{OnTimeout, Release, ReleaseKind, ReleaseStatus, StrategyKind};
use modelyard_lifecycle::deploy::environments;

use super::reconciler::production;
use super::rig::{Rig, id, spec, strategy};

/// A second in which replica 0 lives as the start `boot`; it has nothing ready.
async fn loads(rig: &Rig, boot: &str) {
    rig.clock.pass(1.0);
    let mut report = rig.home.observations.reports(&id("production")).await.unwrap().pop().unwrap();
    report.boot = boot.to_owned();
    report.sequence += 1;
    report.at = rig.actor().at;
    report.ready.clear();
    rig.home.observations.report(&report).await.unwrap();
    while rig.reconciler.pass(None).await.unwrap() {}
}

/// A second in which nothing is ready and everybody looks.
async fn hiccups(rig: &Rig, name: &str) {
    let mut report = rig.home.observations.reports(&id(name)).await.unwrap().pop().unwrap();
    report.sequence += 1_000;
    report.at = rig.actor().at;
    report.ready.clear();
    rig.home.observations.report(&report).await.unwrap();
    rig.reconciler.pass(None).await.unwrap();
    tokio::task::yield_now().await;
}

async fn reason(rig: &Rig, release: &Release) -> (ReleaseStatus, Option<String>) {
    let release = rig.release(release).await;
    (release.status, release.reason)
}

#[tokio::test]
async fn a_version_that_takes_its_replicas_down_while_it_is_loaded_is_given_up() {
    let rig = production(StrategyKind::Canary).await;
    let bad = rig.begin("production", 2).await.unwrap();
    for boot in ["first", "second"] {
        loads(&rig, boot).await;
        assert_eq!(rig.release(&bad).await.status, ReleaseStatus::Loading, "once may have any cause");
    }
    loads(&rig, "third").await;
    let why = "replica 0 died 2 times within 10 min while it was there".to_owned();
    assert_eq!(reason(&rig, &bad).await, (ReleaseStatus::Failed, Some(why)));
    assert_eq!(rig.placed("production").await, "1 serve 1, 2 leave");
}

#[tokio::test]
async fn a_version_that_takes_its_replicas_down_with_traffic_is_rolled_back() {
    let rig = production(StrategyKind::Canary).await;
    let bad = rig.begin("production", 2).await.unwrap();
    for boot in ["first", "second"] {
        *rig.boot.lock().unwrap() = boot.to_owned();
        rig.second("production").await;
        assert_eq!(rig.release(&bad).await.status, ReleaseStatus::Rolling);
    }
    *rig.boot.lock().unwrap() = "third".to_owned();
    rig.second("production").await;
    let why = "replica 0 died 2 times within 10 min while it was there".to_owned();
    assert_eq!(reason(&rig, &bad).await, (ReleaseStatus::RolledBack, Some(why)));
}

#[tokio::test]
async fn deaths_far_apart_end_no_test_of_weeks() {
    let mut weeks = strategy(StrategyKind::AB);
    weeks.judge.max_time_secs = 1e9;
    let rig = Rig::new([("production", spec(weeks))]).await;
    rig.begin("production", 1).await.unwrap();
    rig.seconds("production", 2).await;
    let release = rig.begin("production", 2).await.unwrap();
    for boot in ["first", "second", "third", "fourth"] {
        *rig.boot.lock().unwrap() = boot.to_owned();
        rig.second("production").await;
        assert_eq!(rig.release(&release).await.status, ReleaseStatus::Rolling, "{boot}");
        rig.clock.pass(601.0);
        rig.second("production").await;
    }
    *rig.boot.lock().unwrap() = "fifth".to_owned();
    rig.second("production").await;
    rig.clock.pass(500.0);
    rig.second("production").await;
    assert_eq!(rig.release(&release).await.status, ReleaseStatus::Rolling);
    *rig.boot.lock().unwrap() = "sixth".to_owned();
    rig.second("production").await;
    let why = "replica 0 died 2 times within 10 min while it was there".to_owned();
    assert_eq!(reason(&rig, &release).await, (ReleaseStatus::RolledBack, Some(why)));
}

/// The decision that ended `release`.
async fn decided(rig: &Rig, release: &Release) -> String {
    let release = rig.release(release).await;
    let last = release.decisions.last().unwrap();
    format!("{}: {}", last.what, last.why)
}

#[tokio::test]
async fn what_can_no_longer_be_loaded_is_released_over() {
    for kind in StrategyKind::ALL {
        let rig = production(kind).await;
        let gone = "its package is not there".to_owned();
        rig.broken.lock().unwrap().insert(Rig::package(1), gone);
        rig.second("production").await;
        let release = rig.begin("production", 2).await.unwrap();
        rig.seconds("production", 2).await;
        assert_eq!(rig.release(&release).await.status, ReleaseStatus::Done, "{kind:?}");
        assert_eq!(rig.placed("production").await, "2 serve 1", "{kind:?}");
        let decisions = rig.release(&release).await.decisions;
        let why =
            "nothing to compare with: late@1, which served before, can't be loaded: its package is not there";
        assert!(decisions.iter().any(|decision| decision.why == why), "{decisions:#?}");
    }
    // One that can't be loaded either leaves things as they were.
    let rig = production(StrategyKind::Canary).await;
    for number in [1, 2] {
        rig.broken.lock().unwrap().insert(Rig::package(number), "no memory".to_owned());
    }
    rig.second("production").await;
    let release = rig.begin("production", 2).await.unwrap();
    rig.seconds("production", 2).await;
    assert_eq!(reason(&rig, &release).await, (ReleaseStatus::Failed, Some("no memory".to_owned())));
    assert_eq!(rig.placed("production").await, "1 serve 1");
}

#[tokio::test]
async fn what_takes_its_replicas_down_is_released_over() {
    for still_answers in [true, false] {
        let rig = production(StrategyKind::Canary).await;
        for boot in ["second", "third", "fourth", "fifth", "sixth"] {
            rig.clock.pass(30.0);
            *rig.boot.lock().unwrap() = boot.to_owned();
            rig.second("production").await;
        }
        let release = rig.begin("production", 2).await.unwrap();
        // The deaths go on while the next one is loaded.
        for boot in ["seventh", "eighth", "ninth"].into_iter().filter(|_| !still_answers) {
            loads(&rig, boot).await;
            assert_eq!(rig.release(&release).await.status, ReleaseStatus::Loading);
        }
        *rig.boot.lock().unwrap() = "tenth".to_owned();
        rig.second("production").await;
        let why = "all traffic: every replica is ready; nothing to compare with: late@1, which served before, \
                   took replica 0 down 5 times within 10 min";
        assert_eq!(decided(&rig, &release).await, why);
    }
}

#[tokio::test]
async fn a_step_that_is_never_ready_ends_in_time() {
    for (on_timeout, ends) in [
        (OnTimeout::Hold, ReleaseStatus::Held),
        (OnTimeout::Promote, ReleaseStatus::Held),
        (OnTimeout::Rollback, ReleaseStatus::RolledBack),
    ] {
        let mut canary = strategy(StrategyKind::Canary);
        canary.judge.on_timeout = on_timeout;
        let rig = Rig::new([("production", spec(canary))]).await;
        rig.begin("production", 1).await.unwrap();
        rig.seconds("production", 2).await;
        let release = rig.begin("production", 2).await.unwrap();
        rig.second("production").await;
        loads(&rig, "first").await;
        assert_eq!(rig.release(&release).await.status, ReleaseStatus::Rolling);
        rig.clock.pass(600.0);
        loads(&rig, "first").await;
        let why = "not ready in every replica after 10 min 2 s".to_owned();
        assert_eq!(reason(&rig, &release).await, (ends, Some(why)), "{on_timeout:?}");
        let weight = rig.environment("production").await.state.candidate_weight();
        assert!(weight <= 0.05, "{weight}");
    }
}

#[tokio::test]
async fn stopping_the_environment_ends_its_release() {
    let rig = production(StrategyKind::Canary).await;
    let canary = rig.begin("production", 2).await.unwrap();
    rig.second("production").await;
    let actor = Actor { name: "bob".into(), at: rig.actor().at };
    environments::set_running(&rig.home, &id("production"), false, &actor).await.unwrap();
    rig.reconciler.pass(None).await.unwrap();
    let why = "`production` was stopped".to_owned();
    assert_eq!(reason(&rig, &canary).await, (ReleaseStatus::Aborted, Some(why)));
    assert_eq!(rig.environment("production").await.release, None);
    assert_eq!(rig.placed("production").await, "1 serve 1, 2 leave");
}

#[tokio::test]
async fn tests_that_take_long_outlast_a_replica_that_is_restarted() {
    let mut staging = spec(strategy(StrategyKind::AllAtOnce));
    staging.tests.on = true;
    let rig = Rig::new([("staging", staging)]).await;
    rig.tester.busy.store(true, Ordering::SeqCst);
    let release = rig.asked("staging", 1, ReleaseKind::Deploy, None).await.unwrap();
    rig.seconds("staging", 2).await;
    assert_eq!(rig.release(&release).await.status, ReleaseStatus::Testing);
    rig.clock.pass(400.0);
    hiccups(&rig, "staging").await;
    assert_eq!(rig.release(&release).await.status, ReleaseStatus::Testing);
    rig.tester.busy.store(false, Ordering::SeqCst);
    rig.seconds("staging", 2).await;
    assert_eq!(rig.release(&release).await.status, ReleaseStatus::Done);
}

#[tokio::test]
async fn what_was_seen_before_a_release_is_not_held_against_it() {
    let rig = production(StrategyKind::AllAtOnce).await;
    // Told before the replica looked at the state in which it was mended.
    let mut report = rig.home.observations.reports(&id("production")).await.unwrap().pop().unwrap();
    report.sequence += 1;
    report.at = rig.actor().at;
    report.failed.insert(Rig::package(2), "the blob is not there".to_owned());
    rig.home.observations.report(&report).await.unwrap();
    let release = rig.begin("production", 2).await.unwrap();
    while rig.reconciler.pass(None).await.unwrap() {}
    assert_eq!(reason(&rig, &release).await, (ReleaseStatus::Loading, None));
    rig.second("production").await;
    assert_eq!(rig.release(&release).await.status, ReleaseStatus::Done);
}

#[tokio::test]
async fn a_release_is_kept_with_the_counts_of_those_it_compares() {
    let rig = production(StrategyKind::Canary).await;
    for number in 1..=3 {
        rig.count(number, 20_000, 20);
    }
    let canary = rig.begin("production", 2).await.unwrap();
    rig.second("production").await;
    let canary = rig.release(&canary).await;
    let compared = [Rig::package(1), Rig::package(2)];
    assert!(canary.step_counts.keys().all(|package| compared.contains(package)));
    assert!(canary.slow.unwrap().since.keys().all(|package| compared.contains(package)));
}

#[tokio::test]
async fn a_version_that_refuses_what_the_other_answers_is_worse() {
    let rig = production(StrategyKind::Canary).await;
    rig.count(1, 20_000, 20);
    let canary = rig.begin("production", 2).await.unwrap();
    rig.second("production").await;
    rig.count(1, 9_500, 9);
    rig.count(2, 400, 0);
    rig.counts.lock().unwrap().get_mut(&Rig::package(2)).unwrap().refused += 100;
    rig.second("production").await;
    let why = "worse: more requests fail".to_owned();
    assert_eq!(reason(&rig, &canary).await, (ReleaseStatus::RolledBack, Some(why)));
}
