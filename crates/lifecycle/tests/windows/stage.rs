//! A home with a version that learnt from January to April, and weeks to log. The package has a manifest alone: what
//! is compared here are its inputs, and its answers are those of a rule.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its home fails")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use modelyard_core::audit::Actor;
use modelyard_core::data::{DataVersion, Part, PartContent, Roles};
use modelyard_core::deploy::environment::{Approvals, Batch, Limits, TargetKind, Tests};
use modelyard_core::deploy::{
    Applied, Environment, EnvironmentId, EnvironmentSpec, Judge, Phase, Placed, Role, Strategy, StrategyKind,
};
use modelyard_core::id::RunId;
use modelyard_core::model::NewVersion;
use modelyard_core::monitor::{
    Decay, Drift, LogSpec, Missed, MonitorSpec, NewSegment, Origin, Segment, Then, TriggerSpec, WindowRecord,
};
use modelyard_core::ports::Home;
use modelyard_core::run::{Run, RunKind, RunStatus};
use modelyard_core::table::{Column, Field, Table};
use modelyard_core::{Clock, Digest, Timestamp};
use modelyard_data::SegmentWriter;
use modelyard_lifecycle::Settings;
use modelyard_lifecycle::monitor::{Duty, Windows};
use modelyard_pipeline::{Engine, Mode};
use serde_json::{Value, json};
use tempfile::TempDir;

const WEEK_MICROS: i64 = 7 * 86_400_000_000;
/// The year 2100.
pub(crate) const FUTURE_MICROS: i64 = 4_102_444_800_000_000;
/// Train and validation of January to April: nine tenths, by time.
const LEARNT: usize = 35_183 * 9 / 10;

/// A clock that moves by a second a look.
struct Hand {
    micros: AtomicI64,
    drawn: AtomicU64,
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.load(Relaxed))
    }

    fn entropy(&self) -> u128 {
        self.drawn.fetch_add(1, Relaxed).into()
    }
}

pub(crate) struct Stage {
    pub(crate) home: Home,
    pub(crate) id: EnvironmentId,
    clock: Arc<Hand>,
    windows: Windows,
    package: Digest,
    folder: TempDir,
    files: AtomicU64,
}

