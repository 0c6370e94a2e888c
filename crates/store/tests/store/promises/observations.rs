use modelyard_core::deploy::{TestFinished, TestRunning, TestsUnderWay};
use modelyard_core::ports::{Change, Home};

use crate::deployed::{change, id, production, release, report, span};
use crate::support::{action_result, actor, new_version};

promises![
    the_last_report_of_each_boot_is_kept,
    an_older_report_changes_nothing,
    reports_are_of_their_environment,
    what_served_is_added_up,
    boots_of_days_ago_are_forgotten,
    a_replica_that_dies_again_and_again_fills_nothing,
    nothing_is_forgotten_while_a_release_is_under_way,
    reports_are_not_audited,
    how_far_tests_are_is_kept_by_environment,
    a_watch_tells_of_every_change,
    a_watch_is_calm_while_nothing_happens,
];

/// `replica/boot/sequence` of what is kept.
async fn kept(home: &Home) -> Vec<String> {
    let reports = home.observations.reports(&id("production")).await.unwrap();
    reports.iter().map(|report| format!("{}/{}/{}", report.replica, report.boot, report.sequence)).collect()
}

async fn the_last_report_of_each_boot_is_kept(home: Home) {
    let last = report(0, "b", 2, 3);
    for report in [report(1, "a", 1, 0), report(0, "a", 9, 1), report(0, "b", 1, 2), last.clone()] {
        home.observations.report(&report).await.unwrap();
    }
    assert_eq!(kept(&home).await, ["1/a/1", "0/a/9", "0/b/2"]);
    assert_eq!(home.observations.reports(&id("production")).await.unwrap()[2], last);
}

async fn an_older_report_changes_nothing(home: Home) {
    let mut older = report(0, "a", 4, 9);
    older.served = vec![span(1, "p", 0, 9)];
    for report in [report(0, "a", 5, 5), older] {
        home.observations.report(&report).await.unwrap();
    }
    assert_eq!(home.observations.reports(&id("production")).await.unwrap(), [report(0, "a", 5, 5)]);
    assert!(home.observations.served(&id("production")).await.unwrap().is_empty());
}

async fn reports_are_of_their_environment(home: Home) {
    let mut other = report(0, "a", 1, 0);
    other.environment = id("staging");
    other.served = vec![span(1, "p", 0, 9)];
    home.observations.report(&other).await.unwrap();
    assert!(kept(&home).await.is_empty());
    assert!(home.observations.served(&id("production")).await.unwrap().is_empty());
    assert_eq!(home.observations.reports(&id("staging")).await.unwrap(), [other]);
}

async fn what_served_is_added_up(home: Home) {
    let mut one = report(0, "a", 1, 0);
    one.served = vec![span(1, "p", 10, 20), span(2, "q", 20, 30)];
    let mut two = report(1, "b", 1, 0);
    two.served = vec![span(1, "p", 5, 12)];
    let mut later = report(0, "a", 2, 0);
    later.served = vec![span(2, "q", 20, 40)];
    for report in [one, two, later] {
        home.observations.report(&report).await.unwrap();
    }
    assert_eq!(
        home.observations.served(&id("production")).await.unwrap(),
        [span(1, "p", 5, 20), span(2, "q", 20, 40)]
    );
}

const DAY: i64 = 24 * 60 * 60;

async fn boots_of_days_ago_are_forgotten(home: Home) {
    production(&home).await;
    let mut old = report(0, "old", 1, 0);
    old.served = vec![span(1, "p", 10, 20)];
    for report in [old, report(1, "silent", 1, 0), report(0, "recent", 1, 2), report(0, "new", 1, DAY + 1)] {
        home.observations.report(&report).await.unwrap();
    }
    assert_eq!(kept(&home).await, ["0/recent/1", "0/new/1"]);
    let served = home.observations.served(&id("production")).await.unwrap();
    assert_eq!(served, [span(1, "p", 10, 20)], "history stays");
}

