use modelyard_core::id::RunId;
use modelyard_core::ports::Home;
use modelyard_core::run::{Run, RunFilter, RunKind, RunStatus};

use crate::support::{TestClock, run};

promises![
    a_run_comes_back_as_it_was,
    saving_again_replaces,
    lists_are_newest_first,
    every_condition_of_a_filter_counts,
    a_prefix_is_no_pattern,
];

async fn saved(home: &Home, run: Run) -> RunId {
    home.runs.save(&run).await.unwrap();
    run.id
}

async fn listed(home: &Home, filter: RunFilter) -> Vec<RunId> {
    home.runs.list(&filter).await.unwrap().into_iter().map(|run| run.id).collect()
}

async fn a_run_comes_back_as_it_was(home: Home) {
    let clock = TestClock::new();
    let mut run = run(&*clock, "p", RunKind::Trial, Some(RunId::new(&*clock)));
    run.metrics.insert("broken".to_owned(), f64::NEG_INFINITY);
    run.params.insert("none".to_owned(), serde_json::Value::Null);
    home.runs.save(&run).await.unwrap();
    assert_eq!(home.runs.get(run.id).await.unwrap(), Some(run));
    assert_eq!(home.runs.get(RunId::new(&*clock)).await.unwrap(), None);
}

async fn saving_again_replaces(home: Home) {
    let clock = TestClock::new();
    let mut run = run(&*clock, "p", RunKind::Pipeline, None);
    home.runs.save(&run).await.unwrap();
    run.status = RunStatus::Failed;
    run.error = Some("it failed\n  hint: mend it".to_owned());
    home.runs.save(&run).await.unwrap();
    assert_eq!(home.runs.list(&RunFilter::default()).await.unwrap(), [run]);
}

async fn lists_are_newest_first(home: Home) {
    let clock = TestClock::new();
    let runs: Vec<_> = (0..4).map(|_| run(&*clock, "p", RunKind::Step, None)).collect();
    for place in [2, 0, 3, 1] {
        home.runs.save(&runs[place]).await.unwrap();
    }
    let newest_first: Vec<_> = runs.iter().rev().map(|run| run.id).collect();
    assert_eq!(listed(&home, RunFilter::default()).await, newest_first);
    let two = RunFilter { limit: Some(2), ..RunFilter::default() };
    assert_eq!(listed(&home, two).await, newest_first[..2]);
}

async fn every_condition_of_a_filter_counts(home: Home) {
    let clock = TestClock::new();
    let pipeline = saved(&home, run(&*clock, "p", RunKind::Pipeline, None)).await;
    let step = saved(&home, run(&*clock, "p", RunKind::Step, Some(pipeline))).await;
    let trial = saved(&home, run(&*clock, "p", RunKind::Trial, Some(step))).await;
    let other = saved(&home, run(&*clock, "q", RunKind::Pipeline, None)).await;
    let project = || RunFilter { project: Some("p".to_owned()), ..RunFilter::default() };

    assert_eq!(listed(&home, project()).await, [trial, step, pipeline]);
    let kind = RunFilter { kind: Some(RunKind::Pipeline), ..RunFilter::default() };
    assert_eq!(listed(&home, kind).await, [other, pipeline]);
    let parent = RunFilter { parent: Some(pipeline), ..RunFilter::default() };
    assert_eq!(listed(&home, parent).await, [step]);
    let all = RunFilter {
        kind: Some(RunKind::Trial),
        parent: Some(step),
        id_prefix: Some(trial.to_string()),
        limit: Some(9),
        ..project()
    };
    assert_eq!(listed(&home, all).await, [trial]);
    assert!(
        listed(&home, RunFilter { kind: Some(RunKind::Trial), parent: Some(pipeline), ..project() })
            .await
            .is_empty()
    );
}

async fn a_prefix_is_no_pattern(home: Home) {
    let clock = TestClock::new();
    let id = saved(&home, run(&*clock, "p", RunKind::Step, None)).await;
    let prefix = |text: &str| RunFilter { id_prefix: Some(text.to_owned()), ..RunFilter::default() };
    for beginning in ["", &id.to_string()[..4], &id.to_string()] {
        assert_eq!(listed(&home, prefix(beginning)).await, [id], "{beginning}");
    }
    for other in ["%", "*", "_", "?", "ZZ", "~", "ü", "' OR 1"] {
        assert!(listed(&home, prefix(other)).await.is_empty(), "{other}");
    }
}
