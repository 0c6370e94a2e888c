//! A project `prices` whose home holds three runs, as builds would have left them.
//!
//! The first registered `house-prices@1` after a search of two trials, the second was stopped by a
//! gate, the third was killed. All happened in March 2020, so that every text is the same each day.

mod records;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use modelyard_core::action::{
    Action, ActionKey, ActionKind, ActionResult, Command, Sandbox, SandboxMode, Trust, Usage,
};
use modelyard_core::audit::Actor;
use modelyard_core::config::{Gates, Task, Test};
use modelyard_core::data::{DataVersion, Loss, Part, PartContent, Roles, SourceFile, SourceState};
use modelyard_core::id::RunId;
use modelyard_core::model::NewVersion;
use modelyard_core::outcome::{DataOutcome, Outcome};
use modelyard_core::package::{
    Answer, Golden, Input, Manifest, OnnxOrigin, Predictions, Provenance, Runtime, Signature, Stage,
    TrainingProfile,
};
use modelyard_core::ports::Home;
use modelyard_core::run::{Commit, Run, RunKind, RunStatus, SNAPSHOT_CONFIG};
use modelyard_core::table::{DataType, Field, Table};
use modelyard_core::tree::{Tree, TreeFile};
use modelyard_core::{Clock, Digest, Timestamp};
use modelyard_evaluate::report::{self, DataFacts, ModelFacts, Packaging, Report};
use modelyard_evaluate::{Baseline, Champion, Evidence, Truth, evaluate, wanted_metrics};
use serde_json::{Value, json};
use tempfile::TempDir;

use records::{gate, of_result, part, run};

const PROJECT: &str = r#"
[project]
name = "prices"
task = "regression"
target = "price"

[data.houses]
sources.houses = "houses.csv"
split = { method = "random", test = 0.2 }

[train]
run = "python train.py --train {data.houses.train} --model {model} --depth {params.depth}"
code = ["train.py"]
params = { depth = 3 }

[train.search]
method = "grid"
metric = "validation.rmse"
goal = "minimize"
space = { depth = [3, 5] }

[register]
name = "house-prices"
"#;

/// The project's folder and the ids of its runs.
pub(crate) struct Prepared {
    folder: TempDir,
    pub(crate) registered: RunId,
    pub(crate) stopped: RunId,
    pub(crate) killed: RunId,
    /// The step `train` of the first run, and its trials.
    pub(crate) train: RunId,
    pub(crate) trials: [RunId; 2],
}

impl Prepared {
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.path().join(".modelyard")
    }
}

/// An empty project.
pub(crate) fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("modelyard.toml"), PROJECT).unwrap();
    std::fs::write(folder.path().join("houses.csv"), "area,price\n50,100\n").unwrap();
    std::fs::write(folder.path().join("train.py"), "").unwrap();
    folder
}

pub(crate) fn prepare() -> Prepared {
    let folder = project();
    let clock = Fixed::at(0, 0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let home = modelyard_store::open(&folder.path().join(".modelyard"), Arc::new(clock)).await.unwrap();
        let maker = Maker { home, scratch: folder.path().join("scratch") };
        let first = maker.first().await;
        let stopped = maker.second().await;
        let killed = maker.third().await;
        std::fs::remove_dir_all(&maker.scratch).unwrap();
        let [registered, train, one, two] = first;
        Prepared { folder, registered, stopped, killed, train, trials: [one, two] }
    })
}

/// Minute `minute` of an hour in March 2020; ids of one minute differ by `number`.
struct Fixed {
    minute: i64,
    number: u128,
}

impl Fixed {
    fn at(minute: i64, number: u128) -> Self {
        Self { minute, number }
    }

    fn id(minute: i64, number: u128) -> RunId {
        RunId::new(&Self::at(minute, number))
    }
}

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        // 2020-03-14T09:00:00Z
        Timestamp::from_micros((1_584_176_400 + 60 * self.minute) * 1_000_000)
    }

    fn entropy(&self) -> u128 {
        // The highest bits come first in an id.
        self.number << 70
    }
}

struct Maker {
    home: Home,
    scratch: PathBuf,
}

