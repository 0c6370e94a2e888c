//! The reconciler carries releases through, whatever happens on the way.

use std::sync::atomic::Ordering;

use modelyard_core::Clock;
use modelyard_core::deploy::{ReleaseKind, ReleaseStatus, StrategyKind, Wish};
use modelyard_core::model::{ModelRef, Which};
use modelyard_lifecycle::deploy::reconcile::Reconciler;
use modelyard_lifecycle::deploy::release;

use super::rig::{Rig, id, machine, spec, strategy};

async fn champion(rig: &Rig) -> Option<u32> {
    let which = Which::Alias("champion".into());
    let model = ModelRef { name: "late".into(), which };
    rig.home.models.resolve(&model).await.unwrap().map(|version| version.number)
}

/// Production with version 1 in it.
pub(super) async fn production(kind: StrategyKind) -> Rig {
    let rig = Rig::new([("production", spec(strategy(kind)))]).await;
    let first = rig.begin("production", 1).await.unwrap();
    rig.seconds("production", 2).await;
    assert_eq!(rig.release(&first).await.status, ReleaseStatus::Done);
    assert_eq!(rig.placed("production").await, "1 serve 1");
    rig
}

#[tokio::test]
async fn the_first_version_serves_whatever_the_strategy_and_is_champion() {
    for kind in StrategyKind::ALL {
        let rig = production(kind).await;
        assert_eq!(champion(&rig).await, Some(1));
        assert!(rig.environment("production").await.previous.is_none());
        assert_eq!(rig.target.told.lock().unwrap().last().unwrap().replicas, 1);
    }
}

#[tokio::test]
async fn all_at_once_keeps_the_version_before_warm_and_lets_older_ones_go() {
    let rig = production(StrategyKind::AllAtOnce).await;
    rig.begin("production", 2).await.unwrap();
    rig.seconds("production", 2).await;
    assert_eq!(rig.placed("production").await, "1 warm, 2 serve 1");
    rig.begin("production", 3).await.unwrap();
    rig.seconds("production", 1).await;
    assert_eq!(rig.placed("production").await, "2 warm, 3 serve 1");
    assert_eq!(champion(&rig).await, Some(3));
    let rolled =
        release::roll_back(&rig.home, &*rig.clock, &id("production"), "asked for", "ada").await.unwrap();
    assert_eq!((rolled.number, rolled.status), (2, ReleaseStatus::Done));
    assert_eq!(rig.placed("production").await, "2 serve 1, 3 warm");
    assert_eq!(champion(&rig).await, Some(2));
    // Again: back to where it was.
    release::roll_back(&rig.home, &*rig.clock, &id("production"), "asked for", "ada").await.unwrap();
    assert_eq!(rig.placed("production").await, "2 warm, 3 serve 1");
}

#[tokio::test]
async fn a_canary_goes_step_by_step_while_it_is_not_worse() {
    let rig = production(StrategyKind::Canary).await;
    rig.count(1, 20_000, 20);
    let canary = rig.begin("production", 2).await.unwrap();
    rig.second("production").await;
    assert_eq!(rig.placed("production").await, "1 serve 0.95, 2 serve 0.05");
    // Enough time, too few requests.
    rig.count(1, 1_900, 2);
    rig.count(2, 99, 0);
    rig.seconds("production", 20).await;
    assert_eq!(rig.release(&canary).await.step, 0);
    rig.count(1, 95_000, 95);
    rig.count(2, 5_000, 5);
    rig.second("production").await;
    assert_eq!(rig.placed("production").await, "1 serve 0.75, 2 serve 0.25");
    // What was counted before the step is not looked at again.
    rig.seconds("production", 20).await;
    assert_eq!(rig.release(&canary).await.step, 1);
    rig.count(1, 30_000, 30);
    rig.count(2, 10_000, 10);
    rig.second("production").await;
    let done = rig.release(&canary).await;
    assert_eq!(done.status, ReleaseStatus::Done);
    assert_eq!(rig.placed("production").await, "1 warm, 2 serve 1");
    let decisions: Vec<_> = done.decisions.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(decisions, ["loading", "step 1 of 3: 5 %", "step 2 of 3: 25 %", "all traffic"]);
    assert!(done.decisions[3].saw["errors"]["upper"].as_f64().unwrap() < 0.005);
}

#[tokio::test]
async fn a_worse_canary_is_rolled_back_even_while_paused() {
    for pause in [false, true] {
        let rig = production(StrategyKind::Canary).await;
        rig.count(1, 20_000, 20);
        let canary = rig.begin("production", 2).await.unwrap();
        rig.second("production").await;
        if pause {
            let now = rig.actor().at;
            release::wish(&rig.home, &id("production"), Wish::Pause, "ada", now).await.unwrap();
            rig.second("production").await;
            assert_eq!(rig.release(&canary).await.status, ReleaseStatus::Paused);
        }
        rig.count(1, 9_500, 9);
        rig.count(2, 500, 50);
        rig.seconds("production", 2).await;
        let ended = rig.release(&canary).await;
        assert_eq!(ended.status, ReleaseStatus::RolledBack);
        assert_eq!(ended.reason.as_deref(), Some("worse: more requests fail"));
        // It has left the replica, and its entry with it.
        assert_eq!(rig.placed("production").await, "1 serve 1");
        assert_eq!(champion(&rig).await, Some(1));
    }
}

