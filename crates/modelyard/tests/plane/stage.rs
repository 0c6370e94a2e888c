//! An environment in the home of an example, and a data plane that follows it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use modelyard_core::audit::Actor;
use modelyard_core::deploy::environment::{Approvals, Batch, Limits, TargetKind, Tests};
use modelyard_core::deploy::{
    Applied, Environment, EnvironmentId, EnvironmentSpec, EnvironmentState, Judge, Phase, Placed, ReleaseId,
    ReplicaReport, Role, Strategy, StrategyKind,
};
use modelyard_core::model::NewVersion;
use modelyard_core::ports::{Change, Home};
use modelyard_core::{Clock, Digest, Timestamp};
use modelyard_deploy::package;
use tokio::runtime::Runtime;

use crate::common::server::Server;
use crate::common::{Example, Project};

/// A clock that is later whenever it is asked.
struct Ticks(AtomicI64);

impl Clock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn entropy(&self) -> u128 {
        (self.0.fetch_add(1, Ordering::Relaxed) as u128)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }
}

pub(crate) struct Stage {
    pub(crate) project: Project,
    home: Home,
    runtime: Runtime,
    clock: Arc<dyn Clock>,
    pub(crate) environment: Environment,
    /// By number, from 1.
    pub(crate) packages: Vec<Digest>,
}