pub(crate) fn day(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn date(at: Timestamp) -> String {
    at.to_string()[..10].to_owned()
}

pub(crate) fn prediction_id(week: usize, row: usize) -> String {
    format!("{week}/{row}")
}

/// The example's year in the order of time, as its query makes it: times, and columns.
fn year() -> &'static (Vec<i64>, Table) {
    static YEAR: OnceLock<(Vec<i64>, Table)> = OnceLock::new();
    YEAR.get_or_init(|| {
        let python = std::env::var("MODELYARD_TEST_PYTHON")
            .expect("MODELYARD_TEST_PYTHON must name a Python; `make test` sets it");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../monitor/tests/year.py");
        let output = Command::new(python).arg(script).output().expect("the interpreter starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let year: Value = serde_json::from_slice(&output.stdout).unwrap();
        let columns: BTreeMap<String, Vec<Value>> = serde_json::from_value(year["columns"].clone()).unwrap();
        let mut table = Table::new();
        for (name, values) in columns {
            let column = if values.iter().any(Value::is_string) {
                Column::String(values.iter().map(|value| value.as_str().map(str::to_owned)).collect())
            } else {
                Column::Float(values.iter().map(Value::as_f64).collect())
            };
            table.push(name, column);
        }
        (serde_json::from_value(year["time"].clone()).unwrap(), table)
    })
}

/// The rows of week `week`, counted from Monday, 31 December 2012.
fn of_week(week: usize) -> std::ops::Range<usize> {
    let begin = day("2012-12-31").micros() + week as i64 * WEEK_MICROS;
    let row = |micros| year().0.partition_point(|time| *time < micros);
    row(begin)..row(begin + WEEK_MICROS)
}

impl Stage {
    pub(crate) async fn new() -> Self {
        let home = modelyard_store::memory();
        let clock = Arc::new(Hand { micros: day("2026-01-01").micros().into(), drawn: 0.into() });
        let folder = tempfile::tempdir().unwrap();
        let actor = Actor { name: "ada".into(), at: clock.now() };
        let package = package(&home, folder.path().join("package")).await;
        let run = learnt(&home, &*clock, folder.path().join("train.parquet")).await;
        let new = NewVersion {
            name: "late".into(),
            package,
            runtime: "onnx".into(),
            project: Some("flights".into()),
            run: Some(run),
            report: None,
            metric: Some(("accuracy".into(), 0.8)),
            alias: None,
        };
        home.models.register(&new, &actor).await.unwrap();
        let id = EnvironmentId { project: "flights".into(), name: "production".into() };
        apply(&home, &id, package, &actor).await;
        let engine = Engine::new(home.clone(), clock.clone(), Mode::Execute, folder.path().join("steps"), 1);
        let settings = Settings {
            actor: "server".into(),
            cache: folder.path().join("cache"),
            onnx_library: None,
            force: Default::default(),
            accept_champion: false,
            aliases: Vec::new(),
            config_text: String::new(),
            command: String::new(),
            triggered: None,
        };
        let windows = Windows::new(engine, settings);
        Self { home, id, clock, windows, package, folder, files: 0.into() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn look(&self) {
        self.clock.micros.fetch_add(1_000_000, Relaxed);
        self.windows.look().await.unwrap_or_else(|fault| panic!("{}", fault.report()));
    }

    /// Rows `from` to `to` of a week as a data plane logs them.
    pub(crate) fn rows(&self, week: usize, from: usize, to: usize) -> Table {
        let (times, columns) = year();
        let range = of_week(week);
        let (from, to) = (range.start + from, (range.start + to).min(range.end));
        let (count, first) = (to - from, from - range.start);
        let mut rows = Table::new();
        let text =
            |of: &dyn Fn(usize) -> String| Column::String((0..count).map(|row| Some(of(row))).collect());
        rows.push("prediction_id", text(&|row| prediction_id(week, first + row)));
        rows.push("at", Column::Timestamp(vec![Some(self.now().micros()); count]));
        rows.push("latency_ms", Column::Float((0..count).map(|row| Some(1.0 + row as f64 / 1e3)).collect()));
        rows.push("status", text(&|_| "ok".into()));
        rows.push("prediction", text(&|row| u8::from(row.is_multiple_of(3)).to_string()));
        let probability = (0..count).map(|row| Some(if row.is_multiple_of(3) { 0.7 } else { 0.3 }));
        rows.push("probability", Column::Float(probability.collect()));
        rows.push("time_hour", Column::Timestamp(times[from..to].iter().copied().map(Some).collect()));
        for (name, column) in columns.columns() {
            rows.push(name, column.slice(from, to));
        }
        rows
    }

    pub(crate) async fn log(&self, week: usize) {
        self.log_part(week, 0, usize::MAX / 2).await;
    }

    pub(crate) async fn log_part(&self, week: usize, from: usize, to: usize) -> Segment {
        self.add(&self.rows(week, from, to)).await
    }

    /// A segment of ten rows of a week that nobody can read.
    pub(crate) async fn add_damaged(&self, week: usize) {
        let whole = self.log_part(week, 0, 10).await;
        let path = self.folder.path().join("damaged.parquet");
        std::fs::write(&path, "no table").unwrap();
        self.home.log.add(&whole.content, &path, &[whole.number]).await.unwrap();
    }

    pub(crate) async fn add(&self, rows: &Table) -> Segment {
        let path = self.folder.path().join(format!("{}.parquet", self.files.fetch_add(1, Relaxed)));
        let field = |(name, column): (&str, &Column)| Field {
            name: name.to_owned(),
            data_type: column.data_type(),
            nullable: true,
        };
        let fields: Vec<Field> = rows.columns().map(field).collect();
        let mut writer =
            SegmentWriter::create(&path, &fields, |field| field.name == "prediction_id").unwrap();
        writer.write(rows.clone()).unwrap();
        writer.finish().unwrap();
        let Some(Column::Timestamp(times)) = rows.column("time_hour") else { panic!("rows have a time") };
        let times: Vec<i64> = times.iter().flatten().copied().collect();
        let of = |micros: Option<&i64>| Timestamp::from_micros(*micros.unwrap());
        let segment = NewSegment {
            environment: self.id.clone(),
            rows: rows.rows() as u64,
            from: self.now(),
            to: self.now(),
            happened: Some((of(times.iter().min()), of(times.iter().max()))),
            dropped: 0,
            version: Some(1),
            package: Some(self.package),
            compacted: None,
        };
        self.home.log.add(&segment, &path, &[]).await.unwrap()
    }

    pub(crate) async fn windows(&self) -> Vec<WindowRecord> {
        self.home.monitoring.windows(&self.id, None).await.unwrap()
    }

    /// `RULE SUBJECT: MESSAGE` of each.
    pub(crate) async fn open_alerts(&self) -> Vec<String> {
        let alerts = self.home.alerts.alerts("flights", true).await.unwrap();
        alerts.iter().map(|alert| format!("{} {}: {}", alert.rule, alert.subject, alert.message)).collect()
    }
}

/// A package whose model can't be opened: its answers are not compared.
async fn package(home: &Home, folder: PathBuf) -> Digest {
    let inputs: Vec<Value> = year()
        .1
        .columns()
        .map(|(name, column)| {
            let (data_type, dtype) = (column.data_type(), "object");
            json!({"name": name, "type": data_type, "dtype": dtype, "nullable": true, "unseen": true})
        })
        .collect();
    let zeros = "0".repeat(64);
    let manifest = json!({
        "version": 1, "task": "classification", "target": "late",
        "stages": [{"name": "model", "runtime": {
            "type": "onnx", "file": "model/model.onnx", "origin": "exported",
            "library_version": "1.0.0", "library_digest": zeros,
        }}],
        "signature": {"inputs": inputs, "ignored": ["late", "time_hour"]},
        "classes": ["0", "1"], "class_type": "int", "positive": "1", "tolerance": 1e-9,
        "provenance": {"training": zeros, "data": {}, "params": {}},
    });
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("manifest.json"), manifest.to_string()).unwrap();
    home.blobs.put_folder(&folder).await.unwrap().digest()
}

/// A run that learnt from January to April.
async fn learnt(home: &Home, clock: &dyn Clock, path: PathBuf) -> RunId {
    let (times, columns) = year();
    let mut rows = columns.slice(0, LEARNT);
    rows.push("time_hour", Column::Timestamp(times[..LEARNT].iter().copied().map(Some).collect()));
    modelyard_data::write_table(&path, &rows).unwrap();
    let digest = modelyard_data::logical_digest(&rows);
    let content = home.blobs.put_file(&path).await.unwrap();
    let part = PartContent { digest, content, size_bytes: 1, rows: LEARNT as u64 };
    let version = DataVersion {
        version: 1,
        name: "flights".into(),
        digest,
        schema: Vec::new(),
        rows: LEARNT as u64,
        roles: Roles { id: None, time: Some("time_hour".into()), private: Vec::new() },
        split: [(Part::Train, part)].into(),
        profile: digest,
        sources: Vec::new(),
        losses: Vec::new(),
        remarks: Vec::new(),
    };
    home.data.record("flights", &version, clock.now()).await.unwrap();
    let id = RunId::new(clock);
    let run = Run {
        version: 1,
        id,
        project: "flights".into(),
        kind: RunKind::Pipeline,
        name: "run".into(),
        parent: None,
        status: RunStatus::Finished,
        started_at: clock.now(),
        ended_at: Some(clock.now()),
        params: BTreeMap::new(),
        metrics: BTreeMap::new(),
        tags: BTreeMap::new(),
        cached: false,
        key: None,
        usage: None,
        trust: None,
        log: None,
        error: None,
        snapshot: None,
        source: None,
        outcome: json!({
            "version": 1, "training": null, "package": null, "runtime": null, "report": null, "model": null,
            "data": {"flights": {"number": 1, "digest": digest, "rows": LEARNT, "sources": 1}},
        }),
    };
    home.runs.save(&run).await.unwrap();
    id
}

/// Weekly windows by time, watched in `production`, where version 1 serves.
async fn apply(home: &Home, id: &EnvironmentId, package: Digest, actor: &Actor) {
    let project = json!({
        "name": "flights", "task": "classification", "target": "late", "classes": null, "positive": null,
        "python": {"requirements": null, "version": null}, "data": {}, "steps": {}, "train": null,
        "test": {
            "data": "flights", "metrics": ["accuracy"], "slices": [],
            "gates": {"bounds": {}, "baseline": null, "champion": null},
        },
        "package": {"runtime": "auto", "tolerance": 1e-9, "features": null, "entry": null, "code": null},
        "register": "late",
    });
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join(".modelyard")).unwrap();
    std::fs::write(place.path().join(".modelyard/project.json"), project.to_string()).unwrap();
    let snapshot = home.blobs.put_folder(place.path()).await.unwrap().digest();
    let spec = EnvironmentSpec {
        runs_on: TargetKind::Process,
        listen: "127.0.0.1:8100".into(),
        replicas: 1,
        requires: None,
        approvals: Approvals::default(),
        strategy: Strategy { kind: StrategyKind::AllAtOnce, weights: vec![1.0], judge: Judge::default() },
        tests: Tests::default(),
        limits: Limits::default(),
        python: None,
        sandbox: true,
        batch: Batch::default(),
        env: BTreeMap::new(),
    };
    let week = WEEK_MICROS as f64 / 1e6;
    let applied = Applied {
        version: 1,
        project: "flights".into(),
        folder: "/project".into(),
        snapshot,
        model: "late".into(),
        environments: [("production".to_owned(), spec.clone())].into(),
        monitor: Some(MonitorSpec {
            environment: "production".into(),
            window_secs: week,
            time: Some("time_hour".into()),
            grace_secs: week,
            log: LogSpec::default(),
            drift: Drift::default(),
            decay: Decay::default(),
            sinks: BTreeMap::new(),
            cool_down_secs: 3_600.0,
            silence_secs: None,
            max_age_secs: None,
        }),
        triggers: vec![TriggerSpec {
            name: "drift".into(),
            on: vec![Origin::Drift],
            then: Then::Release,
            set: BTreeMap::new(),
            cron: None,
            zone: "UTC".into(),
            missed: Missed::Once,
            min_rows: 1,
            model: None,
            secret: None,
            cool_down_secs: 0.0,
            budget: None,
            budget_secs: 0.0,
        }],
        source: None,
        at: actor.at,
        by: actor.name.clone(),
    };
    let mut environment = Environment::new(id.clone(), spec);
    environment.state.generation = 1;
    environment.state.placed = vec![Placed {
        package,
        model: "late".into(),
        number: 1,
        role: Role::Stable,
        phase: Phase::Serve,
        weight: 1.0,
    }];
    home.environments.apply(&applied, &[environment], actor).await.unwrap();
}
