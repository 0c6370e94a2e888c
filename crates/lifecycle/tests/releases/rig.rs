//! A home in memory, a clock that is set, replicas and a tester that do what they are told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use modelyard_core::audit::Actor;
use modelyard_core::deploy::environment::{Approvals, Batch, Limits, TargetKind, Tests};
use modelyard_core::deploy::{
    Applied, Counts, Environment, EnvironmentId, EnvironmentSpec, Judge, Release, ReleaseKind, ReplicaReport,
    Strategy, StrategyKind,
};
use modelyard_core::model::NewVersion;
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Digest, Result, Timestamp};
use modelyard_deploy::target::{Plan, ReplicaStatus, Target, Wanted};
use modelyard_lifecycle::deploy::reconcile::Reconciler;
use modelyard_lifecycle::deploy::release::{self, Asked, Begun, Machine};
use modelyard_lifecycle::deploy::{Tested, Tester};

pub(crate) struct TestClock {
    micros: AtomicI64,
    /// How far somebody set it forward.
    set_by: AtomicI64,
    ids: AtomicU64,
}

impl TestClock {
    pub(crate) fn pass(&self, secs: f64) {
        self.micros.fetch_add((secs * 1e6) as i64, Ordering::SeqCst);
    }

    /// The time is set, none passes.
    pub(crate) fn set_by(&self, secs: f64) {
        self.set_by.fetch_add((secs * 1e6) as i64, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Ordering::SeqCst) + self.set_by.load(Ordering::SeqCst))
    }

    fn steady_micros(&self) -> i64 {
        self.micros.load(Ordering::SeqCst)
    }

    fn entropy(&self) -> u128 {
        u128::from(self.ids.fetch_add(1, Ordering::SeqCst))
    }
}

/// Remembers what it was told.
#[derive(Default)]
pub(crate) struct TestTarget {
    pub(crate) told: Mutex<Vec<Wanted>>,
    pub(crate) refuses: Mutex<Option<String>>,
    /// Environments whose replicas take for ever to be replaced.
    pub(crate) stuck: Mutex<BTreeSet<EnvironmentId>>,
}

#[async_trait]
impl Target for TestTarget {
    fn plan(&self, _wanted: &Wanted, _status: &[ReplicaStatus]) -> Plan {
        Plan::default()
    }

    async fn apply(&self, wanted: &Wanted) -> Result<()> {
        self.told.lock().unwrap().push(wanted.clone());
        if self.stuck.lock().unwrap().contains(&wanted.environment) {
            std::future::pending::<()>().await;
        }
        match self.refuses.lock().unwrap().as_ref() {
            None => Ok(()),
            Some(why) => Err(modelyard_core::Fault::new(modelyard_core::Kind::Conflict, why.clone())),
        }
    }

    async fn status(&self, _environment: &EnvironmentId) -> Result<Vec<ReplicaStatus>> {
        Ok(Vec::new())
    }

    async fn logs(&self, _environment: &EnvironmentId, _replica: u32, _lines: usize) -> Result<String> {
        Ok(String::new())
    }

    async fn remove(&self, _environment: &EnvironmentId) -> Result<()> {
        Ok(())
    }
}

/// Passes every package but those that are to fail.
#[derive(Default)]
pub(crate) struct TestTester {
    pub(crate) failing: Mutex<BTreeSet<Digest>>,
    pub(crate) asked: AtomicU64,
    /// Whether tests go on and on.
    pub(crate) busy: AtomicBool,
}

#[async_trait]
impl Tester for TestTester {
    async fn test(&self, _environment: &Environment, release: &Release) -> Result<Tested> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        while self.busy.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
        let failed = self.failing.lock().unwrap().contains(&release.package);
        Ok(Tested {
            report: Digest::of(b"report"),
            passed: !failed,
            failures: if failed { vec!["golden row 3: 0.5 in place of 0.1".into()] } else { Vec::new() },
            facts: release.facts.clone().unwrap(),
        })
    }
}

