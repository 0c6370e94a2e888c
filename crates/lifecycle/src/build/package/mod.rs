//! Model packaging: what training left becomes the one folder that is tested, released and served.
//!
//! The order matters. The model is opened once, in a worker of its own environment, and asked what
//! it is and what it answers; these answers are the truth. An exact ONNX graph is accepted only if
//! it gives them too, on the whole validation part and on the hostile rows that were tried;
//! otherwise the package is served by Python, and the facts say why.

pub(super) mod answers;
mod classes;
mod contents;
mod entry;
mod onnx;
mod signature;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use modelyard_core::action::{Action, ActionKind, Output, OutputKind};
use modelyard_core::config::{Package, Project, RuntimeChoice, Train};
use modelyard_core::data::Part;
use modelyard_core::fault::Attempt;
use modelyard_core::package::{Golden, Manifest, Provenance, Runtime, Stage};
use modelyard_core::table::Table;
use modelyard_core::text::thousands;
use modelyard_core::tree::Tree;
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_pipeline::{InputFile, Node, Performed, Stop, collect_code};
use modelyard_process::python::Environment;
use modelyard_serve::worker::{ModelFiles, Worker};
use modelyard_serve::{Model, Options, PythonSpec};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Build, PackageMade, derived};
use crate::environment::{OnnxLibrary, WORKER_THREADS};

/// Raised when a package may come out otherwise from the same inputs.
const RESULT_VERSION: u32 = 4;

/// What packaging found out; for the screen and the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// `onnx` or `python`.
    pub runtime: String,
    /// Why Python serves it, where `onnx` could have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why_python: Option<String>,
    /// Largest difference between the graph's answers and the model's, relative above 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_difference: Option<f64>,
    /// Rows on which it was compared.
    pub compared_rows: u64,
    pub size_bytes: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

pub(super) async fn make(build: &Build, node: &Node) -> Result<PackageMade, Stop> {
    let shop = &build.shop;
    let (Some(train), trained) = (&shop.project.train, build.trained()?) else {
        return Err(Fault::new(Kind::Config, "the project has no [train]").into());
    };
    let model = trained
        .result
        .outputs
        .get("model")
        .cloned()
        .ok_or_else(|| Fault::new(Kind::Internal, "training has no output `model`"))?;
    let name = super::test::tested_data(&shop.project)?;
    let learnt = learnt_table(build, node, &name, &trained.learnt_from).await?;
    let validation = validation_table(build, node, &name).await?;
    let python = build.python(node).await?;
    let patterns = shop.project.package.code.as_ref().unwrap_or(&train.step.code);
    let code = collect_code(&*shop.home().blobs, &shop.root, patterns).await?;
    let files = shop.home().blobs.tree(model.content).await?.unwrap_or_else(|| Tree::new([]));
    let script = entry::is_script(&files, &code, shop.project.package.entry.as_deref());
    let library = match shop.project.package.runtime {
        RuntimeChoice::Python => None,
        // Nobody fetches a library that is not asked.
        RuntimeChoice::Auto if script => None,
        RuntimeChoice::Auto | RuntimeChoice::Onnx => Some(shop.onnx_library(node).await?),
    };
    let data = build.data(&name)?;
    let provenance = Provenance {
        training: trained.result.key.0,
        data: trained.learnt_from.iter().map(|(name, input)| (name.clone(), input.identity)).collect(),
        code: trained.result.action.code,
        environment: trained.result.action.environment,
        params: trained.params.clone(),
    };
    let mut action = Action {
        version: 1,
        kind: ActionKind::Builtin { name: "package".into(), result_version: RESULT_VERSION },
        params: params(&shop.project, &provenance),
        inputs: [("model", model.identity), ("train", learnt.identity), ("validation", validation.identity)]
            .map(|(name, digest)| (name.to_owned(), digest))
            .into(),
        code: Some(code.digest()),
        environment: python.map(|python| python.digest),
    };
    if let Some(library) = &library {
        action
            .params
            .insert("onnx_runtime".into(), json!({"version": library.version, "digest": library.digest}));
    }
    let schema = data.version.data.schema.clone();
    let roles = data.version.data.roles.clone();
    let done = build
        .perform(node, action, async |folder| {
            shop.progress.began(node);
            let blobs = &*shop.home().blobs;
            let package = folder.join("package");
            blobs.fetch_folder(model.content, &package.join("model")).await?;
            if !code.files.is_empty() {
                blobs.fetch_folder(code.digest(), &package.join("code")).await?;
            }
            let lock = shop.lock_file().filter(|path| path.is_file());
            if let Some(lock) = lock {
                std::fs::copy(lock, package.join("requirements.lock"))
                    .attempt(Kind::Store, || "cannot copy the lock into the package".to_owned())?;
            }
            let train_file = folder.join(&learnt.file_name);
            blobs.fetch_file(learnt.content, &train_file).await?;
            let validation_file = folder.join(&validation.file_name);
            blobs.fetch_file(validation.content, &validation_file).await?;
            let bench = Bench {
                project: &shop.project,
                train,
                schema: &schema,
                roles: &roles,
                python,
                patience: shop.patience(),
                library: library.as_ref(),
                package: &package,
                scratch: &folder,
                train_file: &train_file,
                learnt: modelyard_data::read_table(&train_file, None)?,
                validation: modelyard_data::read_table(&validation_file, None)?,
                provenance,
            };
            let facts = bench.pack().await.map_err(|fault| match fault.kind() {
                Kind::Timeout => fault.hint(answers::MORE_TIME),
                _ => fault,
            })?;
            let tree = blobs.put_folder(&package).await?;
            let facts = Facts { size_bytes: tree.size_bytes(), ..facts };
            let digest = tree.digest();
            let output = Output {
                kind: OutputKind::Folder,
                identity: digest,
                content: digest,
                size_bytes: tree.size_bytes(),
            };
            let facts = serde_json::to_value(&facts)
                .attempt(Kind::Internal, || "cannot write the package's facts as JSON".to_owned())?;
            Ok(Performed::builtin(BTreeMap::from([("package".to_owned(), output)]), facts))
        })
        .await?;
    let digest = done
        .result
        .outputs
        .get("package")
        .map(|output| output.content)
        .ok_or_else(|| Fault::new(Kind::Store, "the stored packaging has no package"))?;
    let manifest = manifest_of(build, digest).await?;
    let facts: Facts = serde_json::from_value(done.result.facts.clone())
        .attempt(Kind::Store, || "cannot read the stored facts of the package".to_owned())?;
    let mut lines = vec![format!("{}    {}", digest.short(), headline(&facts))];
    lines.extend(facts.why_python.iter().map(|reason| format!("not onnx: {reason}")));
    lines.extend(facts.remarks.iter().cloned());
    shop.progress.finished(node, &lines, done.cached, done.result.usage.wall_ms);
    let mut outcome = super::lock(&build.outcome);
    outcome.package = Some(digest);
    outcome.runtime = Some(facts.runtime.clone());
    drop(outcome);
    Ok(PackageMade { result: done.result, digest, manifest, facts })
}

