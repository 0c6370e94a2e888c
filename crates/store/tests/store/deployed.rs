//! Environments, releases and reports to test with.

use std::collections::BTreeMap;

use modelyard_core::Timestamp;
use modelyard_core::audit::Actor;
use modelyard_core::deploy::environment::{Approvals, Batch, Limits, TargetKind, Tests};
use modelyard_core::deploy::{
    Applied, Approval, Counts, Environment, EnvironmentId, EnvironmentSpec, EnvironmentState, Judge, Phase,
    Placed, Release, ReleaseId, ReleaseKind, ReleaseStatus, ReplicaReport, Role, Served, Strategy,
    StrategyKind, Verdict,
};
use modelyard_core::monitor::{Missed, Origin, Then, TriggerSpec};
use modelyard_core::ports::{Change, Home};

use crate::support::{actor, digest};

pub(crate) fn id(name: &str) -> EnvironmentId {
    EnvironmentId { project: "flights".to_owned(), name: name.to_owned() }
}

/// `seconds` after a fixed instant.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
}

pub(crate) fn by(name: &str, seconds: i64) -> Actor {
    Actor { name: name.to_owned(), at: at(seconds) }
}

pub(crate) fn spec() -> EnvironmentSpec {
    EnvironmentSpec {
        runs_on: TargetKind::Process,
        listen: "127.0.0.1:8101".to_owned(),
        replicas: 2,
        requires: Some("staging".to_owned()),
        approvals: Approvals { count: 1, independent: true },
        strategy: Strategy {
            kind: StrategyKind::Canary,
            weights: vec![0.05, 0.25, 1.0],
            judge: Judge::default(),
        },
        tests: Tests::default(),
        limits: Limits::default(),
        python: None,
        sandbox: true,
        batch: Batch::default(),
        env: BTreeMap::from([("TZ".to_owned(), "UTC".to_owned())]),
    }
}

pub(crate) fn applied(environments: &[&Environment]) -> Applied {
    Applied {
        version: 1,
        project: "flights".to_owned(),
        folder: "/work/flights".to_owned(),
        snapshot: digest("snapshot"),
        model: "late".to_owned(),
        environments: environments
            .iter()
            .map(|environment| (environment.id.name.clone(), environment.spec.clone()))
            .collect(),
        monitor: None,
        triggers: vec![TriggerSpec {
            name: "drift".to_owned(),
            on: vec![Origin::Drift],
            then: Then::Release,
            set: BTreeMap::new(),
            cron: None,
            zone: "UTC".to_owned(),
            missed: Missed::Once,
            min_rows: 1,
            model: None,
            secret: None,
            cool_down_secs: 0.0,
            budget: None,
            budget_secs: 0.0,
        }],
        source: None,
        at: at(0),
        by: "ada".to_owned(),
    }
}

/// A home with the one environment `production`, applied; the environment as it is stored.
pub(crate) async fn production(home: &Home) -> Environment {
    let environment = Environment::new(id("production"), spec());
    home.environments.apply(&applied(&[&environment]), &[environment], &actor()).await.unwrap();
    home.environments.environment(&id("production")).await.unwrap().expect("it was applied")
}

/// `environment` with `package` as the version `number` that serves, and the next generation.
pub(crate) fn serving(environment: &Environment, number: u32) -> Environment {
    let mut environment = environment.clone();
    environment.previous = Some(environment.state.clone());
    environment.state = EnvironmentState {
        generation: environment.state.generation + 1,
        release: None,
        placed: vec![Placed {
            package: digest(&format!("package {number}")),
            model: "late".to_owned(),
            number,
            role: Role::Stable,
            phase: Phase::Serve,
            weight: 1.0,
        }],
    };
    environment
}

/// Another one for each state of the environment.
pub(crate) fn release(environment: &Environment, number: u32) -> Release {
    let place = environment.revision * 1_000 + u64::from(number);
    let id: ReleaseId = format!("01J{place:023}").parse().expect("an id");
    Release {
        version: 1,
        id,
        environment: environment.id.clone(),
        kind: ReleaseKind::Release,
        model: "late".to_owned(),
        number,
        package: digest(&format!("package {number}")),
        strategy: environment.spec.strategy.clone(),
        status: ReleaseStatus::Loading,
        step: 0,
        step_since: at(0),
        step_counts: BTreeMap::from([(digest("package 1"), Counts { answered: 5, ..Counts::default() })]),
        slow: None,
        before: environment.state.clone(),
        by: "ada".to_owned(),
        cause: "asked for".to_owned(),
        began_at: at(0),
        ended_at: None,
        decisions: Vec::new(),
        report: None,
        passed: None,
        reason: None,
        wish: None,
        wished_by: None,
        facts: None,
    }
}

pub(crate) fn change(environment: Environment) -> Change {
    Change {
        environment,
        release: None,
        aliases: Vec::new(),
        event: "environment.changed",
        cause: "a test".to_owned(),
        details: serde_json::Value::Null,
    }
}

pub(crate) fn approval(number: u32, verdict: Verdict, by: &str) -> Approval {
    Approval {
        version: 1,
        model: "late".to_owned(),
        number,
        verdict,
        by: by.to_owned(),
        at: at(0),
        comment: Some("looks \"good\"".to_owned()),
    }
}

pub(crate) fn report(replica: u32, boot: &str, sequence: u64, seconds: i64) -> ReplicaReport {
    ReplicaReport {
        version: 1,
        environment: id("production"),
        replica,
        boot: boot.to_owned(),
        sequence,
        at: at(seconds),
        pid: 7,
        program: None,
        listen: "127.0.0.1:8101".to_owned(),
        generation: 1,
        ready: vec![digest("package 1")],
        startup_secs: BTreeMap::from([(digest("package 1"), 0.25)]),
        failed: BTreeMap::from([(digest("package 2"), "no such file".to_owned())]),
        counts: BTreeMap::from([(
            digest("package 1"),
            Counts { answered: sequence, latency: vec![0, sequence], ..Counts::default() },
        )]),
        served: Vec::new(),
        cpu_secs: 0.1,
        memory_bytes: 1 << 20,
        ending: false,
    }
}

pub(crate) fn span(generation: u64, package: &str, first: i64, last: i64) -> Served {
    Served { generation, package: digest(package), first: at(first), last: at(last) }
}