#[tokio::test]
async fn an_undecided_step_is_held_until_somebody_decides() {
    let rig = production(StrategyKind::Canary).await;
    let canary = rig.begin("production", 2).await.unwrap();
    rig.second("production").await;
    rig.clock.pass(600.0);
    rig.second("production").await;
    assert_eq!(rig.release(&canary).await.status, ReleaseStatus::Held);
    release::wish(&rig.home, &id("production"), Wish::Promote, "ada", rig.actor().at).await.unwrap();
    rig.second("production").await;
    assert_eq!(rig.release(&canary).await.status, ReleaseStatus::Done);
}

#[tokio::test]
async fn blue_green_switches_watches_and_switches_back_what_is_worse() {
    let rig = production(StrategyKind::BlueGreen).await;
    rig.count(1, 20_000, 20);
    let good = rig.begin("production", 2).await.unwrap();
    rig.second("production").await;
    assert_eq!(rig.placed("production").await, "1 serve, 2 serve 1");
    rig.count(2, 5_000, 5);
    rig.seconds("production", 12).await;
    assert_eq!(rig.release(&good).await.status, ReleaseStatus::Done);
    let bad = rig.begin("production", 3).await.unwrap();
    rig.second("production").await;
    rig.count(3, 500, 100);
    rig.second("production").await;
    assert_eq!(rig.release(&bad).await.status, ReleaseStatus::RolledBack);
    assert_eq!(rig.placed("production").await, "1 warm, 2 serve 1");
}

#[tokio::test]
async fn a_shadow_gets_no_traffic_until_a_person_says_so() {
    let rig = production(StrategyKind::Shadow).await;
    rig.count(1, 20_000, 20);
    let shadow = rig.begin("production", 2).await.unwrap();
    rig.second("production").await;
    let environment = rig.environment("production").await;
    assert_eq!(environment.state.shadow().unwrap().weight, 1.0);
    assert_eq!(
        (environment.state.stable().unwrap().weight, environment.state.candidate_weight()),
        (1.0, 0.0)
    );
    rig.count(1, 40_000, 40);
    rig.count(2, 40_000, 40);
    // Copies wait behind what is answered: no reason to roll it back.
    rig.slow(2);
    rig.seconds("production", 11).await;
    assert_eq!(rig.release(&shadow).await.status, ReleaseStatus::Held);
    release::wish(&rig.home, &id("production"), Wish::Promote, "ada", rig.actor().at).await.unwrap();
    rig.second("production").await;
    assert_eq!(rig.placed("production").await, "1 warm, 2 serve 1");
}

#[tokio::test]
async fn an_a_b_test_ends_with_the_better_one() {
    let rig = production(StrategyKind::AB).await;
    rig.count(1, 20_000, 400);
    let test = rig.begin("production", 2).await.unwrap();
    rig.second("production").await;
    assert_eq!(rig.placed("production").await, "1 serve 0.5, 2 serve 0.5");
    // Fewer errors for sure, and yet by less than the margin.
    rig.count(1, 400_000, 8_000);
    rig.count(2, 400_000, 7_200);
    rig.seconds("production", 15).await;
    assert_eq!(rig.release(&test).await.status, ReleaseStatus::Rolling);
    rig.count(1, 400_000, 8_000);
    rig.count(2, 400_000, 400);
    rig.second("production").await;
    assert_eq!(rig.release(&test).await.status, ReleaseStatus::Done);
}

#[tokio::test]
async fn a_version_that_does_not_get_ready_never_gets_traffic() {
    for kind in StrategyKind::ALL {
        let rig = production(kind).await;
        rig.broken.lock().unwrap().insert(Rig::package(2), "golden row 1 is answered otherwise".into());
        let bad = rig.begin("production", 2).await.unwrap();
        rig.seconds("production", 2).await;
        let ended = rig.release(&bad).await;
        assert_eq!(ended.status, ReleaseStatus::Failed);
        assert_eq!(ended.reason.as_deref(), Some("golden row 1 is answered otherwise"));
        assert_eq!(rig.placed("production").await, "1 serve 1");
        for record in rig.home.environments.states(&id("production")).await.unwrap() {
            let got = record.state.placed.iter().find(|placed| placed.number == 2 && placed.weight > 0.0);
            assert!(got.is_none(), "{got:?}");
        }
    }
}