/// `onnx, exact on 3,484 validation rows, 148 kB`.
fn headline(facts: &Facts) -> String {
    let rows = thousands(facts.compared_rows);
    let compared = match facts.largest_difference {
        Some(difference) if difference < 1e-12 => format!("exact on {rows} validation rows"),
        Some(difference) => format!("within {difference:.0e} on {rows} validation rows"),
        None => format!("asked on {rows} validation rows"),
    };
    format!("{}, {compared}, {}", facts.runtime, size_text(facts.size_bytes))
}

fn size_text(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

pub(super) async fn manifest_of(build: &Build, package: Digest) -> Result<Manifest, Stop> {
    Ok(crate::manifest::of(build.shop.home(), package).await?)
}

/// The rows the model learnt from: `{data.NAME.train}` as training saw it, as Parquet.
async fn learnt_table(
    build: &Build,
    node: &Node,
    name: &str,
    learnt_from: &BTreeMap<String, InputFile>,
) -> Result<InputFile, Stop> {
    match learnt_from.get(&format!("data.{name}.train")) {
        Some(input) => Ok(input.clone()),
        None => derived::train_beside_validation(build, node, name).await,
    }
}

/// The validation part, or what stands in for it.
pub(super) async fn validation_table(build: &Build, node: &Node, name: &str) -> Result<InputFile, Stop> {
    let made = build.data(name)?;
    match made.version.data.split.get(&Part::Validation) {
        Some(part) => Ok(InputFile {
            identity: part.digest,
            content: part.content,
            kind: OutputKind::File,
            file_name: "validation.parquet".into(),
        }),
        None => derived::validation(build, node, name).await,
    }
}

/// What of the project can change the package.
fn params(project: &Project, provenance: &Provenance) -> BTreeMap<String, serde_json::Value> {
    // How long a model may take changes no answer.
    let package = Package { timeout_secs: None, ..project.package.clone() };
    BTreeMap::from([
        ("task".to_owned(), json!(project.task)),
        ("target".to_owned(), json!(project.target)),
        ("classes".to_owned(), json!(project.classes)),
        ("positive".to_owned(), json!(project.positive)),
        ("package".to_owned(), json!(package)),
        ("provenance".to_owned(), json!(provenance)),
    ])
}

/// What packaging works on.
struct Bench<'a> {
    project: &'a Project,
    train: &'a Train,
    schema: &'a [modelyard_core::table::Field],
    roles: &'a modelyard_core::data::Roles,
    python: Option<&'a Environment>,
    patience: Duration,
    library: Option<&'a OnnxLibrary>,
    package: &'a Path,
    scratch: &'a Path,
    train_file: &'a Path,
    learnt: Table,
    validation: Table,
    provenance: Provenance,
}

