//! What a version's rows are compared with: the rows that it learnt from, and its answers about them.
//!
//! An action over the stored data version, so that it is made once, whoever asks. Its rows are those of train and
//! validation, since a model that is refitted learnt from both. They are cut into chunks of a window's length, and
//! how far those are from the whole says how much windows differ by themselves; where there are fewer than 10, chunks
//! drawn by lot stand in, of the fewest rows that are judged.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use modelyard_core::action::{Action, ActionKind, ActionResult, Output, OutputKind};
use modelyard_core::config::Project;
use modelyard_core::data::{NumberedVersion, Part};
use modelyard_core::fault::Attempt;
use modelyard_core::model::{ModelRef, ModelVersion, Which};
use modelyard_core::monitor::{MonitorSpec, log};
use modelyard_core::outcome::Outcome;
use modelyard_core::package::{MANIFEST, Manifest, Predictions};
use modelyard_core::ports::Home;
use modelyard_core::table::{Column, Table};
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_monitor::chunks::{self, Chunks};
use modelyard_monitor::drift::{self, DriftTest};
use modelyard_monitor::findings::Facts;
use modelyard_monitor::rule::NoiseFloor;
use modelyard_monitor::{Kind as Compared, Sample};
use modelyard_pipeline::{Engine, Performed, Stop};
use modelyard_process::temporary::PrivateTmp;
use modelyard_serve::PythonSpec;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::span::Spans;
use crate::Settings;
use crate::build::score_served;

/// Raised when a reference may come out otherwise.
const RESULT_VERSION: u32 = 1;

/// Of the chunks that are drawn by lot.
const SEED: u64 = 0;

/// What rows of one version are compared with.
pub(crate) struct Reference {
    pub(crate) manifest: Manifest,
    /// Its features, in the signature's order.
    pub(crate) columns: Vec<Watched>,
    pub(crate) facts: Vec<Facts>,
    /// Its answers; `None` where it could not give them.
    pub(crate) output: Option<Watched>,
    /// The first metric, on the sealed test rows.
    pub(crate) tested: Option<(String, f64)>,
    pub(crate) remarks: Vec<String>,
}

/// A column, prepared.
pub(crate) struct Watched {
    pub(crate) name: String,
    pub(crate) sample: Sample,
    pub(crate) test: &'static dyn DriftTest,
    /// `None` where too few chunks have values.
    pub(crate) floor: Option<NoiseFloor>,
}

/// What is stored beside the rows.
#[derive(Serialize, Deserialize)]
struct Stored {
    floors: BTreeMap<String, NoiseFloor>,
    output: Option<(String, Option<NoiseFloor>)>,
    remarks: Vec<String>,
}

/// Where references are made.
pub(crate) struct Maker<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) settings: &'a Settings,
    pub(crate) project: &'a Project,
    pub(crate) spec: &'a MonitorSpec,
}

