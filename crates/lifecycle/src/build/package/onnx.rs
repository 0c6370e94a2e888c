//! The exact float64 graph of a scikit-learn model, accepted only if it answers alike; and graphs
//! that the user's own code wrote.

use modelyard_core::fault::Attempt;
use modelyard_core::package::{Golden, Manifest, OnnxOrigin, Predictions, Runtime};
use modelyard_core::table::Table;
use modelyard_core::{Fault, Kind, Result};
use modelyard_serve::Model;
use modelyard_serve::worker::{Description, Exported, ModelFiles, Worker};

use super::answers::{self, largest_difference};
use super::signature::{self, Tried};
use super::{Bench, Facts, classes, contents};

/// Within the package, beside the files training left.
const GRAPH: &str = "model/model.onnx";

/// A graph of the user's own may differ from the Python model beside it by this much.
const GIVEN_TOLERANCE: f64 = 1e-4;

pub(super) struct Wanted<'a> {
    pub(super) worker: &'a mut Worker,
    pub(super) described: &'a Description,
    pub(super) manifest: &'a Manifest,
    pub(super) golden: &'a Golden,
    pub(super) rows: &'a Table,
    pub(super) reference: &'a Predictions,
    pub(super) tries: &'a [Tried],
}

pub(super) enum Export {
    Accepted { runtime: Runtime, difference: f64 },
    Refused { reason: String, difference: Option<f64> },
}

/// Exports the worker's model and compares the graph with it. What is refused leaves no file.
///
/// # Errors
/// If the worker died, or files can't be written.
pub(super) async fn export(bench: &Bench<'_>, wanted: Wanted<'_>) -> Result<Export> {
    let refused = |reason: String, difference| Ok(Export::Refused { reason, difference });
    if wanted.described.class.is_none() {
        return refused("a `predict.py` is asked by Python".into(), None);
    }
    let Some(library) = bench.library else { return refused("no ONNX Runtime library".into(), None) };
    let signature = &wanted.manifest.signature;
    let graph = bench.package.join(GRAPH);
    match wanted.worker.export(modelyard_deploy::export::FILES, signature).await? {
        Exported::Graph(bytes) => {
            std::fs::write(&graph, bytes)
                .attempt(Kind::Store, || "cannot write the exported graph".to_owned())?;
        }
        Exported::Unsupported(reason) => return refused(reason, None),
    }
    let runtime = Runtime::Onnx {
        file: GRAPH.into(),
        origin: OnnxOrigin::Exported,
        library_version: library.version.clone(),
        library_digest: library.digest,
    };
    let mut manifest = wanted.manifest.clone();
    manifest.stages[0].runtime = runtime.clone();
    let compared = compare(bench, &manifest, &wanted).await;
    let outcome = match compared {
        Ok(difference) if difference <= manifest.tolerance => {
            return Ok(Export::Accepted { runtime, difference });
        }
        Ok(difference) => (format!("its graph differs by {difference:.1e} from the model"), Some(difference)),
        Err(fault) => (fault.message().to_owned(), None),
    };
    std::fs::remove_file(&graph).attempt(Kind::Store, || "cannot remove the refused graph".to_owned())?;
    refused(outcome.0, outcome.1)
}

/// The largest difference over the validation part and all hostile rows that the model answered.
async fn compare(bench: &Bench<'_>, manifest: &Manifest, wanted: &Wanted<'_>) -> Result<f64> {
    contents::seal(bench.package, manifest, &Golden { version: 1, rows: Vec::new(), answers: Vec::new() })?;
    let package = modelyard_deploy::package::read(bench.package)?;
    let model = Model::open(&package, &bench.options()?).await?;
    let mut largest =
        largest_difference(&answers::score_served(&model, wanted.rows).await?, wanted.reference);
    for tried in wanted.tries {
        let answers = model.predict(tried.table.clone()).await.map_err(|error| {
            Fault::new(Kind::Model, format!("its graph refuses rows with {}: {}", tried.what, error.message))
        })?;
        let difference = largest_difference(&answers, &tried.answers);
        if difference > manifest.tolerance {
            model.close().await;
            return Err(Fault::new(
                Kind::Model,
                format!("its graph answers rows with {} otherwise, by {difference:.1e}", tried.what),
            ));
        }
        largest = largest.max(difference);
    }
    largest = largest.max(model.prove(wanted.golden).await?);
    model.close().await;
    Ok(largest)
}