impl Bench<'_> {
    async fn pack(self) -> Result<Facts> {
        let entry = entry::find(self.package, self.project.package.entry.as_deref())?;
        if let entry::Entry::Onnx { file, python_beside } = &entry {
            return self.pack_given_onnx(file, python_beside.as_deref()).await;
        }
        let entry::Entry::Python(file) = entry else { return Err(self.needs_python()) };
        let spec = self.python_spec()?;
        let read = [self.package.to_owned(), self.scratch.to_owned()];
        let mut worker = Worker::start(&spec, &read).await?;
        let packed = self.pack_python(&mut worker, &file).await;
        worker.close().await;
        packed
    }

    async fn pack_python(&self, worker: &mut Worker, entry: &str) -> Result<Facts> {
        let code = self.package.join("code");
        let files = ModelFiles {
            folder: self.package.to_owned(),
            entry: entry.to_owned(),
            code: code.is_dir().then_some(code),
        };
        worker.load(&files).await?;
        let described = worker.describe().await?;
        let format =
            self.train_file.extension().and_then(|extension| extension.to_str()).unwrap_or("parquet");
        let dtypes = worker.dtypes(self.train_file, format).await?;
        let classes = classes::of_model(self, &described)?;
        let mut signature = signature::of_model(self, &described, &dtypes)?;
        worker.prepare(&signature, self.project.task, &classes).await?;
        let rows = signature::rows(&signature, &self.validation)?;
        let tries = signature::try_hostile(worker, &mut signature, &rows, &self.learnt).await?;
        worker.prepare(&signature, self.project.task, &classes).await?;
        let reference = answers::score(worker, &rows).await?;
        let tolerance = self.project.package.tolerance;
        let golden =
            answers::golden(async |rows| worker.score(rows).await, &signature, &rows, &classes, tolerance)
                .await?;
        let mut manifest = self.manifest(
            Runtime::Python {
                entry: entry.to_owned(),
                python: self.python.map(|python| python.version.clone()).unwrap_or_default(),
                environment: self.python.map_or(Digest::from_bytes([0; 32]), |python| python.digest),
            },
            signature,
            &classes,
        )?;
        contents::write_profile(self, &manifest, &reference)?;
        let mut facts = Facts {
            runtime: "python".into(),
            why_python: None,
            largest_difference: None,
            compared_rows: rows.rows() as u64,
            size_bytes: 0,
            remarks: Vec::new(),
        };
        if self.project.package.runtime != RuntimeChoice::Python {
            let wanted = onnx::Wanted {
                worker,
                described: &described,
                manifest: &manifest,
                golden: &golden,
                rows: &rows,
                reference: &reference,
                tries: &tries,
            };
            match onnx::export(self, wanted).await? {
                onnx::Export::Accepted { runtime, difference } => {
                    manifest.stages[0].runtime = runtime;
                    facts.runtime = "onnx".into();
                    facts.largest_difference = Some(difference);
                    return self.finish(&manifest, &golden, facts).await;
                }
                onnx::Export::Refused { reason, difference } => {
                    if self.project.package.runtime == RuntimeChoice::Onnx {
                        return Err(Fault::new(
                            Kind::Model,
                            "the model can't be packaged with `runtime = \"onnx\"`",
                        )
                        .because(reason)
                        .hint("set `runtime = \"auto\"` in [package], and Python serves what ONNX can't"));
                    }
                    facts.why_python = Some(reason);
                    facts.largest_difference = difference;
                }
            }
        }
        self.finish(&manifest, &golden, facts).await
    }

    /// Seals the package and proves it as a server would.
    async fn finish(&self, manifest: &Manifest, golden: &Golden, facts: Facts) -> Result<Facts> {
        contents::seal(self.package, manifest, golden)?;
        let package = modelyard_deploy::package::read(self.package)?;
        Model::open(&package, &self.options()?).await?.close().await;
        Ok(facts)
    }

    fn manifest(
        &self,
        runtime: Runtime,
        signature: modelyard_core::package::Signature,
        classes: &[String],
    ) -> Result<Manifest> {
        Ok(Manifest {
            version: 1,
            task: self.project.task,
            target: self.project.target.clone(),
            stages: vec![Stage { name: "model".into(), runtime }],
            signature,
            class_type: classes::data_type(self, classes),
            positive: classes::positive(self.project, classes)?,
            classes: classes.to_vec(),
            tolerance: self.project.package.tolerance,
            provenance: self.provenance.clone(),
        })
    }

    fn python_spec(&self) -> Result<PythonSpec> {
        let python = self.python.ok_or_else(|| self.needs_python())?;
        Ok(PythonSpec {
            interpreter: python.python.clone(),
            read: python.read.clone(),
            sandboxed: self.train.step.sandbox.on,
            threads: WORKER_THREADS,
            patience: self.patience,
            start_patience: self.patience,
            variables: Default::default(),
            memory_bytes: None,
        })
    }

    fn options(&self) -> Result<Options> {
        let library = self.library.map(|library| library.path.clone()).unwrap_or_default();
        let mut options = Options::new(library);
        options.python = self.python.is_some().then(|| self.python_spec()).transpose()?;
        Ok(options)
    }

    fn needs_python(&self) -> Fault {
        crate::environment::no_python("opening the model")
    }
}
