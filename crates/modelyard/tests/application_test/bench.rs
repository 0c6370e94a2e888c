//! A project with a version that can be told to be bad, a server, and the tester of the binary's own parts.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;

use modelyard_core::deploy::environment::{Approvals, Load, TargetKind, Tests};
use modelyard_core::deploy::{
    Environment, EnvironmentId, EnvironmentSpec, Facts, Judge, Release, ReleaseId, ReleaseKind,
    ReleaseStatus, Strategy, StrategyKind, TestFinished,
};
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Digest, Timestamp};
use modelyard_evaluate::ApplicationReport;
use modelyard_evaluate::application::Outcome;
use modelyard_lifecycle::Settings;
use modelyard_lifecycle::deploy::Tester;
use modelyard_lifecycle::deploy::application_test::ApplicationTests;
use serde_json::Value;

use super::hostile::Project;

/// How the version answers, by the size of a file that it looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mode {
    Good = 0,
    SwappedClasses = 1,
    Nan = 2,
    CrashesOnARow = 3,
    Slow = 4,
    Constant = 5,
    HangsOnARow = 6,
    FailsOnWhatItNeverSaw = 7,
}

const TOML: &str = r#"[project]
name = "shop"
task = "classification"
target = "bought"

[data.visits]
format = "csv"
split = { method = "random", seed = 1, test = 0.25, validation = 0.25 }
roles = { private = ["visitor"] }
sources.visits = "data/visits.csv"

[train]
run = "python3 train.py {model}"
code = ["train.py"]

[test]
metrics = ["accuracy"]

[register]
name = "buyers"
"#;

const TRAIN: &str = r#"import json, sys
model = sys.argv[1]
json.dump(["no", "yes"], open(model + "/classes.json", "w"))
open(model + "/predict.py", "w").write(PREDICT)
"#;

const PREDICT: &str = r#"import math, os, time

KINDS = {"red": 0.5, "green": -0.5, "blue": 0.1}

def load(folder):
    return None

def mode():
    try:
        return os.path.getsize("@FLAG@")
    except OSError:
        return 0

def predict(state, table):
    mode_now = mode()
    if mode_now == 4:
        time.sleep(0.4)
    answers = []
    for price, pages, kind in zip(table["price"], table["pages"], table["kind"]):
        if mode_now == 3 and price is not None and price > 9:
            os._exit(3)
        while mode_now == 6 and price is not None and price > 9:
            time.sleep(1)
        if mode_now == 7 and kind is not None:
            KINDS[kind]
        score = (5 if price is None else price) - 5 + (pages or 0) / 100 + KINDS.get(kind, 0.0)
        yes = 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
        if mode_now == 1:
            yes = 1 - yes
        if mode_now == 2 and kind == "blue":
            yes = math.nan
        if mode_now == 5:
            yes = 0.25
        answers.append({"no": 1 - yes, "yes": yes})
    return answers
"#;

pub(crate) struct Bench {
    pub(crate) project: Project,
    flag: PathBuf,
    server: Child,
    listen: String,
}