impl Maker {
    /// `house-prices@1`.
    async fn first(&self) -> [RunId; 4] {
        let id = Fixed::id(1, 0);
        let data = self.data().await;
        let (three, five) = (self.trained(3, 31.5, "a").await, self.trained(5, 29.25, "a").await);
        let package = self.package(&five).await;
        let report = self.report(package, &[110.0, 190.0, 310.0], None).await;
        let outcome = Outcome {
            data: BTreeMap::from([("houses".to_owned(), data)]),
            actions: vec![("train".to_owned(), three.key), ("train".to_owned(), five.key)],
            training: Some(five.key),
            params: five.action.params.clone(),
            package: Some(package),
            runtime: Some("onnx".into()),
            report: Some(report),
            gates: vec![gate(true, "57.735", "10.000")],
            model: Some("house-prices@1".into()),
            ..Outcome::default()
        };
        let mut run = run(id, RunKind::Pipeline, "run", None, 1);
        run.params = outcome.params.clone();
        run.outcome = json!(outcome);
        run.trust = Some(Trust::full());
        run.snapshot = Some(self.snapshot().await);
        let commit = "4f1c2aa0b3d94e3ea2b5d2a1f0c9e8d7b6a59483";
        run.source = Some(Commit {
            id: commit.into(),
            branch: Some("main".into()),
            difference: Some(self.home.blobs.put(b"--- a\n+++ b\n").await.unwrap()),
        });
        self.save(&run).await;
        let key = Some(ActionKey(Digest::of(b"ingestion")));
        let houses = Run { cached: true, key, ..part(id, 1, "houses", 1) };
        self.save(&houses).await;
        let train = of_result(part(id, 2, "train", 1), &five);
        self.save(&train).await;
        let mut trials = Vec::new();
        for (number, result) in [(3, &three), (4, &five)] {
            let mut trial = of_result(part(train.id, number, &format!("trial {}", number - 2), 1), result);
            trial.kind = RunKind::Trial;
            self.save(&trial).await;
            trials.push(trial.id);
        }
        self.save(&part(id, 5, "test", 1)).await;
        let new = NewVersion {
            name: "house-prices".into(),
            package,
            runtime: "onnx".into(),
            project: Some("prices".into()),
            run: Some(id),
            report: Some(report),
            metric: Some(("rmse".into(), 10.0)),
            alias: Some("champion".into()),
        };
        let actor = Actor { name: "ada".into(), at: Fixed::at(2, 0).now() };
        self.home.models.register(&new, &actor).await.unwrap();
        [id, train.id, trials[0], trials[1]]
    }

    /// Stopped by a gate: other code, another depth, worse.
    async fn second(&self) -> RunId {
        let id = Fixed::id(10, 0);
        let data = DataOutcome { number: 1, digest: Digest::of(b"houses"), rows: 15, sources: 1 };
        let seven = self.trained(7, 35.0, "b").await;
        let package = Digest::of(b"another package");
        let report = self.report(package, &[150.0, 250.0, 350.0], Some(10.0)).await;
        let outcome = Outcome {
            data: BTreeMap::from([("houses".to_owned(), data)]),
            actions: vec![("train".to_owned(), seven.key)],
            training: Some(seven.key),
            params: seven.action.params.clone(),
            package: Some(package),
            runtime: Some("onnx".into()),
            report: Some(report),
            gates: vec![gate(false, "10.000", "50.000")],
            ..Outcome::default()
        };
        let mut run = run(id, RunKind::Pipeline, "run", None, 10);
        run.status = RunStatus::Failed;
        run.params = outcome.params.clone();
        run.outcome = json!(outcome);
        run.error = Some("gate failed: champion; nothing was registered".into());
        let reasons = vec!["sandbox = \"off\"".to_owned()];
        run.trust = Some(Trust { enforced: false, reasons, inputs_complete: false, sealed: false });
        self.save(&run).await;
        self.save(&of_result(part(id, 1, "train", 10), &seven)).await;
        let mut test = part(id, 2, "test", 10);
        test.status = RunStatus::Failed;
        test.error = run.error.clone();
        self.save(&test).await;
        id
    }

    /// Killed in training.
    async fn third(&self) -> RunId {
        let id = Fixed::id(20, 0);
        let mut run = run(id, RunKind::Pipeline, "run", None, 20);
        run.status = RunStatus::Running;
        run.ended_at = None;
        self.save(&run).await;
        id
    }

    async fn save(&self, run: &Run) {
        self.home.runs.save(run).await.unwrap();
    }