impl Maker<'_> {
    /// Of version `number` of `model`.
    ///
    /// # Errors
    /// If its lineage is not in the home, or its rows can't be read.
    pub(crate) async fn reference(&self, model: &str, number: u32) -> Result<Reference> {
        let home = &self.engine.home;
        let wanted = ModelRef { name: model.to_owned(), which: Which::Number(number) };
        let version = home.models.resolve(&wanted).await?;
        let version = version
            .ok_or_else(|| Fault::new(Kind::NotFound, format!("{model}@{number} is not registered here")))?;
        let manifest = manifest(home, version.package).await?;
        let data = self.data_version(&version).await?;
        let done = self.result(&version, &manifest, &data).await?;
        self.read(done, manifest, version.metric.clone()).await
    }

    /// The data version that `version` learnt from.
    async fn data_version(&self, version: &ModelVersion) -> Result<NumberedVersion> {
        let home = &self.engine.home;
        let name = format!("{}@{}", version.name, version.number);
        let lost =
            |what: &str| Fault::new(Kind::NotFound, format!("nobody knows what {name} learnt from: {what}"));
        let run = version.run.ok_or_else(|| lost("no run registered it"))?;
        let run = home.runs.get(run).await?.ok_or_else(|| lost("its run is not in this home"))?;
        let outcome = Outcome::of(&run)?;
        let project = version.project.as_deref().unwrap_or(&self.project.name);
        let named = self.project.test.data.as_deref();
        let known =
            named.and_then(|name| outcome.data.get_key_value(name)).or_else(|| outcome.data.iter().next());
        let (data, made) = known.ok_or_else(|| lost("its run has no data"))?;
        let found = home.data.get(project, data, Some(made.number)).await?;
        found.ok_or_else(|| lost("the data version is not in this home"))
    }

    async fn result(
        &self,
        version: &ModelVersion,
        manifest: &Manifest,
        data: &NumberedVersion,
    ) -> Result<ActionResult> {
        let parts: Vec<_> = [Part::Train, Part::Validation]
            .into_iter()
            .filter_map(|part| Some((part.name(), data.data.split.get(&part)?)))
            .collect();
        let mut inputs = BTreeMap::from([("package".to_owned(), version.package)]);
        inputs.extend(parts.iter().map(|(name, part)| ((*name).to_owned(), part.digest)));
        let tests: BTreeMap<&String, &String> = self
            .spec
            .drift
            .columns
            .iter()
            .filter_map(|(name, rule)| Some((name, rule.test.as_ref()?)))
            .collect();
        let action = Action {
            version: 1,
            kind: ActionKind::Builtin { name: "reference".into(), result_version: RESULT_VERSION },
            params: BTreeMap::from([
                ("window_secs".to_owned(), json!(self.spec.window_secs)),
                ("time".to_owned(), json!(self.spec.time)),
                ("min_rows".to_owned(), json!(self.spec.drift.min_rows)),
                ("tests".to_owned(), json!(tests)),
            ]),
            inputs,
            code: None,
            environment: None,
        };
        let blobs = &self.engine.home.blobs;
        let done = self.engine.perform(action, false, async |folder| {
            let mut rows = Table::new();
            for (name, part) in &parts {
                let path = folder.join(format!("{name}.parquet"));
                blobs.fetch_file(part.content, &path).await?;
                let table = modelyard_data::read_table(&path, None)?;
                if rows.names().is_empty() { rows = table } else { rows.append(table) }
            }
            let (stored, kept) = self.make(version.package, manifest, &rows, &folder).await?;
            let path = folder.join("reference.parquet");
            modelyard_data::write_table(&path, &kept)?;
            let size = path.metadata().attempt(Kind::Store, || "cannot read the reference".to_owned())?.len();
            let output = Output {
                kind: OutputKind::File,
                identity: modelyard_data::logical_digest(&kept),
                content: blobs.put_file(&path).await?,
                size_bytes: size,
            };
            let facts = serde_json::to_value(&stored)
                .attempt(Kind::Internal, || "cannot write the reference as JSON".to_owned())?;
            Ok(Performed::builtin([("rows".to_owned(), output)].into(), facts))
        });
        match done.await {
            Ok(done) => Ok(done.result),
            Err(Stop::Fault(fault)) => Err(fault),
            Err(Stop::Missing(_) | Stop::Pending(_)) => {
                Err(Fault::new(Kind::Internal, "a reference is made by an engine that executes"))
            }
        }
    }

    /// What is stored of `rows`, and the columns that are compared, the answers the last.
    async fn make(
        &self,
        package: Digest,
        manifest: &Manifest,
        rows: &Table,
        folder: &Path,
    ) -> Result<(Stored, Table)> {
        let inputs: Vec<String> = manifest.signature.inputs.iter().map(|input| input.name.clone()).collect();
        let features = rows.select(&inputs).ok_or_else(|| {
            Fault::new(Kind::Data, "the rows lack a column that the model is asked with")
                .detail("inputs", inputs.join(", "))
        })?;
        let mut remarks = Vec::new();
        let chunks = self.chunks(rows);
        if chunks.is_none() {
            remarks.push(format!("{} rows to compare with are too few to tell their noise", rows.rows()));
        }
        let floor = |name: &str, column: &Column| -> Option<NoiseFloor> {
            let sample = Sample::of(column)?.prepare();
            let samples = chunks.as_ref()?.samples(column)?;
            NoiseFloor::of(self.test(name, sample.kind()), &sample, &samples).ok()
        };
        let floors = features
            .columns()
            .filter_map(|(name, column)| Some((name.to_owned(), floor(name, column)?)))
            .collect();
        let mut kept = Table::new();
        for (name, column) in features.columns() {
            kept.push(log::stored_name(name), column.clone());
        }
        let output = match self.answers(package, &features, folder).await {
            Ok(answers) => {
                let (name, column) = output(&answers, manifest);
                let floor = floor(&name, &column);
                kept.push(name.clone(), column);
                Some((name, floor))
            }
            Err(fault) if matches!(fault.kind(), Kind::Store | Kind::Internal | Kind::Cancelled) => {
                return Err(fault);
            }
            Err(fault) => {
                remarks.push(format!("answers are not compared with those of training: {}", fault.message()));
                None
            }
        };
        Ok((Stored { floors, output, remarks }, kept))
    }

    fn chunks(&self, rows: &Table) -> Option<Chunks> {
        let spans = Spans::of(self.spec);
        let least = usize::try_from(self.spec.drift.min_rows).unwrap_or(usize::MAX);
        let times = self.spec.time.as_ref().and_then(|time| rows.column(time)).and_then(times);
        times
            .and_then(|times| chunks::by_time(&times, spans.origin(), spans.micros(), least))
            .or_else(|| chunks::random(rows.rows(), least, SEED))
    }

    async fn answers(&self, package: Digest, features: &Table, folder: &Path) -> Result<Predictions> {
        let place = folder.join("package");
        self.engine.home.blobs.fetch_folder(package, &place).await?;
        let package = modelyard_deploy::package::read(&place)?;
        let patience = self.project.package.timeout_secs;
        let patience = patience.map_or(PythonSpec::DEFAULT_PATIENCE, Duration::from_secs_f64);
        let model = self.settings.open_package(&package, patience, &|_| {}).await?;
        let answers = score_served(&model, features).await;
        model.close().await;
        answers
    }

    async fn read(
        &self,
        done: ActionResult,
        manifest: Manifest,
        tested: Option<(String, f64)>,
    ) -> Result<Reference> {
        let damaged = || Fault::new(Kind::Store, "cannot read the stored reference");
        let stored: Stored = serde_json::from_value(done.facts).map_err(|error| damaged().because(error))?;
        let rows = done.outputs.get("rows").ok_or_else(damaged)?;
        let place = PrivateTmp::new()?;
        let path = place.path().join("reference.parquet");
        self.engine.home.blobs.fetch_file(rows.content, &path).await?;
        let table = modelyard_data::read_table(&path, None)?;
        let mut columns = Vec::new();
        let mut facts = Vec::new();
        for input in &manifest.signature.inputs {
            let Some(column) = table.column(&log::stored_name(&input.name)) else { return Err(damaged()) };
            facts.push(Facts::of(&input.name, column));
            let Some(sample) = Sample::of(column) else { continue };
            columns.push(Watched {
                name: input.name.clone(),
                test: self.test(&input.name, sample.kind()),
                floor: stored.floors.get(&input.name).copied(),
                sample: sample.prepare(),
            });
        }
        let output = stored.output.and_then(|(name, floor)| {
            let sample = Sample::of(table.column(&name)?)?.prepare();
            Some(Watched { name, test: drift::effect(sample.kind()), floor, sample })
        });
        Ok(Reference { manifest, columns, facts, output, tested, remarks: stored.remarks })
    }

    /// The test of column `name`: its own, else that of the rule.
    fn test(&self, name: &str, kind: Compared) -> &'static dyn DriftTest {
        let own = self.spec.drift.columns.get(name).and_then(|rule| rule.test.as_deref());
        own.and_then(drift::lookup).filter(|test| test.fits(kind)).unwrap_or_else(|| drift::effect(kind))
    }
}

