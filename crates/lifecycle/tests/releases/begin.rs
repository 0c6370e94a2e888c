//! What lets no release begin is named.

use modelyard_core::deploy::environment::Approvals;
use modelyard_core::deploy::{Freeze, ReleaseKind, ReleaseStatus, StrategyKind, Verdict, Wish};
use modelyard_core::{Clock, Digest, Timestamp};
use modelyard_lifecycle::deploy::approval;
use modelyard_lifecycle::deploy::release::{self, Asked, Begun, Machine};

use super::rig::{Rig, id, machine, spec, strategy};

async fn refusal(rig: &Rig, environment: &str, number: u32) -> String {
    rig.begin(environment, number).await.unwrap_err().report()
}

async fn rig() -> Rig {
    let mut staging = spec(strategy(StrategyKind::AllAtOnce));
    staging.tests.on = true;
    let mut production = spec(strategy(StrategyKind::AllAtOnce));
    production.requires = Some("staging".into());
    Rig::new([("staging", staging), ("production", production)]).await
}

#[tokio::test]
async fn unknown_names_are_refused() {
    let rig = rig().await;
    assert_eq!(
        refusal(&rig, "live", 1).await,
        "project `flights` has no environment `live`\n  hint: applied are production, staging"
    );
    assert_eq!(
        refusal(&rig, "staging", 9).await,
        "there is no version `late@9`\n  hint: `modelyard models show late` lists the versions there are"
    );
    let asked = Asked {
        environment: id("staging"),
        model: Some("other".parse().unwrap()),
        kind: ReleaseKind::Deploy,
        strategy: None,
        cause: "asked for".into(),
    };
    let fault = release::begin(&rig.home, &*rig.clock, machine(), &asked, "ada").await.unwrap_err();
    assert_eq!(fault.message(), "cannot release `other` to `staging`: it holds `late`");
}

#[tokio::test]
async fn without_a_version_the_newest_is_meant() {
    let rig = rig().await;
    let asked = Asked {
        environment: id("staging"),
        model: None,
        kind: ReleaseKind::Deploy,
        strategy: None,
        cause: "asked for".into(),
    };
    let begun = release::begin(&rig.home, &*rig.clock, machine(), &asked, "ada").await.unwrap();
    assert!(matches!(begun, Begun::Release(release) if release.number == 3));
}

#[tokio::test]
async fn a_package_must_have_passed_its_tests_under_the_same_facts() {
    let rig = rig().await;
    assert!(
        refusal(&rig, "production", 1).await.starts_with(
            "cannot release `late@1` to `production`: it was not tested in `staging`\n  package: "
        )
    );
    rig.tester.failing.lock().unwrap().insert(Rig::package(1));
    for number in [1, 2] {
        rig.asked("staging", number, ReleaseKind::Deploy, None).await.unwrap();
        rig.seconds("staging", 3).await;
    }
    assert_eq!(
        refusal(&rig, "production", 1).await,
        "cannot release `late@1` to `production`: it failed its tests in `staging`\n  \
         tests: its application tests failed: golden row 3: 0.5 in place of 0.1\n  \
         hint: modelyard deploy staging late@1"
    );
    let mut production = spec(strategy(StrategyKind::AllAtOnce));
    production.requires = Some("staging".into());
    production.batch.rows = 7;
    production.limits.requests = 5;
    rig.apply([("production", production.clone())]).await;
    let text = refusal(&rig, "production", 2).await;
    assert!(
        text.starts_with(
            "cannot release `late@2` to `production`: `staging`, where it was tested, differs in `limits`, `batch`\n"
        ),
        "{text}"
    );
    assert!(text.contains("  batch: {\"rows\":256} in staging, {\"rows\":7} in production\n"), "{text}");
    production.batch = Default::default();
    production.limits = Default::default();
    rig.apply([("production", production)]).await;
    rig.begin("production", 2).await.unwrap();
}