impl Bench {
    /// Version 1 of the project is registered, and a plain `serve` answers with it.
    pub(crate) fn new() -> Self {
        let project = Project::new("");
        let flag = project.root().join("mode");
        let predict = PREDICT.replace("@FLAG@", flag.to_str().unwrap());
        project.write("modelyard.toml", TOML);
        project.write("data/visits.csv", &visits());
        project.write("train.py", &TRAIN.replace("PREDICT", &format!("'''{predict}'''")));
        project.succeeds(&["run"]);
        let mut server = project
            .command(&["serve", "buyers@1", "--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = serde_json::Deserializer::from_reader(server.stdout.take().unwrap());
        let ready: Value = said.into_iter().next().unwrap().unwrap();
        let listen = ready["listen"].as_str().unwrap().to_owned();
        Self { project, flag, server, listen }
    }

    /// Runs all tests while the version answers as `mode` says.
    pub(crate) fn test(&self, mode: Mode, tests: Tests) -> (ApplicationReport, Vec<TestFinished>) {
        std::fs::write(&self.flag, vec![0; mode as usize]).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let report = runtime.block_on(self.run(tests));
        std::fs::remove_file(&self.flag).unwrap();
        report
    }

    async fn run(&self, tests: Tests) -> (ApplicationReport, Vec<TestFinished>) {
        let clock: Arc<dyn Clock> = Arc::new(TestClock);
        let home = modelyard_store::open_existing(&self.project.home(), clock.clone()).await.unwrap();
        let version = home.models.resolve(&"buyers@1".parse().unwrap()).await.unwrap().unwrap();
        let tester = ApplicationTests {
            home: home.clone(),
            clock: clock.clone(),
            connect: Arc::new(modelyard_http::client::HttpConnect),
            settings: self.settings(),
            program: Digest::of(b"program"),
            onnx_library: None,
        };
        let environment = environment(&self.listen, tests);
        let release = release(&environment, version.package, &*clock);
        let tested = tester.test(&environment, &release).await.unwrap();
        let report = read(&home, tested.report).await;
        assert_eq!(tested.passed, report.passed());
        assert_eq!(tested.facts, Facts::of(&environment.spec, Digest::of(b"program"), None));
        assert_eq!(tested.failures, report.failures());
        let told = home.observations.tests(&environment.id).await.unwrap().unwrap();
        assert_eq!((told.release, told.running), (release.id, None));
        (report, told.finished)
    }

    fn settings(&self) -> Settings {
        Settings {
            actor: "ada".into(),
            cache: self.project.root().join("../cache/modelyard"),
            onnx_library: None,
            force: Default::default(),
            accept_champion: false,
            aliases: Vec::new(),
            config_text: String::new(),
            command: "modelyard".into(),
            triggered: None,
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

async fn read(home: &Home, report: Digest) -> ApplicationReport {
    let bytes = home.blobs.get(report).await.unwrap().unwrap();
    ApplicationReport::from_json(&bytes).unwrap()
}

/// A mild load with a limit that only a slow version breaks.
pub(crate) fn load() -> Load {
    Load { rate: 40.0, seconds: 2.0, p95_ms: Some(350.0), p99_ms: None, errors: 0.0 }
}

fn environment(listen: &str, tests: Tests) -> Environment {
    let spec = EnvironmentSpec {
        runs_on: TargetKind::Process,
        listen: listen.to_owned(),
        replicas: 1,
        requires: None,
        approvals: Approvals::default(),
        strategy: strategy(),
        tests,
        limits: modelyard_core::deploy::environment::Limits { timeout_secs: 1.0, ..Default::default() },
        python: None,
        sandbox: true,
        batch: Default::default(),
        env: Default::default(),
    };
    Environment::new(EnvironmentId { project: "shop".into(), name: "staging".into() }, spec)
}

fn strategy() -> Strategy {
    Strategy { kind: StrategyKind::AllAtOnce, weights: Vec::new(), judge: Judge::default() }
}

fn release(environment: &Environment, package: Digest, clock: &dyn Clock) -> Release {
    Release {
        version: 1,
        id: ReleaseId::new(clock),
        environment: environment.id.clone(),
        kind: ReleaseKind::Deploy,
        model: "buyers".into(),
        number: 1,
        package,
        strategy: strategy(),
        status: ReleaseStatus::Testing,
        step: 0,
        step_since: clock.now(),
        step_counts: Default::default(),
        slow: Default::default(),
        before: Default::default(),
        by: "ada".into(),
        cause: "asked for".into(),
        began_at: clock.now(),
        ended_at: None,
        decisions: Vec::new(),
        report: None,
        passed: None,
        reason: None,
        wish: None,
        wished_by: None,
        // As they were when it began.
        facts: Some(Facts::of(&environment.spec, Digest::of(b"another program"), None)),
    }
}

/// 400 visits; who came is private.
fn visits() -> String {
    let mut text = "visitor,price,pages,kind,bought\n".to_owned();
    for number in 0..400_u32 {
        let price = f64::from(number * 37 % 1000) / 100.0;
        let kind = ["red", "green", "blue"][number as usize % 3];
        let bought = if price + f64::from(number % 7) / 3.0 > 6.0 { "yes" } else { "no" };
        text.push_str(&format!("visitor-{number:04},{price},{},{kind},{bought}\n", number * 13 % 600));
    }
    text
}

/// The machine's time; ids need no chance here.
struct TestClock;

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        #[allow(clippy::disallowed_methods, reason = "the clock that is handed to everything")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(since.as_micros() as i64)
    }

    fn entropy(&self) -> u128 {
        7
    }
}

/// Names of the checks that failed.
pub(crate) fn failed(report: &ApplicationReport) -> Vec<&str> {
    let failed = report.checks.iter().filter(|check| check.outcome == Outcome::Failed);
    failed.map(|check| check.name.as_str()).collect()
}

/// Every check on a line, for a test that fails.
pub(crate) fn text(report: &ApplicationReport) -> String {
    let mut text = format!("{}\n", report.verdict.sentence);
    for check in &report.checks {
        text.push_str(&format!(
            "{:?} {}: {} ({:.1} s)\n",
            check.outcome, check.name, check.sentence, check.seconds
        ));
        for example in &check.examples {
            text.push_str(&format!(
                "    {}: wanted {}, got {}; sent {}\n",
                example.what, example.wanted, example.got, example.sent
            ));
        }
    }
    text
}