impl Bench<'_> {
    /// Packages a graph as the user's code wrote it.
    pub(super) async fn pack_given_onnx(&self, file: &str, python_beside: Option<&str>) -> Result<Facts> {
        let library = self.library.ok_or_else(|| {
            Fault::new(Kind::Config, "the model is an ONNX file, and [package] says `runtime = \"python\"`")
                .hint("remove `runtime`, or save the Python model")
        })?;
        let nothing = Description {
            class: None,
            feature_names: None,
            n_features: None,
            has_probabilities: None,
            classes: None,
        };
        let mut signature = signature::of_model(self, &nothing, &Default::default())?;
        let classes = match (python_beside, self.project.classes.is_some()) {
            (Some(entry), false) => self.classes_of(entry).await?,
            _ => classes::of_given(self)?,
        };
        for input in &mut signature.inputs {
            // Floats carry a missing value as NaN; nothing else in a graph can.
            input.nullable = input.data_type == modelyard_core::table::DataType::Float;
        }
        let rows = signature::rows(&signature, &self.validation)?;
        let runtime = Runtime::Onnx {
            file: file.to_owned(),
            origin: OnnxOrigin::Given,
            library_version: library.version.clone(),
            library_digest: library.digest,
        };
        let manifest = self.manifest(runtime, signature, &classes)?;
        contents::seal(
            self.package,
            &manifest,
            &Golden { version: 1, rows: Vec::new(), answers: Vec::new() },
        )?;
        let package = modelyard_deploy::package::read(self.package)?;
        let model = Model::open(&package, &self.options()?).await?;
        let reference = answers::score_served(&model, &rows).await?;
        let ask = async |rows: &Table| model.predict(rows.clone()).await;
        let golden = answers::golden(ask, &manifest.signature, &rows, &classes, manifest.tolerance).await?;
        model.close().await;
        contents::write_profile(self, &manifest, &reference)?;
        let mut facts = Facts {
            runtime: "onnx".into(),
            why_python: None,
            largest_difference: None,
            compared_rows: rows.rows() as u64,
            size_bytes: 0,
            remarks: Vec::new(),
        };
        if let Some(entry) = python_beside {
            let difference = self.compare_beside(entry, &manifest, &rows, &reference).await?;
            facts.largest_difference = Some(difference);
            let verdict =
                if difference <= GIVEN_TOLERANCE { "as it should" } else { "MORE than the 1e-4 expected" };
            facts.remarks.push(format!("the ONNX file differs from {entry} by {difference:.1e}, {verdict}"));
        }
        self.finish(&manifest, &golden, facts).await
    }

    /// The classes of the Python model `entry`.
    async fn classes_of(&self, entry: &str) -> Result<Vec<String>> {
        let mut worker = self.loaded(entry).await?;
        let described = worker.describe().await;
        worker.close().await;
        classes::of_model(self, &described?)
    }

    async fn compare_beside(
        &self,
        entry: &str,
        manifest: &Manifest,
        rows: &Table,
        reference: &Predictions,
    ) -> Result<f64> {
        let mut worker = self.loaded(entry).await?;
        let scored = async {
            worker.prepare(&manifest.signature, manifest.task, &manifest.classes).await?;
            answers::score(&mut worker, rows).await
        }
        .await;
        worker.close().await;
        Ok(largest_difference(&scored?, reference))
    }

    async fn loaded(&self, entry: &str) -> Result<Worker> {
        let mut worker = Worker::start(&self.python_spec()?, &[self.package.to_owned()]).await?;
        let code = self.package.join("code");
        let files = ModelFiles {
            folder: self.package.to_owned(),
            entry: entry.to_owned(),
            code: code.is_dir().then_some(code),
        };
        worker.load(&files).await?;
        Ok(worker)
    }
}