async fn a_replica_that_dies_again_and_again_fills_nothing(home: Home) {
    home.observations.report(&report(1, "other", 1, 0)).await.unwrap();
    for boot in 0..60 {
        home.observations.report(&report(0, &boot.to_string(), 1, boot)).await.unwrap();
    }
    let kept = kept(&home).await;
    assert_eq!(kept.len(), 1 + 50);
    assert_eq!((kept[0].as_str(), kept[1].as_str(), kept[50].as_str()), ("1/other/1", "0/10/1", "0/59/1"));
}

async fn nothing_is_forgotten_while_a_release_is_under_way(home: Home) {
    let mut environment = production(&home).await;
    let release = release(&environment, 1);
    environment.release = Some(release.id);
    let began = Change { release: Some(release), ..change(environment) };
    let mut environment = home.environments.change(&began, &actor()).await.unwrap();
    home.observations.report(&report(0, "old", 1, 0)).await.unwrap();
    home.observations.report(&report(0, "new", 1, 2 * DAY)).await.unwrap();
    assert_eq!(kept(&home).await, ["0/old/1", "0/new/1"]);
    environment.release = None;
    home.environments.change(&change(environment), &actor()).await.unwrap();
    home.observations.report(&report(0, "newer", 1, 2 * DAY)).await.unwrap();
    assert_eq!(kept(&home).await, ["0/new/1", "0/newer/1"]);
}

async fn reports_are_not_audited(home: Home) {
    home.observations.report(&report(0, "a", 1, 0)).await.unwrap();
    assert!(home.audit.entries().await.unwrap().is_empty());
}

async fn how_far_tests_are_is_kept_by_environment(home: Home) {
    let tests = |environment: &str, number: u8, done| TestsUnderWay {
        version: 1,
        environment: id(environment),
        release: format!("{number:026}").parse().unwrap(),
        finished: vec![TestFinished {
            test: "golden".to_owned(),
            outcome: "passed".to_owned(),
            sentence: "20 rows".to_owned(),
        }],
        running: Some(TestRunning { test: "parity".to_owned(), done, of: 9 }),
    };
    assert_eq!(home.observations.tests(&id("staging")).await.unwrap(), None);
    for kept in [tests("staging", 1, 3), tests("other", 1, 5), tests("staging", 1, 9), tests("staging", 2, 0)]
    {
        home.observations.note_tests(&kept).await.unwrap();
        assert_eq!(home.observations.tests(&kept.environment).await.unwrap(), Some(kept));
    }
    assert_eq!(home.observations.tests(&id("other")).await.unwrap(), Some(tests("other", 1, 5)));
}

async fn a_watch_tells_of_every_change(home: Home) {
    let mut watch = home.observations.watch().await.unwrap();
    assert!(watch.changed().await.unwrap(), "the first time");
    let mut environment = production(&home).await;
    assert!(watch.changed().await.unwrap(), "an application");
    environment.running = false;
    home.environments.change(&change(environment), &actor()).await.unwrap();
    assert!(watch.changed().await.unwrap(), "a change");
    home.observations.report(&report(0, "a", 1, 0)).await.unwrap();
    assert!(watch.changed().await.unwrap(), "a report");
    home.models.register(&new_version("late", "a", None), &actor()).await.unwrap();
    assert!(watch.changed().await.unwrap(), "a version");
    home.results.put(&action_result(1)).await.unwrap();
    let mut other = home.observations.watch().await.unwrap();
    assert!(other.changed().await.unwrap(), "each watch counts for itself");
    assert!(watch.changed().await.unwrap(), "a result");
}

async fn a_watch_is_calm_while_nothing_happens(home: Home) {
    production(&home).await;
    let mut watch = home.observations.watch().await.unwrap();
    watch.changed().await.unwrap();
    for _ in 0..50 {
        home.environments.environments(None).await.unwrap();
        assert!(!watch.changed().await.unwrap());
    }
}