pub(crate) struct Rig {
    pub(crate) home: Home,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) target: Arc<TestTarget>,
    pub(crate) tester: Arc<TestTester>,
    pub(crate) reconciler: Reconciler,
    /// Packages that no replica can load.
    pub(crate) broken: Mutex<BTreeMap<Digest, String>>,
    /// Which start of replica 0 it is.
    pub(crate) boot: Mutex<String>,
    /// What replica 0 has counted.
    pub(crate) counts: Mutex<BTreeMap<Digest, Counts>>,
    sequence: AtomicU64,
}

pub(crate) fn id(name: &str) -> EnvironmentId {
    EnvironmentId { project: "flights".into(), name: name.into() }
}

pub(crate) fn machine() -> Machine {
    Machine { program: Digest::of(b"program"), onnx_library: None }
}

pub(crate) fn strategy(kind: StrategyKind) -> Strategy {
    let judge = Judge { min_samples: 100, min_time_secs: 10.0, max_time_secs: 600.0, ..Judge::default() };
    Strategy { kind, weights: kind.default_weights(), judge }
}

pub(crate) fn spec(strategy: Strategy) -> EnvironmentSpec {
    EnvironmentSpec {
        runs_on: TargetKind::Process,
        listen: "127.0.0.1:8100".into(),
        replicas: 1,
        requires: None,
        approvals: Approvals::default(),
        strategy,
        tests: Tests::default(),
        limits: Limits::default(),
        python: None,
        sandbox: true,
        batch: Batch::default(),
        env: BTreeMap::new(),
    }
}

impl Rig {
    /// With `environments` applied and three versions registered.
    pub(crate) async fn new(environments: impl IntoIterator<Item = (&str, EnvironmentSpec)>) -> Self {
        let home = modelyard_store::memory();
        let clock = Arc::new(TestClock {
            micros: AtomicI64::new(1_800_000_000_000_000),
            set_by: AtomicI64::new(0),
            ids: AtomicU64::new(1),
        });
        let (target, tester) = (Arc::new(TestTarget::default()), Arc::new(TestTester::default()));
        let reconciler =
            Reconciler::new(home.clone(), clock.clone(), target.clone(), tester.clone(), machine().program);
        let rig = Self {
            home,
            clock,
            target,
            tester,
            reconciler,
            broken: Mutex::default(),
            boot: Mutex::new("first".to_owned()),
            counts: Mutex::default(),
            sequence: AtomicU64::new(1),
        };
        rig.apply(environments).await;
        for number in 1..=3_u8 {
            let package = rig.home.blobs.put(&[number]).await.unwrap();
            let new = NewVersion {
                name: "late".into(),
                package,
                runtime: "onnx".into(),
                project: Some("flights".into()),
                run: None,
                report: None,
                metric: None,
                alias: None,
            };
            rig.home.models.register(&new, &rig.actor()).await.unwrap();
        }
        rig
    }

    pub(crate) async fn apply(&self, specs: impl IntoIterator<Item = (&str, EnvironmentSpec)>) {
        let mut environments = Vec::new();
        let mut all = BTreeMap::new();
        for (name, spec) in specs {
            all.insert(name.to_owned(), spec.clone());
            let there = self.home.environments.environment(&id(name)).await.unwrap();
            let mut environment = there.unwrap_or_else(|| Environment::new(id(name), spec.clone()));
            environment.spec = spec;
            environments.push(environment);
        }
        let applied = Applied {
            version: 1,
            project: "flights".into(),
            folder: "/project".into(),
            snapshot: Digest::of(b""),
            model: "late".into(),
            environments: all,
            monitor: Default::default(),
            triggers: Default::default(),
            source: None,
            at: self.clock.now(),
            by: "ada".into(),
        };
        self.home.environments.apply(&applied, &environments, &self.actor()).await.unwrap();
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor { name: "ada".into(), at: self.clock.now() }
    }

    pub(crate) fn package(number: u8) -> Digest {
        Digest::of(&[number])
    }

    pub(crate) async fn begin(&self, environment: &str, number: u32) -> Result<Release> {
        self.asked(environment, number, ReleaseKind::Release, None).await
    }

