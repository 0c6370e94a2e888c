//! The Python process behind the runtime `python`, and what packaging asks of it.
//!
//! A worker runs in the model's own Python environment and sandbox. It is talked to over an
//! inherited socket, in messages of JSON with their length before them; its scripts lie in
//! `python/` of this crate, are sent to it in the first message, and need nothing but the model's
//! own packages. One question is under way at a time. Dropping a worker ends its process.
//!
//! A pickle is opened nowhere else.

mod answer;
mod channel;
mod question;
mod spawn;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use modelyard_core::config::Task;
use modelyard_core::package::{Predictions, Signature};
use modelyard_core::table::{DataType, Table};
use modelyard_core::{Fault, Kind, Result};
use serde::Deserialize;
use serde_json::json;

use crate::{ErrorCode, PredictError, PythonSpec};
use channel::Channel;
pub(crate) use channel::Failure;

/// The modules of the worker, in the order in which they import each other.
const MODULES: [(&str, &str); 5] = [
    ("errors", include_str!("../../python/errors.py")),
    ("model", include_str!("../../python/model.py")),
    ("tables", include_str!("../../python/tables.py")),
    ("answers", include_str!("../../python/answers.py")),
    ("worker", include_str!("../../python/worker.py")),
];

/// A running worker.
pub struct Worker {
    channel: Channel,
    patience: Duration,
    start_patience: Duration,
    has_ended: bool,
}

/// Where a model lies.
#[derive(Clone, Debug)]
pub struct ModelFiles {
    /// The package's folder, or that of the files training left.
    pub folder: PathBuf,
    /// Below `folder`: `model/model.joblib`, `model/predict.py`.
    pub entry: String,
    /// The folder of code for the worker's path; its `src` as well. `None` without code.
    pub code: Option<PathBuf>,
}

/// What a loaded model says of itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Description {
    /// `sklearn.pipeline.Pipeline`; `None` for a `predict.py`.
    pub class: Option<String>,
    /// `feature_names_in_`, also of a pipeline's first step or a search's best estimator.
    pub feature_names: Option<Vec<String>>,
    pub n_features: Option<usize>,
    /// Whether there is a `predict_proba`; `None` for a `predict.py`.
    pub has_probabilities: Option<bool>,
    /// `classes_` in the model's order, written as data sets write values. Probabilities of an
    /// exported graph come in this order.
    pub classes: Option<Vec<String>>,
}

/// What became of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exported {
    /// The ONNX file.
    Graph(Vec<u8>),
    /// There is no exact graph: why.
    Unsupported(String),
}

impl Worker {
    /// Starts a worker that may read `read`, besides its own environment; it writes nowhere but in
    /// a temporary folder.
    ///
    /// # Errors
    /// If the interpreter can't be started.
    pub async fn start(spec: &PythonSpec, read: &[PathBuf]) -> Result<Self> {
        let mut channel = spawn::spawn(spec, read)?;
        let modules = serde_json::to_vec(&MODULES).map_err(|error| internal(error.to_string()))?;
        channel
            .send(&modules)
            .await
            .map_err(|failure| fault("the model's Python cannot be started", failure))?;
        Ok(Self { channel, patience: spec.patience, start_patience: spec.start_patience, has_ended: false })
    }

    /// Opens the model.
    ///
    /// # Errors
    /// If it can't be opened or has no `predict`: with the way out for a class of `__main__`, a
    /// missing module, a damaged file.
    pub async fn load(&mut self, files: &ModelFiles) -> Result<()> {
        let question = json!({
            "op": "load",
            "folder": text(&files.folder)?,
            "entry": files.entry,
            "code": files.code.as_deref().map(text).transpose()?,
        });
        self.ask(&question, &format!("cannot load the model `{}`", files.entry)).await?;
        Ok(())
    }

    /// What the loaded model says of itself.
    ///
    /// # Errors
    /// If the worker died.
    pub async fn describe(&mut self) -> Result<Description> {
        let answer = self.ask(&json!({ "op": "describe" }), "cannot describe the model").await?;
        serde_json::from_value(answer).map_err(|error| internal(error.to_string()))
    }

    /// The dtype of each column that reading `file` with pandas gives; `format` is `parquet` or
    /// `csv`. Empty where the environment has no pandas. `object(nan)` is `object` with NaN, not
    /// None, for a missing value.
    ///
    /// # Errors
    /// If pandas can't read it.
    pub async fn dtypes(&mut self, file: &Path, format: &str) -> Result<BTreeMap<String, String>> {
        let question = json!({ "op": "dtypes", "file": text(file)?, "format": format });
        let answer = self.ask(&question, "cannot find out the columns' dtypes").await?;
        serde_json::from_value(answer).map_err(|error| internal(error.to_string()))
    }

    /// Tells the loaded model what it will be asked with, before [`predict`](Self::predict).
    ///
    /// # Errors
    /// If the model's classes are not `classes` (empty for a regression).
    pub async fn prepare(&mut self, signature: &Signature, task: Task, classes: &[String]) -> Result<()> {
        let question = json!({
            "op": "prepare",
            "inputs": signature.inputs,
            "series": signature.series,
            "classes": match task {
                Task::Classification => Some(classes),
                Task::Regression => None,
            },
        });
        self.ask(&question, "the model does not fit its package").await?;
        Ok(())
    }