/// The column of the log by which answers are compared, and its values: the probability of the positive class of
/// two, else the answer itself.
fn output(answers: &Predictions, manifest: &Manifest) -> (String, Column) {
    let name = log::PREDICTION.to_owned();
    match answers {
        Predictions::Values(values) => (name, Column::Float(values.iter().copied().map(Some).collect())),
        Predictions::Classes { labels, probabilities } => {
            let classes = &manifest.classes;
            let positive = manifest.positive.as_deref().or(classes.last().map(String::as_str));
            let place = classes.iter().position(|class| Some(class.as_str()) == positive);
            if let (2, Some(all), Some(place)) = (classes.len(), probabilities, place)
                && let Some(name) = log::probability(&classes[place], classes, manifest.positive.as_deref())
            {
                let of_class = all.iter().skip(place).step_by(2).copied().map(Some);
                return (name, Column::Float(of_class.collect()));
            }
            (name, Column::String(labels.iter().map(|label| classes.get(*label).cloned()).collect()))
        }
    }
}

/// Microseconds of a column of times.
pub(crate) fn times(column: &Column) -> Option<Vec<Option<i64>>> {
    const DAY_MICROS: i64 = 86_400_000_000;
    match column {
        Column::Timestamp(values) => Some(values.clone()),
        Column::Date(values) => {
            Some(values.iter().map(|day| day.map(|day| i64::from(day) * DAY_MICROS)).collect())
        }
        _ => None,
    }
}

async fn manifest(home: &Home, package: Digest) -> Result<Manifest> {
    let missing =
        || Fault::new(Kind::NotFound, format!("the package {} is not in the home any more", package.short()));
    let tree = home.blobs.tree(package).await?.ok_or_else(missing)?;
    let file = tree.file(MANIFEST).ok_or_else(missing)?;
    Manifest::from_json(&home.blobs.get(file.digest).await?.ok_or_else(missing)?)
}