    pub(crate) async fn asked(
        &self,
        environment: &str,
        number: u32,
        kind: ReleaseKind,
        strategy: Option<StrategyKind>,
    ) -> Result<Release> {
        let asked = Asked {
            environment: id(environment),
            model: Some(format!("late@{number}").parse().unwrap()),
            kind,
            strategy,
            cause: "asked for".into(),
        };
        match release::begin(&self.home, &*self.clock, machine(), &asked, "ada").await? {
            Begun::Release(release) => Ok(*release),
            Begun::Already(version) => panic!("late@{} serves already", version.number),
        }
    }

    /// A report of replica 0 that follows the state of `environment`.
    pub(crate) async fn report(&self, environment: &str) {
        let state = self.environment(environment).await.state;
        let broken = self.broken.lock().unwrap().clone();
        let wanted: BTreeSet<Digest> = state.wanted().map(|placed| placed.package).collect();
        let report = ReplicaReport {
            version: 1,
            environment: id(environment),
            replica: 0,
            boot: self.boot.lock().unwrap().clone(),
            sequence: self.sequence.fetch_add(1, Ordering::SeqCst),
            at: self.clock.now(),
            pid: 1,
            program: None,
            listen: "127.0.0.1:8100".into(),
            generation: state.generation,
            ready: wanted.iter().filter(|package| !broken.contains_key(package)).copied().collect(),
            startup_secs: BTreeMap::new(),
            failed: broken.into_iter().filter(|(package, _)| wanted.contains(package)).collect(),
            counts: self.counts.lock().unwrap().clone(),
            served: Vec::new(),
            cpu_secs: 0.0,
            memory_bytes: 0,
            ending: false,
        };
        self.home.observations.report(&report).await.unwrap();
    }

    /// Adds requests to what replica 0 has counted of version `number`.
    pub(crate) fn count(&self, number: u8, requests: u64, failed: u64) {
        let mut counts = self.counts.lock().unwrap();
        let of = counts.entry(Self::package(number)).or_default();
        of.answered += requests - failed;
        of.failed += failed;
        of.rows += requests - failed;
        of.latency.resize(77, 0);
        for (bucket, share) in [(10, 0.5), (20, 0.3), (25, 0.16), (30, 0.04)] {
            of.latency[bucket] += ((requests - failed) as f64 * share) as u64;
        }
        of.outputs.resize(3, 0);
        of.outputs[0] += (requests - failed) / 4;
        of.outputs[1] += (requests - failed) - (requests - failed) / 4;
    }

    /// All that replica 0 has counted of version `number` took long.
    pub(crate) fn slow(&self, number: u8) {
        let mut counts = self.counts.lock().unwrap();
        let of = counts.entry(Self::package(number)).or_default();
        let all = of.latency.iter().sum();
        of.latency.fill(0);
        of.latency[40] = all;
    }

    /// Time passes, replicas report, the reconciler looks until nothing moves.
    pub(crate) async fn second(&self, environment: &str) {
        self.clock.pass(1.0);
        for _ in 0..10 {
            self.report(environment).await;
            let moved = self.reconciler.pass(None).await.unwrap();
            // Tests run in tasks of their own.
            tokio::task::yield_now().await;
            if !moved {
                break;
            }
        }
    }

    pub(crate) async fn seconds(&self, environment: &str, count: u32) {
        for _ in 0..count {
            self.second(environment).await;
        }
    }

    pub(crate) async fn environment(&self, name: &str) -> Environment {
        self.home.environments.environment(&id(name)).await.unwrap().unwrap()
    }

    pub(crate) async fn release(&self, release: &Release) -> Release {
        self.home.environments.release(release.id).await.unwrap().unwrap()
    }

    /// Number, phase and weight of what is placed, as text: `2 serve 0.05, 1 serve 0.95`.
    pub(crate) async fn placed(&self, name: &str) -> String {
        let state = self.environment(name).await.state;
        let mut placed: Vec<String> = state
            .placed
            .iter()
            .map(|placed| {
                let phase = format!("{:?}", placed.phase).to_lowercase();
                let weight = if placed.weight > 0.0 { format!(" {}", placed.weight) } else { String::new() };
                format!("{} {phase}{weight}", placed.number)
            })
            .collect();
        placed.sort();
        placed.join(", ")
    }
}
