//! Application testing: a deployed version is asked over HTTP in its test environment, with the very
//! package that will be released.
//!
//! ```text
//! golden       the package's own golden rows
//! parity       every row of the sealed test part, against the answers given when the model was tested
//! hostile      bodies that are wrong in every way the signature knows of, and a few more
//! robustness   small changes and missing values: how far answers move
//! load         the declared rate, open loop
//! startup      from a replica's start to its first proven answer
//! command      the project's own test
//! ```
//!
//! To add a check: a file here with a [`Check`], a line in [`all`]. What checks know of HTTP is
//! [`endpoint::Endpoint`].

mod asking;
mod command;
pub mod endpoint;
mod golden;
mod hostile;
mod load;
mod parity;
mod progress;
mod replicas;
mod robustness;
mod startup;
mod subject;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use modelyard_core::clock::Clock;
use modelyard_core::deploy::{Environment, Facts, Release};
use modelyard_core::fault::Attempt;
use modelyard_core::ports::Home;
use modelyard_core::{Digest, Kind, Result};
use modelyard_evaluate::application::{
    ApplicationReport, CheckResult, Example, Group, LoadResult, Outcome, Robustness,
};

use super::{Tested, Tester};
use crate::workshop::Settings;
use endpoint::{Address, Connect, Endpoint};
use progress::Progress;
use subject::Subject;

/// Failing cases that a report shows, of each check.
const EXAMPLES: usize = 5;

/// Tests what is deployed in an environment.
pub struct ApplicationTests {
    pub home: Home,
    pub clock: Arc<dyn Clock>,
    pub connect: Arc<dyn Connect>,
    pub settings: Settings,
    /// Of this program's file.
    pub program: Digest,
    /// `None`: it is found where the package needs it.
    pub onnx_library: Option<Digest>,
}

/// One kind of test.
#[async_trait]
trait Check: Send + Sync {
    fn name(&self) -> &'static str;

    /// Whether there is anything to test.
    fn applies(&self, _bench: &Bench<'_>) -> bool {
        true
    }

    /// # Errors
    /// If it can't be told how the version does.
    async fn run(&self, bench: &Bench<'_>) -> Result<Found>;
}

/// In the order in which they run: what is quick and what others rely on first.
fn all() -> [&'static dyn Check; 7] {
    [
        &golden::GoldenRows,
        &parity::Parity,
        &hostile::Hostile,
        &startup::Startup,
        &robustness::RobustnessCheck,
        &load::LoadCheck,
        &command::OwnCommand,
    ]
}

/// What a check works with.
struct Bench<'a> {
    home: &'a Home,
    settings: &'a Settings,
    clock: &'a dyn Clock,
    environment: &'a Environment,
    subject: &'a Subject,
    endpoint: Arc<dyn Endpoint>,
    /// How long an answer is waited for.
    patience: Duration,
    progress: &'a Progress,
}

impl Bench<'_> {
    fn done(&self, done: usize, of: usize) {
        self.progress.done(done as u64, of as u64);
    }
}

/// What a check found.
struct Found {
    outcome: Outcome,
    sentence: String,
    wanted: Option<String>,
    cases: u64,
    failed: u64,
    examples: Vec<Example>,
    groups: Vec<Group>,
    output: Option<String>,
    load: Option<LoadResult>,
    robustness: Option<Robustness>,
}

impl Found {
    fn new(outcome: Outcome, sentence: impl Into<String>) -> Self {
        Self {
            outcome,
            sentence: sentence.into(),
            wanted: None,
            cases: 0,
            failed: 0,
            examples: Vec::new(),
            groups: Vec::new(),
            output: None,
            load: None,
            robustness: None,
        }
    }

    fn result(self, check: &'static str, took: Duration) -> CheckResult {
        CheckResult {
            name: check.to_owned(),
            outcome: self.outcome,
            sentence: self.sentence,
            wanted: self.wanted,
            cases: self.cases,
            failed: self.failed,
            examples: self.examples,
            groups: self.groups,
            output: self.output,
            seconds: took.as_secs_f64(),
        }
    }
}

/// Beyond what a model may take over a batch: for the way there and back, and a worker's new start.
const MARGIN: Duration = Duration::from_secs(5);

#[async_trait]
impl Tester for ApplicationTests {
    async fn test(&self, environment: &Environment, release: &Release) -> Result<Tested> {
        let began_at = self.clock.now();
        let began = Instant::now();
        let subject = Subject::read(&self.home, release).await?;
        let listen = replicas::address(&self.home, environment, &*self.clock).await?;
        let endpoint = self.connect.connect(&Address {
            listen,
            model: subject.model.clone(),
            number: subject.number,
            classes: subject.manifest.classes.clone(),
        })?;
        let progress = Progress::new(Arc::clone(&self.home.observations), release);
        let bench = Bench {
            home: &self.home,
            settings: &self.settings,
            clock: &*self.clock,
            environment,
            subject: &subject,
            endpoint,
            patience: Duration::from_secs_f64(environment.spec.limits.timeout_secs.clamp(0.0, 3600.0))
                + MARGIN,
            progress: &progress,
        };
        let mut checks = Vec::new();
        let (mut load, mut robustness) = (None, None);
        for check in all() {
            if !check.applies(&bench) {
                continue;
            }
            progress.began(check.name());
            let began = Instant::now();
            let mut found = check.run(&bench).await?;
            load = load.or_else(|| found.load.take());
            robustness = robustness.or_else(|| found.robustness.take());
            let result = found.result(check.name(), began.elapsed());
            progress.finished(&result);
            checks.push(result);
        }
        let url = bench.endpoint.url();
        progress.end().await;
        // Those it is tested under, whatever was so when the release began.
        let needs_onnx = subject.manifest.stages.iter().any(|stage| stage.runtime.name() == "onnx");
        let onnx_library = match self.onnx_library {
            None if needs_onnx => Some(self.settings.find_onnx_library(&|_| {}).await?.digest),
            known => known,
        };
        let program = replicas::program(&self.home, environment, &*self.clock, subject.package).await?;
        let facts = Facts::of(&environment.spec, program.unwrap_or(self.program), onnx_library);
        let report = ApplicationReport {
            version: ApplicationReport::VERSION,
            model: subject.model.clone(),
            number: subject.number,
            package: subject.package,
            runtime: subject.manifest.stages.first().map_or("", |stage| stage.runtime.name()).to_owned(),
            environment: environment.id.to_string(),
            release: release.id.to_string(),
            url,
            began_at,
            seconds: began.elapsed().as_secs_f64(),
            verdict: ApplicationReport::judge(&subject.title(), &environment.id.name, &checks),
            checks,
            load,
            robustness,
            facts: facts.clone(),
        };
        let bytes = serde_json::to_vec(&report)
            .attempt(Kind::Internal, || "cannot write the report of application tests as JSON".to_owned())?;
        let digest = self.home.blobs.put(&bytes).await?;
        Ok(Tested { report: digest, passed: report.passed(), failures: report.failures(), facts })
    }
}