    async fn data(&self) -> DataOutcome {
        let field = |name: &str| Field { name: name.into(), data_type: DataType::Float, nullable: false };
        let content = |rows: u64, name: &str| PartContent {
            digest: Digest::of(name.as_bytes()),
            content: Digest::of(name.as_bytes()),
            size_bytes: 10 * rows,
            rows,
        };
        let profile = json!({"version": 1, "rows": 15, "columns": []});
        let version = DataVersion {
            version: 1,
            name: "houses".into(),
            digest: Digest::of(b"houses"),
            schema: vec![field("area"), field("price")],
            rows: 15,
            roles: Roles::default(),
            split: BTreeMap::from([(Part::Train, content(12, "train")), (Part::Test, content(3, "test"))]),
            profile: self.home.blobs.put(profile.to_string().as_bytes()).await.unwrap(),
            sources: vec![SourceState {
                name: "houses".into(),
                path: "houses.csv".into(),
                files: vec![SourceFile {
                    path: "houses.csv".into(),
                    digest: Digest::of(b"file"),
                    size_bytes: 1_234,
                }],
                rows: 16,
                schema: vec![field("area"), field("price")],
            }],
            losses: vec![Loss {
                operation: "filter".into(),
                on: "price > 0".into(),
                rows_in: 16,
                rows_out: 15,
            }],
            remarks: Vec::new(),
        };
        let numbered = self.home.data.record("prices", &version, Fixed::at(1, 0).now()).await.unwrap();
        DataOutcome { number: numbered.number, digest: numbered.data.digest, rows: 15, sources: 1 }
    }

    async fn trained(&self, depth: i64, rmse: f64, code: &str) -> ActionResult {
        let text = format!("# {code}\nprint('training')\n");
        let digest = self.home.blobs.put(text.as_bytes()).await.unwrap();
        let file =
            TreeFile { path: "train.py".into(), digest, size_bytes: text.len() as u64, executable: false };
        let code = self.home.blobs.put(&Tree::new([file]).bytes()).await.unwrap();
        let command = Command {
            result_version: 1,
            words: ["python", "train.py"].map(str::to_owned).into(),
            outputs: BTreeMap::new(),
            variables: BTreeMap::new(),
            secrets: Vec::new(),
            sandbox: Sandbox { mode: SandboxMode::On, network: false, read: BTreeMap::new() },
            threads: 2,
            seed: 0,
            refit: false,
        };
        let action = Action {
            version: 1,
            kind: ActionKind::Command(command),
            params: BTreeMap::from([("depth".to_owned(), depth.into())]),
            inputs: BTreeMap::from([("data.houses.train".to_owned(), Digest::of(b"train"))]),
            code: Some(code),
            environment: Some(Digest::of(b"environment")),
        };
        let log = format!("depth {depth}\nrmse {rmse}");
        let result = ActionResult {
            version: 1,
            key: action.key(),
            action,
            outputs: BTreeMap::new(),
            metrics: BTreeMap::from([("validation.rmse".to_owned(), rmse)]),
            facts: Value::Null,
            log: Some(self.home.blobs.put(log.as_bytes()).await.unwrap()),
            usage: Usage { wall_ms: 1_400, cpu_ms: 2_600, peak_memory_bytes: 148_000_000 },
            trust: Trust::full(),
            remarks: Vec::new(),
            finished_at: Fixed::at(1, 0).now(),
        };
        self.home.results.put(&result).await.unwrap();
        result
    }

