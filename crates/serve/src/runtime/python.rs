//! A worker process in the model's own Python environment.
//!
//! The rows of all requests that wait are one question. A worker that dies, hangs or holds more memory
//! than it may is replaced: the next one starts at once, later each time one dies before it gave an
//! answer, and answers the golden rows before it is asked anything else; whose rows were under way is
//! for the queue to sort out. Requests wait a while for it, then they are refused; where one after the
//! other dies of what it is asked they are refused at once, so that nobody waits in line for that.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use modelyard_core::config::Task;
use modelyard_core::package::{Package, Predictions, Signature};
use modelyard_core::table::Table;
use modelyard_core::{Fault, Kind, Result};
use tokio::task::JoinHandle;

use super::Runtime;
use crate::golden::Proof;
use crate::worker::{Failure, ModelFiles, Worker, predict_error};
use crate::{ErrorCode, Options, PredictError, PythonSpec};

/// Waits before a start, by the number of deaths since the last answer.
const BACK_OFF: [Duration; 4] =
    [Duration::ZERO, Duration::ZERO, Duration::from_millis(250), Duration::from_secs(2)];

/// How long requests are refused at once after all these starts failed, or two workers hung in a row.
const PAUSE: Duration = Duration::from_secs(5);

/// How long after a worker's end requests wait for the next one: on a busy machine Python takes its time.
const WAIT: Duration = Duration::from_secs(30);

/// How long a worker may take from its start to its proof.
const START_PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct PythonRuntime {
    recipe: Arc<Recipe>,
    state: State,
    deaths: usize,
    /// Workers that hung since the last answer, and when the last one did.
    hangs: (usize, Option<Instant>),
    was_lost: bool,
    restarts: Arc<AtomicU64>,
}

/// What a worker is started with.
struct Recipe {
    spec: PythonSpec,
    files: ModelFiles,
    read: Vec<PathBuf>,
    signature: Signature,
    task: Task,
    classes: Vec<String>,
    proof: Proof,
}

enum State {
    Up(Box<Worker>),
    Starting(Start),
    /// Why the last starts failed, and when.
    Failed(Instant, PredictError),
}

/// A worker on its way.
struct Start {
    task: JoinHandle<Result<Worker>>,
    /// Since when there is none.
    since: Instant,
}

impl Drop for Start {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl PythonRuntime {
    pub(super) async fn load(package: &Package, entry: &str, options: &Options) -> Result<Self> {
        let Some(spec) = options.python.clone() else {
            return Err(Fault::new(Kind::Environment, "the package needs Python, and none was given")
                .hint("its environment is made from the package's `requirements.lock`"));
        };
        let manifest = &package.manifest;
        let code = package.folder.join("code");
        let recipe = Recipe {
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
        };
        // The queue proves the golden rows of a model that is opened.
        let worker = recipe.start().await?;
        Ok(Self {
            recipe: Arc::new(recipe),
            state: State::Up(Box::new(worker)),
            deaths: 0,
            hangs: (0, None),
            was_lost: false,
            restarts: Arc::default(),
        })
    }

    /// Starts the next worker, in the background.
    fn starting(&self, since: Instant) -> State {
        let (recipe, pause) = (self.recipe.clone(), BACK_OFF[self.deaths.min(BACK_OFF.len() - 1)]);
        let task = tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            tokio::time::timeout(START_PATIENCE, recipe.start_proven()).await.unwrap_or_else(|_| {
                let message =
                    format!("the model's process was not ready after {} s", START_PATIENCE.as_secs());
                Err(Fault::new(Kind::Model, message))
            })
        });
        State::Starting(Start { task, since })
    }

    /// Notes the end of a worker, and starts the next.
    fn replace(&mut self) {
        self.deaths += 1;
        self.restarts.fetch_add(1, Ordering::Relaxed);
        self.state = self.starting(Instant::now());
    }

    /// Waits until there is a worker to ask.
    async fn up(&mut self) -> Result<&mut Worker, PredictError> {
        if let (2.., Some(at)) = self.hangs
            && at.elapsed() < PAUSE
        {
            let patience = self.recipe.spec.patience.as_secs_f64();
            let message = format!("the model took longer than {patience} s, again and again");
            return Err(PredictError::new(ErrorCode::NotReady, message));
        }
        loop {
            match &mut self.state {
                State::Up(_) => break,
                State::Failed(at, error) if at.elapsed() < PAUSE => return Err(error.clone()),
                State::Failed(..) => self.state = self.starting(Instant::now()),
                State::Starting(start) => {
                    let since = start.since;
                    let left = match self.deaths <= BACK_OFF.len() {
                        true => WAIT.saturating_sub(since.elapsed()),
                        false => Duration::ZERO,
                    };
                    let started = match tokio::time::timeout(left, &mut start.task).await {
                        Ok(started) => started.unwrap_or_else(|error| {
                            Err(Fault::new(Kind::Internal, "the start was given up").because(error))
                        }),
                        Err(_) => {
                            let message = "the model's process is being started again";
                            return Err(PredictError::new(ErrorCode::NotReady, message)
                                .hint("send the request again later"));
                        }
                    };
                    self.state = match started {
                        Ok(worker) => State::Up(Box::new(worker)),
                        Err(fault) if self.deaths >= BACK_OFF.len() => {
                            let message = "the model's process cannot be started again";
                            let error = PredictError::new(ErrorCode::NotReady, message).hint(fault.report());
                            State::Failed(Instant::now(), error)
                        }
                        Err(_) => {
                            self.deaths += 1;
                            self.starting(since)
                        }
                    };
                }
            }
        }
        match &mut self.state {
            State::Up(worker) => Ok(worker),
            _ => Err(PredictError::new(ErrorCode::Internal, "the model's process went away")),
        }
    }
}

impl Recipe {
    async fn start(&self) -> Result<Worker> {
        let mut worker = Worker::start(&self.spec, &self.read).await?;
        worker.load(&self.files).await?;
        worker.prepare(&self.signature, self.task, &self.classes).await?;
        Ok(worker)
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

    fn restarts(&self) -> Option<Arc<AtomicU64>> {
        Some(self.restarts.clone())
    }

    async fn predict(&mut self, table: &Table) -> Result<Predictions, PredictError> {
        self.was_lost = false;
        let worker = self.up().await?;
        match worker.predict(table).await {
            Ok(predictions) => {
                self.deaths = 0;
                self.hangs = (0, None);
                Ok(predictions)
            }
            Err(failure) => {
                if let Failure::TookTooLong(_) = failure {
                    self.hangs = (self.hangs.0 + 1, Some(Instant::now()));
                }
                if failure.is_death() {
                    // Rows on which it took too long are not tried again.
                    self.was_lost = matches!(failure, Failure::Died { .. });
                    self.replace();
                }
                Err(predict_error(failure))
            }
        }
    }

    async fn close(&mut self) {
        let nobody = PredictError::new(ErrorCode::NotReady, "the model was closed");
        if let State::Up(worker) = std::mem::replace(&mut self.state, State::Failed(Instant::now(), nobody)) {
            worker.close().await;
        }
    }
}
