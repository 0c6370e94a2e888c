//! History against a home in memory.

use modelyard_core::audit::Actor;
use modelyard_core::deploy::environment::{Approvals, Batch, Limits, TargetKind, Tests};
use modelyard_core::deploy::{
    Applied, Environment, EnvironmentState, Judge, ReplicaReport, Strategy, StrategyKind, Verdict,
};
use modelyard_core::model::NewVersion;
use modelyard_core::ports::Change;
use serde_json::Value;

use super::*;

fn second(second: i64) -> Timestamp {
    Timestamp::from_micros((1_790_000_000 + second) * 1_000_000)
}

fn by(name: &str, at: i64) -> Actor {
    Actor { name: name.to_owned(), at: second(at) }
}

fn id() -> EnvironmentId {
    EnvironmentId { project: "flights".to_owned(), name: "production".to_owned() }
}

fn package(number: u32) -> Digest {
    Digest::of(&number.to_le_bytes())
}

fn spec(replicas: u32) -> EnvironmentSpec {
    EnvironmentSpec {
        runs_on: TargetKind::Process,
        listen: "127.0.0.1:8100".to_owned(),
        replicas,
        requires: None,
        approvals: Approvals::default(),
        strategy: Strategy { kind: StrategyKind::AllAtOnce, weights: Vec::new(), judge: Judge::default() },
        tests: Tests::default(),
        limits: Limits::default(),
        python: None,
        sandbox: true,
        batch: Batch::default(),
        env: BTreeMap::new(),
    }
}

async fn apply(home: &Home, replicas: u32, snapshot: &str, at: i64) {
    let stored = home.environments.environment(&id()).await.unwrap();
    let mut environment = stored.unwrap_or_else(|| Environment::new(id(), spec(replicas)));
    environment.spec = spec(replicas);
    let applied = Applied {
        version: 1,
        project: "flights".to_owned(),
        folder: "/work".to_owned(),
        snapshot: Digest::of(snapshot.as_bytes()),
        model: "late".to_owned(),
        environments: BTreeMap::from([("production".to_owned(), spec(replicas))]),
        monitor: None,
        triggers: Vec::new(),
        source: None,
        at: second(at),
        by: "ada".to_owned(),
    };
    home.environments.apply(&applied, &[environment], &by("ada", at)).await.unwrap();
}

async fn register(home: &Home, number: u32) {
    let new = NewVersion {
        name: "late".to_owned(),
        package: package(number),
        runtime: "onnx".to_owned(),
        project: None,
        run: None,
        report: None,
        metric: None,
        alias: None,
    };
    home.models.register(&new, &by("trainer", 0)).await.unwrap();
}

/// Wants `versions` with their shares, those with none loaded alone.
async fn want(home: &Home, versions: &[(u32, f64)], by: Actor) {
    let mut environment = home.environments.environment(&id()).await.unwrap().unwrap();
    let placed = versions.iter().map(|(number, weight)| Placed {
        package: package(*number),
        model: "late".to_owned(),
        number: *number,
        role: if *weight < 0.5 { Role::Candidate } else { Role::Stable },
        phase: if *weight == 0.0 { Phase::Load } else { Phase::Serve },
        weight: *weight,
    });
    environment.state = EnvironmentState {
        generation: environment.state.generation + 1,
        release: None,
        placed: placed.collect(),
    };
    let change = Change {
        environment,
        release: None,
        aliases: Vec::new(),
        event: "release.moved",
        cause: format!("wanted by {}", by.name),
        details: Value::Null,
    };
    home.environments.change(&change, &by).await.unwrap();
}

async fn answered(home: &Home, generation: u64, number: u32, first: i64, last: i64) {
    let span = Served { generation, package: package(number), first: second(first), last: second(last) };
    let report = ReplicaReport {
        version: 1,
        environment: id(),
        replica: 0,
        boot: "a".to_owned(),
        sequence: last as u64,
        at: second(last),
        pid: 1,
        program: None,
        listen: String::new(),
        generation,
        ready: Vec::new(),
        startup_secs: BTreeMap::new(),
        failed: BTreeMap::new(),
        counts: BTreeMap::new(),
        served: vec![span],
        cpu_secs: 0.0,
        memory_bytes: 0,
        ending: false,
    };
    home.observations.report(&report).await.unwrap();
}

async fn approve(home: &Home, number: u32, by: &str, at: i64) {
    let approval = Approval {
        version: 1,
        model: "late".to_owned(),
        number,
        verdict: Verdict::Approved,
        by: by.to_owned(),
        at: second(at),
        comment: None,
    };
    home.environments.approve(&approval).await.unwrap();
}