    /// The answers to the rows of `table`.
    ///
    /// # Errors
    /// [`Failure::Refused`] with the model's own error, [`Failure::Died`] if the worker did,
    /// [`Failure::TookTooLong`] if it was ended because it gave none.
    pub(crate) async fn predict(&mut self, table: &Table) -> Result<Predictions, Failure> {
        let question = question::predict(table)?;
        let answer = self.channel.ask(&question, self.patience).await;
        self.has_ended = answer.as_ref().is_err_and(Failure::is_death);
        answer::predictions(&answer?)
    }

    /// Whether the last question ended the process, so that it answers none after it.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// As [`predict`](Self::predict), for packaging.
    ///
    /// # Errors
    /// If the model fails on a row, or the worker died.
    pub async fn score(&mut self, table: &Table) -> Result<Predictions, PredictError> {
        self.predict(table).await.map_err(predict_error)
    }

    /// The loaded model as an exact float64 graph with the inputs of `signature`. `exporter` are
    /// the files of the exporter's Python package, path and content, the package's own folder
    /// first in each path.
    ///
    /// # Errors
    /// If the worker died.
    pub async fn export(&mut self, exporter: &[(&str, &str)], signature: &Signature) -> Result<Exported> {
        let mut columns = Vec::with_capacity(signature.inputs.len());
        for input in &signature.inputs {
            let kind = match input.data_type {
                DataType::String => "string",
                DataType::Float => "double",
                DataType::Int => "int",
                DataType::Bool => "bool",
                DataType::Timestamp | DataType::Date => {
                    let reason = format!("column `{}` is a {}", input.name, input.data_type.name());
                    return Ok(Exported::Unsupported(reason));
                }
            };
            columns.push((&input.name, kind));
        }
        let question = json!({
            "op": "export",
            "exporter": exporter,
            "columns": columns,
            "missing": missing_kind(signature),
        });
        #[derive(Deserialize)]
        struct Answer {
            unsupported: Option<String>,
            graph: Option<String>,
        }
        let answer = self.ask(&question, "cannot export the model").await?;
        let answer: Answer = serde_json::from_value(answer).map_err(|error| internal(error.to_string()))?;
        match (answer.graph, answer.unsupported) {
            (Some(graph), _) => {
                let bytes = base64::engine::general_purpose::STANDARD.decode(graph);
                Ok(Exported::Graph(bytes.map_err(|error| internal(error.to_string()))?))
            }
            (None, reason) => Ok(Exported::Unsupported(reason.unwrap_or_default())),
        }
    }

    /// Ends the process and waits for its end.
    pub async fn close(self) {
        self.channel.close().await;
    }

    async fn ask(&mut self, question: &serde_json::Value, attempt: &str) -> Result<serde_json::Value> {
        let asked = async {
            let body = self.channel.ask(question.to_string().as_bytes(), self.start_patience).await?;
            answer::value(&body)
        };
        asked.await.map_err(|failure| fault(attempt, failure))
    }
}

/// Which object stands for a missing text in the tables that the model is asked with.
fn missing_kind(signature: &Signature) -> &'static str {
    let mut texts = signature.inputs.iter().filter(|input| input.data_type == DataType::String);
    if texts.clone().all(|input| input.dtype == "object") {
        return "none";
    }
    if texts.all(|input| input.dtype == "str" || input.dtype == "object(nan)") {
        return "nan";
    }
    "auto"
}

/// `failure` as an error of packaging and loading.
fn fault(attempt: &str, failure: Failure) -> Fault {
    match failure {
        Failure::Died { ended, printed } => {
            let fault = Fault::new(Kind::Model, format!("{attempt}: its Python process ended ({ended})"));
            if printed.is_empty() { fault } else { fault.detail("printed", printed) }
        }
        Failure::TookTooLong(patience) => {
            Fault::new(Kind::Timeout, format!("{attempt}: {}", took_too_long(patience)))
        }
        Failure::Refused(refusal) => {
            let mut fault = Fault::new(Kind::Model, attempt).because(refusal.message);
            if let Some(trace) = refusal.trace {
                fault = fault.detail("traceback", trace);
            }
            match refusal.hint {
                Some(hint) => fault.hint(hint),
                None => fault,
            }
        }
    }
}

/// `failure` as an error of a request.
pub(crate) fn predict_error(failure: Failure) -> PredictError {
    match failure {
        Failure::Died { ended, printed } => {
            let error =
                PredictError::new(ErrorCode::Inference, format!("the model's process ended ({ended})"));
            match printed.lines().rfind(|line| !line.trim().is_empty()) {
                Some(line) => error.hint(format!("it last wrote: {line}")),
                None => error,
            }
        }
        Failure::TookTooLong(patience) => PredictError::new(ErrorCode::Timeout, took_too_long(patience)),
        Failure::Refused(refusal) => {
            let code = match refusal.kind.as_str() {
                "preprocessing" => ErrorCode::Preprocessing,
                // As for a graph: packaging saw finite answers alone.
                "nan" => ErrorCode::BadValue,
                "internal" => ErrorCode::Internal,
                _ => ErrorCode::Inference,
            };
            let not_finite = refusal.kind == "nan";
            let (message, hint, field) = (refusal.message, refusal.hint, refusal.field);
            PredictError { code, message, hint, field, not_finite }
        }
    }
}

fn took_too_long(patience: Duration) -> String {
    format!("the model took longer than {} s, and its process was ended", patience.as_secs_f64())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str()
        .ok_or_else(|| Fault::new(Kind::Model, format!("the path `{}` is not UTF-8", path.display())))
}

fn internal(message: String) -> Fault {
    Fault::new(Kind::Internal, "the model's worker and this program do not understand each other")
        .because(message)
}
