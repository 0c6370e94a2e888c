//! A worker process in the model's own Python environment.
//!
//! The rows of all requests that wait are one question. A worker that dies is started again, later
//! each time it dies before it gave an answer, and answers the golden rows before it is asked
//! anything else; whose rows were under way is for the queue to sort out.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use modelyard_core::config::Task;
use modelyard_core::package::{Package, Predictions, Signature};
use modelyard_core::table::Table;
use modelyard_core::{Fault, Kind, Result};

use super::Runtime;
use crate::golden::Proof;
use crate::worker::{Failure, ModelFiles, Worker, predict_error};
use crate::{ErrorCode, Options, PredictError, PythonSpec};

/// Waits before a start, by the number of deaths since the last answer.
const BACK_OFF: [Duration; 4] =
    [Duration::ZERO, Duration::ZERO, Duration::from_millis(250), Duration::from_secs(2)];

/// How long requests are refused at once after all these starts failed.
const PAUSE: Duration = Duration::from_secs(5);

pub(super) struct PythonRuntime {
    spec: PythonSpec,
    files: ModelFiles,
    read: Vec<PathBuf>,
    signature: Signature,
    task: Task,
    classes: Vec<String>,
    proof: Proof,
    worker: Option<Worker>,
    deaths: usize,
    was_lost: bool,
    /// Why the last starts failed, and when.
    failed: Option<(Instant, PredictError)>,
}

impl PythonRuntime {
    pub(super) async fn load(package: &Package, entry: &str, options: &Options) -> Result<Self> {
        let Some(spec) = options.python.clone() else {
            return Err(Fault::new(Kind::Environment, "the package needs Python, and none was given")
                .hint("its environment is made from the package's `requirements.lock`"));
        };
        let manifest = &package.manifest;
        let code = package.folder.join("code");
        let mut runtime = Self {
            spec,
            files: ModelFiles {
                folder: package.folder.clone(),
                entry: entry.to_owned(),
                code: code.is_dir().then_some(code),
            },
            read: vec![package.folder.clone()],
            signature: manifest.signature.clone(),
            task: manifest.task,
            classes: manifest.classes.clone(),
            proof: Proof::new(package)?,
            worker: None,
            deaths: 0,
            was_lost: false,
            failed: None,
        };
        // The queue proves the golden rows of a model that is opened.
        runtime.worker = Some(runtime.start().await?);
        Ok(runtime)
    }

    async fn start(&self) -> Result<Worker> {
        let mut worker = Worker::start(&self.spec, &self.read).await?;
        worker.load(&self.files).await?;
        worker.prepare(&self.signature, self.task, &self.classes).await?;
        Ok(worker)
    }

    /// A new worker in place of one that died; once more if that one dies while it starts.
    async fn restart(&mut self) -> Result<Worker, PredictError> {
        match &self.failed {
            Some((at, error)) if at.elapsed() < PAUSE => return Err(error.clone()),
            _ => self.failed = None,
        }
        loop {
            tokio::time::sleep(BACK_OFF[self.deaths.min(BACK_OFF.len() - 1)]).await;
            match self.start_proven().await {
                Ok(worker) => return Ok(worker),
                Err(fault) if self.deaths >= BACK_OFF.len() => {
                    let message = "the model's process cannot be started again";
                    let error = PredictError::new(ErrorCode::NotReady, message).hint(fault.report());
                    self.failed = Some((Instant::now(), error.clone()));
                    return Err(error);
                }
                Err(_) => self.deaths += 1,
            }
        }
    }

    async fn start_proven(&self) -> Result<Worker> {
        let mut worker = self.start().await?;
        if let Some(table) = self.proof.table() {
            let answers = worker.score(table).await.map_err(|error| {
                Fault::new(Kind::Model, "the model does not answer its golden rows any more").because(error)
            })?;
            self.proof.check(&answers)?;
        }
        Ok(worker)
    }
}

#[async_trait]
impl Runtime for PythonRuntime {
    fn name(&self) -> &'static str {
        "python"
    }

    fn computes_in_place(&self) -> bool {
        false
    }

    fn was_lost(&self) -> bool {
        self.was_lost
    }

    async fn predict(&mut self, table: &Table) -> Result<Predictions, PredictError> {
        self.was_lost = false;
        let mut worker = match self.worker.take() {
            Some(worker) => worker,
            None => self.restart().await?,
        };
        match worker.predict(table).await {
            Ok(predictions) => {
                self.deaths = 0;
                self.worker = Some(worker);
                Ok(predictions)
            }
            Err(failure) if failure.is_death() => {
                // Rows on which it took too long are not tried again.
                self.was_lost = matches!(failure, Failure::Died { .. });
                self.deaths += 1;
                Err(predict_error(failure))
            }
            Err(failure) => {
                self.worker = Some(worker);
                Err(predict_error(failure))
            }
        }
    }

    async fn close(&mut self) {
        if let Some(worker) = self.worker.take() {
            worker.close().await;
        }
    }
}