/// Two versions, the second by steps, with a change of the configuration between.
async fn home() -> Home {
    let home = modelyard_store::memory();
    register(&home, 1).await;
    register(&home, 2).await;
    apply(&home, 1, "first", 5).await;
    want(&home, &[(1, 1.0)], by("ada", 10)).await;
    answered(&home, 1, 1, 11, 31).await;
    apply(&home, 4, "second", 15).await;
    approve(&home, 2, "bob", 18).await;
    want(&home, &[(1, 1.0), (2, 0.0)], by("ada", 20)).await;
    want(&home, &[(1, 0.75), (2, 0.25)], by("modelyard", 30)).await;
    answered(&home, 3, 2, 32, 38).await;
    approve(&home, 2, "eve", 35).await;
    want(&home, &[(2, 1.0)], by("modelyard", 40)).await;
    home
}

#[tokio::test]
async fn every_state_is_told_the_newest_first() {
    let history = of(&home().await, &id(), Wanted::default()).await.unwrap();
    let told: Vec<_> = history
        .states
        .iter()
        .map(|state| {
            let serving: Vec<_> = state.serving().map(|it| (it.number, it.weight)).collect();
            (state.generation, serving, state.by.as_str(), state.wanted_from, state.wanted_until)
        })
        .collect();
    assert_eq!(
        told,
        [
            (4, vec![(2, 1.0)], "modelyard", second(40), None),
            (3, vec![(1, 0.75), (2, 0.25)], "modelyard", second(30), Some(second(40))),
            (2, vec![(1, 1.0)], "ada", second(20), Some(second(30))),
            (1, vec![(1, 1.0)], "ada", second(10), Some(second(20))),
        ]
    );
}

#[tokio::test]
async fn as_many_states_are_told_as_are_wanted() {
    let home = home().await;
    for (limit, serving, told) in [
        (Some(2), false, &[4, 3][..]),
        (Some(0), false, &[]),
        // The second one only loaded something.
        (None, true, &[4, 3, 1]),
        (Some(2), true, &[4, 3]),
    ] {
        let history = of(&home, &id(), Wanted { limit, serving }).await.unwrap();
        let found: Vec<u64> = history.states.iter().map(|state| state.generation).collect();
        assert_eq!(found, told, "{limit:?} {serving}");
    }
    let newest = of(&home, &id(), Wanted { limit: Some(1), serving: true }).await.unwrap();
    let all = of(&home, &id(), Wanted::default()).await.unwrap();
    assert_eq!(serde_json::json!(newest.states[0]), serde_json::json!(all.states[0]));
}

#[tokio::test]
async fn a_state_says_who_why_and_under_which_configuration() {
    let history = of(&home().await, &id(), Wanted::default()).await.unwrap();
    let [newest, split, .., first] = &history.states[..] else { panic!("four states") };
    assert_eq!(first.cause, "wanted by ada");
    let configuration = first.configuration.as_ref().unwrap();
    assert_eq!(configuration.snapshot, Some(Digest::of(b"first")));
    assert_eq!(configuration.settings.as_ref().unwrap().replicas, 1);
    let configuration = newest.configuration.as_ref().unwrap();
    assert_eq!((configuration.applied_at, configuration.applied_by.as_str()), (second(15), "ada"));
    assert_eq!(configuration.snapshot, Some(Digest::of(b"second")));
    assert_eq!(configuration.settings.as_ref().unwrap().replicas, 4);

    let candidate = &split.versions[1];
    assert_eq!(candidate.origin.registered_by.as_deref(), Some("trainer"));
    assert_eq!((candidate.first_served, candidate.last_served), (Some(second(32)), Some(second(38))));
    assert_eq!(candidate.approvals.len(), 1, "of what was said by then");
    assert_eq!(newest.versions[0].approvals.len(), 2);
    assert_eq!(newest.versions[0].first_served, None, "nobody asked yet");
}

#[tokio::test]
async fn an_entry_proves_each_state() {
    let home = home().await;
    let entries = home.audit.entries().await.unwrap();
    for state in of(&home, &id(), Wanted::default()).await.unwrap().states {
        let entry = entries.iter().find(|entry| Some(entry.number) == state.audit).unwrap();
        assert_eq!(entry.details["after"]["state"]["generation"], state.generation);
        assert_eq!((entry.at, &entry.actor), (state.wanted_from, &state.by));
    }
}

#[tokio::test]
async fn an_instant_has_one_answer() {
    let home = home().await;
    for (instant, generation, also) in [
        (9, None, 0),
        (10, Some(1), 0),
        (29, Some(2), 1),
        (30, Some(3), 1),
        (33, Some(3), 0),
        (99, Some(4), 0),
    ] {
        let moment = at(&home, &id(), second(instant)).await.unwrap();
        let found = moment.state.map(|state| state.generation);
        assert_eq!((found, moment.also_answered.len()), (generation, also), "{instant}");
    }
}

#[tokio::test]
async fn an_unknown_environment_is_said() {
    let mut other = id();
    other.name = "staging".to_owned();
    let fault = of(&home().await, &other, Wanted::default()).await.unwrap_err();
    assert_eq!(fault.kind(), modelyard_core::Kind::NotFound);
}