    /// A package folder that proves itself; nobody asks the model in it.
    async fn package(&self, trained: &ActionResult) -> Digest {
        let folder = self.scratch.join("package");
        std::fs::create_dir_all(folder.join("model")).unwrap();
        std::fs::write(folder.join("model/model.onnx"), "a graph").unwrap();
        let manifest = Manifest {
            version: 1,
            task: Task::Regression,
            target: "price".into(),
            stages: vec![Stage {
                name: "model".into(),
                runtime: Runtime::Onnx {
                    file: "model/model.onnx".into(),
                    origin: OnnxOrigin::Exported,
                    library_version: "1.21.0".into(),
                    library_digest: Digest::of(b"library"),
                },
            }],
            signature: Signature {
                inputs: vec![Input {
                    name: "area".into(),
                    data_type: DataType::Float,
                    dtype: "float64".into(),
                    nullable: false,
                    unseen: true,
                    categories: Vec::new(),
                }],
                series: false,
                ignored: Vec::new(),
                meta: Vec::new(),
            },
            classes: Vec::new(),
            class_type: DataType::String,
            positive: None,
            tolerance: 1e-9,
            provenance: Provenance {
                training: trained.key.0,
                data: BTreeMap::new(),
                code: trained.action.code,
                environment: trained.action.environment,
                params: trained.action.params.clone(),
            },
        };
        let row = json!({"area": 50.0}).as_object().unwrap().clone();
        let answer = Answer { prediction: json!(100.0), probabilities: None };
        let golden = Golden { version: 1, rows: vec![row], answers: vec![answer] };
        let profile = TrainingProfile { version: 1, inputs: Vec::new(), outputs: Vec::new() };
        modelyard_deploy::package::write(&folder, &manifest, &golden, &profile).unwrap();
        self.home.blobs.put_folder(&folder).await.unwrap().digest()
    }

    /// The report of these answers to rows whose prices are 100, 200 and 300.
    async fn report(&self, package: Digest, answers: &[f64], champion: Option<f64>) -> Digest {
        let truth = Truth::Values(vec![100.0, 200.0, 300.0]);
        let champion = champion.map(|by| Predictions::Values(vec![100.0 + by, 200.0 - by, 300.0 + by]));
        let test = Test {
            data: None,
            metrics: vec!["rmse".into(), "r2".into()],
            gates: Gates::default(),
            slices: Vec::new(),
        };
        let evaluation = evaluate(&Evidence {
            truth: &truth,
            predictions: &Predictions::Values(answers.to_vec()),
            table: &Table::new(),
            metrics: &wanted_metrics(&test, Task::Regression, 0).unwrap(),
            slices: &[],
            baseline: Some(&Baseline::fit(&Truth::Values(vec![150.0, 250.0])).unwrap()),
            champion: match &champion {
                Some(predictions) => Champion::Answers { name: "house-prices@1", predictions },
                None => Champion::None,
            },
            seed: 0,
        })
        .unwrap();
        let model = ModelFacts {
            name: "house-prices".into(),
            number: None,
            run: None,
            target: "price".into(),
            tested_at: None,
        };
        let data = DataFacts {
            version: "houses@1".into(),
            split: None,
            train_rows: Some(12),
            sealed: true,
            test_uses: 1,
        };
        let provenance = report::Provenance { package: Some(package), ..report::Provenance::default() };
        let packaging = Packaging { runtime: "onnx".into(), ..Packaging::default() };
        let report = Report::new(model, data, evaluation, Vec::new(), packaging, provenance);
        self.home.blobs.put(&serde_json::to_vec(&report).unwrap()).await.unwrap()
    }

    /// A snapshot that holds the checked configuration alone.
    async fn snapshot(&self) -> Digest {
        let project = json!({
            "name": "prices", "task": "regression", "target": "price", "classes": null, "positive": null,
            "python": {"requirements": null, "version": null}, "data": {}, "steps": {},
            "train": {
                "step": {
                    "run": ["python", "train.py"], "code": ["train.py"], "outputs": {}, "params": {"depth": 3, "limit": null},
                    "env": {}, "secrets": [], "threads": 2, "seed": 0, "timeout_secs": null,
                    "sandbox": {"on": true, "network": false, "read": []}, "gate": false,
                },
                "refit": false,
                "search": {
                    "method": "grid", "metric": "validation.rmse", "goal": "minimize",
                    "space": {"depth": {"choices": [3, 5]}}, "trials": null, "seed": 0,
                },
            },
            "test": {"data": null, "metrics": [], "gates": {"bounds": {}, "baseline": null, "champion": "better"}, "slices": []},
            "package": {"runtime": "auto", "tolerance": 1e-9, "features": null, "entry": null, "code": null},
            "register": "house-prices",
        });
        let bytes = project.to_string().into_bytes();
        let digest = self.home.blobs.put(&bytes).await.unwrap();
        let file = TreeFile {
            path: SNAPSHOT_CONFIG.into(),
            digest,
            size_bytes: bytes.len() as u64,
            executable: false,
        };
        self.home.blobs.put(&Tree::new([file]).bytes()).await.unwrap()
    }
}
