//! What people say and wish while a release is under way, and that it is told as theirs.

use modelyard_core::audit::Actor;
use modelyard_core::deploy::environment::Approvals;
use modelyard_core::deploy::{Freeze, ReleaseKind, ReleaseStatus, StrategyKind, Verdict, Wish};
use modelyard_lifecycle::deploy::{approval, release};

use super::reconciler::production;
use super::rig::{Rig, id, spec, strategy};

async fn says(rig: &Rig, verdict: Verdict, version: &str) {
    let bob = Actor { name: "bob".into(), at: rig.actor().at };
    let model = version.parse().unwrap();
    approval::give(&rig.home, &model, verdict, Some("wrong for LGA"), &bob).await.unwrap();
}

async fn wish(rig: &Rig, wish: Wish) -> modelyard_core::Result<modelyard_core::deploy::Release> {
    release::wish(&rig.home, &id("production"), wish, "bob", rig.actor().at).await
}

#[tokio::test]
async fn a_freeze_holds_a_release_that_waits() {
    let mut production = spec(strategy(StrategyKind::AllAtOnce));
    production.approvals = Approvals { count: 1, independent: false };
    let rig = Rig::new([("production", production)]).await;
    let release = rig.begin("production", 1).await.unwrap();
    let freeze = Freeze { until: None, by: "bob".into(), comment: None };
    release::freeze(&rig.home, &id("production"), freeze, rig.actor().at).await.unwrap();
    says(&rig, Verdict::Approved, "late@1").await;
    rig.seconds("production", 2).await;
    assert_eq!(rig.release(&release).await.status, ReleaseStatus::Waiting);
    let look = release::look(&rig.home, &id("production"), rig.actor().at).await.unwrap().unwrap();
    assert_eq!(look.missing.as_deref(), Some("`bob` froze it"));
    release::unfreeze(&rig.home, &id("production"), "bob", rig.actor().at).await.unwrap();
    rig.seconds("production", 2).await;
    assert_eq!(rig.release(&release).await.status, ReleaseStatus::Done);
}

#[tokio::test]
async fn what_is_required_is_asked_again_when_the_approval_comes() {
    let mut staging = spec(strategy(StrategyKind::AllAtOnce));
    staging.tests.on = true;
    let mut production = spec(strategy(StrategyKind::AllAtOnce));
    production.requires = Some("staging".into());
    production.approvals = Approvals { count: 1, independent: false };
    let rig = Rig::new([("staging", staging), ("production", production)]).await;
    rig.asked("staging", 1, ReleaseKind::Deploy, None).await.unwrap();
    rig.seconds("staging", 3).await;
    let release = rig.begin("production", 1).await.unwrap();
    rig.tester.failing.lock().unwrap().insert(Rig::package(1));
    rig.asked("staging", 1, ReleaseKind::Deploy, None).await.unwrap();
    rig.seconds("staging", 3).await;
    says(&rig, Verdict::Approved, "late@1").await;
    rig.seconds("production", 2).await;
    assert_eq!(rig.release(&release).await.status, ReleaseStatus::Waiting);
    let look = release::look(&rig.home, &id("production"), rig.actor().at).await.unwrap().unwrap();
    let why = "cannot release `late@1` to `production`: it failed its tests in `staging`";
    assert_eq!(look.missing.as_deref(), Some(why));
}

#[tokio::test]
async fn a_rejection_holds_a_canary_until_it_is_taken_back() {
    let rig = production(StrategyKind::Canary).await;
    let canary = rig.begin("production", 2).await.unwrap();
    rig.second("production").await;
    says(&rig, Verdict::Rejected, "late@2").await;
    rig.second("production").await;
    let held = rig.release(&canary).await;
    let why = Some("bob rejected it: wrong for LGA");
    assert_eq!((held.status, held.reason.as_deref()), (ReleaseStatus::Held, why));
    for asked in [Wish::Resume, Wish::Promote] {
        let fault = wish(&rig, asked).await.unwrap_err();
        assert!(fault.message().ends_with("bob rejected it: wrong for LGA"), "{}", fault.message());
    }
    says(&rig, Verdict::Approved, "late@2").await;
    wish(&rig, Wish::Resume).await.unwrap();
    rig.second("production").await;
    assert_eq!(rig.release(&canary).await.status, ReleaseStatus::Rolling);
}

#[tokio::test]
async fn a_rejection_ends_a_release_that_is_still_loading() {
    let rig = production(StrategyKind::Canary).await;
    let canary = rig.begin("production", 2).await.unwrap();
    rig.reconciler.pass(None).await.unwrap();
    assert_eq!(rig.release(&canary).await.status, ReleaseStatus::Loading);
    says(&rig, Verdict::Rejected, "late@2").await;
    rig.reconciler.pass(None).await.unwrap();
    assert_eq!(rig.release(&canary).await.status, ReleaseStatus::Aborted);
}

#[tokio::test]
async fn a_move_that_somebody_wished_is_theirs() {
    for asked in [Wish::Promote, Wish::Abort] {
        let rig = production(StrategyKind::Canary).await;
        let canary = rig.begin("production", 2).await.unwrap();
        rig.second("production").await;
        wish(&rig, asked).await.unwrap();
        rig.reconciler.pass(None).await.unwrap();
        let ended = rig.release(&canary).await;
        assert!(ended.status.has_ended(), "{asked:?}");
        assert_eq!(ended.decisions.last().unwrap().by, "bob");
        assert_eq!((ended.wish, ended.wished_by), (None, None));
        let states = rig.home.environments.states(&id("production")).await.unwrap();
        assert_eq!(states.last().unwrap().actor, "bob", "{asked:?}");
        let entries = rig.home.audit.entries().await.unwrap();
        let entry = entries.iter().rfind(|entry| entry.event.starts_with("release.")).unwrap();
        assert_eq!(entry.actor, "bob", "{}", entry.event);
    }
}