#[tokio::test]
async fn tests_decide_in_an_environment_that_has_them() {
    let mut staging = spec(strategy(StrategyKind::Canary));
    staging.tests.on = true;
    let rig = Rig::new([("staging", staging)]).await;
    let first = rig.asked("staging", 1, ReleaseKind::Deploy, None).await.unwrap();
    rig.seconds("staging", 3).await;
    let done = rig.release(&first).await;
    assert_eq!((done.status, done.passed), (ReleaseStatus::Done, Some(true)));
    rig.tester.failing.lock().unwrap().insert(Rig::package(2));
    let second = rig.asked("staging", 2, ReleaseKind::Deploy, None).await.unwrap();
    rig.seconds("staging", 3).await;
    let failed = rig.release(&second).await;
    assert_eq!((failed.status, failed.passed), (ReleaseStatus::Failed, Some(false)));
    assert_eq!(
        failed.reason.as_deref(),
        Some("its application tests failed: golden row 3: 0.5 in place of 0.1")
    );
    assert_eq!(rig.placed("staging").await, "1 serve 1");
    // The same version once more is tested once more, and stays.
    let asked = rig.tester.asked.load(Ordering::SeqCst);
    let again = rig.asked("staging", 1, ReleaseKind::Deploy, None).await.unwrap();
    rig.seconds("staging", 3).await;
    assert_eq!(rig.release(&again).await.status, ReleaseStatus::Done);
    assert_eq!(rig.tester.asked.load(Ordering::SeqCst), asked + 1);
    assert_eq!(rig.placed("staging").await, "1 serve 1");
}

#[tokio::test]
async fn another_reconciler_goes_on_where_one_was_killed() {
    // A new one, with no memory, for every single look.
    let rig = production(StrategyKind::Canary).await;
    rig.count(1, 20_000, 20);
    let canary = rig.begin("production", 2).await.unwrap();
    for _ in 0..60 {
        let (home, clock, target, tester) =
            (rig.home.clone(), rig.clock.clone(), rig.target.clone(), rig.tester.clone());
        let next = Reconciler::new(home, clock, target, tester, machine().program);
        rig.clock.pass(1.0);
        rig.count(1, 2_000, 2);
        if rig.environment("production").await.state.candidate_weight() > 0.0 {
            rig.count(2, 1_000, 1);
        }
        rig.report("production").await;
        next.pass(None).await.unwrap();
    }
    assert_eq!(rig.release(&canary).await.status, ReleaseStatus::Done);
}

#[tokio::test]
async fn what_the_target_can_not_do_ends_the_release_with_the_reason() {
    let rig = Rig::new([("production", spec(strategy(StrategyKind::Canary)))]).await;
    *rig.target.refuses.lock().unwrap() = Some("cannot listen on `127.0.0.1:8100`".into());
    let release = rig.begin("production", 1).await.unwrap();
    for _ in 0..20 {
        rig.clock.pass(1.0);
        rig.reconciler.pass(None).await.unwrap();
    }
    let failed = rig.release(&release).await;
    assert_eq!(failed.status, ReleaseStatus::Failed);
    assert_eq!(failed.reason.as_deref(), Some("cannot listen on `127.0.0.1:8100`"));
}

#[tokio::test]
async fn a_replacement_that_takes_its_time_delays_nothing_else() {
    let rule = || spec(strategy(StrategyKind::AllAtOnce));
    let rig = Rig::new([("production", rule()), ("staging", rule())]).await;
    rig.target.stuck.lock().unwrap().insert(id("staging"));
    let stuck = rig.begin("staging", 1).await.unwrap();
    let release = rig.begin("production", 1).await.unwrap();
    let reported = async |ended: &dyn Fn(ReleaseStatus, ReleaseStatus) -> bool| {
        while !ended(rig.release(&stuck).await.status, rig.release(&release).await.status) {
            rig.report("staging").await;
            rig.report("production").await;
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    let both = async {
        // Another environment goes on; this one's version does not take over on replicas that are replaced.
        let done = |stuck, other| stuck == ReleaseStatus::Loading && other == ReleaseStatus::Done;
        reported(&done).await;
        // And whoever withdraws it does not wait for them.
        release::wish(&rig.home, &id("staging"), Wish::Abort, "ada", rig.clock.now()).await.unwrap();
        reported(&|stuck, _| stuck == ReleaseStatus::Aborted).await;
    };
    let troubled = |fault: &modelyard_core::Fault| panic!("{}", fault.report());
    let running = rig.reconciler.run(None, troubled, both);
    tokio::time::timeout(std::time::Duration::from_secs(60), running).await.expect("it goes on");
}

#[tokio::test]
async fn a_rollback_ends_what_is_under_way() {
    let rig = production(StrategyKind::Canary).await;
    let canary = rig.begin("production", 2).await.unwrap();
    rig.second("production").await;
    release::roll_back(&rig.home, &*rig.clock, &id("production"), "asked for", "ada").await.unwrap();
    assert_eq!(rig.release(&canary).await.status, ReleaseStatus::RolledBack);
    assert_eq!(rig.environment("production").await.release, None);
    rig.second("production").await;
    assert_eq!(rig.placed("production").await, "1 serve 1");
}

#[tokio::test]
async fn idle_environments_are_left_alone() {
    let rig = production(StrategyKind::Canary).await;
    let (revision, told) =
        (rig.environment("production").await.revision, rig.target.told.lock().unwrap().len());
    for _ in 0..10 {
        rig.reconciler.pass(None).await.unwrap();
    }
    assert_eq!(rig.environment("production").await.revision, revision);
    assert!(rig.target.told.lock().unwrap().len() <= told + 1);
}