#[tokio::test]
async fn another_program_or_runtime_library_is_not_what_was_tested() {
    let rig = rig().await;
    rig.asked("staging", 1, ReleaseKind::Deploy, None).await.unwrap();
    rig.seconds("staging", 3).await;
    let asked = Asked {
        environment: id("production"),
        model: Some("late@1".parse().unwrap()),
        kind: ReleaseKind::Release,
        strategy: None,
        cause: "asked for".into(),
    };
    let (tested, other) = (machine(), Digest::of(b"another"));
    for (name, now) in [
        ("program", Machine { program: other, ..tested }),
        ("onnx_library", Machine { onnx_library: Some(other), ..tested }),
    ] {
        let refused = release::begin(&rig.home, &*rig.clock, now, &asked, "ada").await.unwrap_err().report();
        let wanted = format!("`staging`, where it was tested, differs in `{name}`\n  {name}: ");
        assert!(refused.contains(&wanted), "{refused}");
    }
    rig.begin("production", 1).await.unwrap();
}

#[tokio::test]
async fn a_second_release_waits_for_the_end_of_the_first() {
    let rig = rig().await;
    rig.asked("staging", 1, ReleaseKind::Deploy, None).await.unwrap();
    assert_eq!(
        refusal(&rig, "staging", 2).await,
        "cannot release `late@2` to `staging`: the release of `late@1` by `ada` is under way, just begun\n  \
         hint: `modelyard release status staging` shows it, `modelyard release abort staging` ends it"
    );
}

#[tokio::test]
async fn two_at_once_begin_one() {
    let rig = rig().await;
    let (one, other) = tokio::join!(rig.begin("staging", 1), rig.begin("staging", 2));
    assert!(one.is_ok() != other.is_ok());
}

#[tokio::test]
async fn nothing_begins_while_it_is_frozen() {
    let rig = rig().await;
    let until = Timestamp::from_micros(rig.clock.now().micros() + 60_000_000);
    let freeze = Freeze { until: Some(until), by: "bob".into(), comment: Some("holidays".into()) };
    release::freeze(&rig.home, &id("staging"), freeze, rig.clock.now()).await.unwrap();
    assert_eq!(
        refusal(&rig, "staging", 1).await,
        "cannot release `late@1` to `staging`: `bob` froze it until 2027-01-15T08:01:00Z\n  \
         comment: holidays\n  hint: modelyard unfreeze staging"
    );
    rig.clock.pass(61.0);
    rig.begin("staging", 1).await.unwrap();
}

#[tokio::test]
async fn a_version_waits_for_its_approvals() {
    let mut production = spec(strategy(StrategyKind::AllAtOnce));
    production.approvals = Approvals { count: 1, independent: true };
    let rig = Rig::new([("production", production)]).await;
    let release = rig.begin("production", 1).await.unwrap();
    rig.seconds("production", 2).await;
    assert_eq!(rig.release(&release).await.status, ReleaseStatus::Waiting);
    assert_eq!(rig.environment("production").await.state.generation, 0);
    let promote = release::wish(&rig.home, &id("production"), Wish::Promote, "ada", rig.clock.now()).await;
    assert_eq!(
        promote.unwrap_err().message(),
        "cannot promote the release of `late@1` to `production`: it is waiting for approval"
    );
    let bob = modelyard_core::audit::Actor { name: "bob".into(), at: rig.clock.now() };
    let model = "late@1".parse().unwrap();
    approval::give(&rig.home, &model, Verdict::Approved, None, &bob).await.unwrap();
    rig.seconds("production", 2).await;
    assert_eq!(rig.release(&release).await.status, ReleaseStatus::Done);
    let model = "late@2".parse().unwrap();
    approval::give(&rig.home, &model, Verdict::Rejected, Some("biased"), &bob).await.unwrap();
    assert_eq!(
        refusal(&rig, "production", 2).await,
        "cannot release `late@2` to `production`: `bob` rejected it\n  comment: biased\n  \
         hint: `modelyard models show late@2`"
    );
}

#[tokio::test]
async fn there_must_be_something_to_go_back_to() {
    let rig = rig().await;
    let fault =
        release::roll_back(&rig.home, &*rig.clock, &id("staging"), "asked for", "ada").await.unwrap_err();
    assert_eq!(fault.message(), "cannot roll back `staging`: nothing served before");
}