impl Stage {
    /// `example` with its one version, and an environment `live` that nothing was deployed to.
    pub(crate) fn new(example: Example, limits: Limits, env: &[(&str, &str)]) -> Self {
        let project = Project::built(example);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(Ticks(AtomicI64::new(0)));
        let home = runtime.block_on(modelyard_store::open_existing(&project.home(), clock.clone())).unwrap();
        let id = EnvironmentId { project: example.folder().to_owned(), name: "live".to_owned() };
        let spec = EnvironmentSpec {
            runs_on: TargetKind::Process,
            listen: "127.0.0.1:0".to_owned(),
            replicas: 1,
            requires: None,
            approvals: Approvals::default(),
            strategy: Strategy { kind: StrategyKind::AllAtOnce, weights: vec![], judge: Judge::default() },
            tests: Tests::default(),
            limits,
            python: None,
            sandbox: true,
            batch: Batch::default(),
            env: env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let environment = Environment::new(id.clone(), spec.clone());
        let applied = Applied {
            version: 1,
            project: id.project.clone(),
            folder: project.root().to_str().unwrap().to_owned(),
            snapshot: Digest::of(b"snapshot"),
            model: example.model().to_owned(),
            environments: BTreeMap::from([(id.name.clone(), spec)]),
            monitor: None,
            triggers: Vec::new(),
            source: None,
            at: clock.now(),
            by: "ada".to_owned(),
        };
        let actor = Actor { name: "ada".to_owned(), at: clock.now() };
        runtime.block_on(home.environments.apply(&applied, &[environment], &actor)).unwrap();
        let environment = runtime.block_on(home.environments.environment(&id)).unwrap().unwrap();
        let first = format!("{}@1", example.model()).parse().unwrap();
        let first = runtime.block_on(home.models.resolve(&first)).unwrap().unwrap();
        Self { project, home, runtime, clock, environment, packages: vec![first.package] }
    }

    /// Registers a further version: the first one's package after `edit`, under a digest of its own.
    pub(crate) fn further(&mut self, edit: impl FnOnce(&Path)) -> Digest {
        let number = self.packages.len() as u32 + 1;
        let folder = self.project.beside(&format!("package-{number}"));
        self.runtime.block_on(self.home.blobs.fetch_folder(self.packages[0], &folder)).unwrap();
        let mut read = package::read(&folder).unwrap();
        read.manifest.provenance.params.insert("further".to_owned(), number.into());
        let profile = serde_json::from_slice(&fs::read(folder.join("profile.json")).unwrap()).unwrap();
        edit(&folder);
        let sealed = package::write(&folder, &read.manifest, &read.golden, &profile).unwrap();
        let tree = self.runtime.block_on(self.home.blobs.put_folder(&folder)).unwrap();
        assert_eq!(tree.digest(), sealed.digest());
        let new = NewVersion {
            name: self.project.example.model().to_owned(),
            package: sealed.digest(),
            runtime: read.manifest.stages[0].runtime.name().to_owned(),
            project: Some(self.environment.id.project.clone()),
            run: None,
            report: None,
            metric: None,
            alias: None,
        };
        let actor = self.actor();
        let (version, is_new) = self.runtime.block_on(self.home.models.register(&new, &actor)).unwrap();
        assert_eq!((version.number, is_new), (number, true));
        self.packages.push(sealed.digest());
        sealed.digest()
    }

    fn actor(&self) -> Actor {
        Actor { name: "ada".to_owned(), at: self.clock.now() }
    }

    pub(crate) fn placed(&self, number: u32, role: Role, phase: Phase, weight: f64) -> Placed {
        let package = self.packages[number as usize - 1];
        Placed { package, model: self.project.example.model().to_owned(), number, role, phase, weight }
    }

    /// The state of the next generation with `placed`, under a new release.
    pub(crate) fn next(&self, placed: Vec<Placed>) -> EnvironmentState {
        let generation = self.environment.state.generation + 1;
        EnvironmentState { generation, release: Some(ReleaseId::new(&*self.clock)), placed }
    }

    /// Makes `state` the wanted one.
    pub(crate) fn want(&mut self, state: EnvironmentState) {
        let mut environment = self.environment.clone();
        environment.state = state;
        let change = Change {
            environment,
            release: None,
            aliases: vec![],
            event: "environment.changed",
            cause: "a test".to_owned(),
            details: serde_json::Value::Null,
        };
        let actor = self.actor();
        self.environment = self.runtime.block_on(self.home.environments.change(&change, &actor)).unwrap();
    }

    /// One version serves; the others of `warm` stay loaded.
    pub(crate) fn serve(&mut self, number: u32, warm: &[u32]) {
        let mut placed = vec![self.placed(number, Role::Stable, Phase::Serve, 1.0)];
        placed.extend(warm.iter().map(|number| self.placed(*number, Role::Stable, Phase::Warm, 0.0)));
        let state = self.next(placed);
        self.want(state);
    }

    /// A data plane; it answers once it has something to answer with.
    pub(crate) fn start(&self, more: &[&str]) -> Server {
        let environment = self.environment.id.to_string();
        let home = self.project.home();
        let args = ["--home", home.to_str().unwrap(), "serve", "--environment", &environment];
        Server::of(self.project.command(&[&args[..], more].concat()), self.project.beside("plane.log"))
    }

    /// The last report of every boot, oldest first.
    pub(crate) fn reports(&self) -> Vec<ReplicaReport> {
        self.runtime.block_on(self.home.observations.reports(&self.environment.id)).unwrap()
    }

    /// The newest report, once it `is_so`.
    #[track_caller]
    pub(crate) fn report(&self, what: &str, is_so: impl Fn(&ReplicaReport) -> bool) -> ReplicaReport {
        let began = Instant::now();
        loop {
            let newest = self.reports().pop();
            match newest {
                Some(report) if is_so(&report) => return report,
                other => {
                    assert!(began.elapsed() < Duration::from_secs(120), "no report of {what}: {other:?}")
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the newest report says that the wanted generation is followed, with all it wants.
    #[track_caller]
    pub(crate) fn is_followed(&self) {
        let state = &self.environment.state;
        self.report("the newest state", |report| {
            report.generation == state.generation
                && state.wanted().all(|placed| report.ready.contains(&placed.package))
        });
    }

    /// What served, as the home keeps it: generation and package.
    pub(crate) fn served(&self) -> Vec<(u64, Digest)> {
        let served = self.runtime.block_on(self.home.observations.served(&self.environment.id)).unwrap();
        served.into_iter().map(|span| (span.generation, span.package)).collect()
    }
}
