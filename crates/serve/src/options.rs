//! What the machine lends a model: the library, the interpreter, threads and queue.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// How models are run. Nothing here changes an answer.
#[derive(Clone, Debug)]
pub struct Options {
    /// The ONNX Runtime shared library, 1.21 or newer. The first one a process loads is used for
    /// all its models.
    pub onnx_library: PathBuf,
    /// Needed for packages with the runtime `python` only.
    pub python: Option<PythonSpec>,
    /// Threads that one batch may use inside ONNX Runtime; 1 is best for small models.
    pub threads: usize,
    /// Most rows that waiting requests are joined to, 64 to 1,024. A request with more rows is
    /// asked by itself.
    pub max_batch_rows: usize,
    /// Rows that may wait; a request beyond that is refused as `overloaded`.
    pub queue_rows: usize,
}

impl Options {
    pub const DEFAULT_MAX_BATCH_ROWS: usize = 256;
    pub const DEFAULT_QUEUE_ROWS: usize = 100_000;

    pub fn new(onnx_library: impl Into<PathBuf>) -> Self {
        Self {
            onnx_library: onnx_library.into(),
            python: None,
            threads: 1,
            max_batch_rows: Self::DEFAULT_MAX_BATCH_ROWS,
            queue_rows: Self::DEFAULT_QUEUE_ROWS,
        }
    }
}

/// The model's own Python.
#[derive(Clone, Debug)]
pub struct PythonSpec {
    /// Of the environment the model was trained in.
    pub interpreter: PathBuf,
    /// The interpreter's folders, which its sandbox must let it read: environment and base
    /// installation.
    pub read: Vec<PathBuf>,
    /// Threads that the model's libraries may use: as declared for training, so that nothing of
    /// the machine shows in an answer.
    pub threads: u32,
    /// False where the worker may open what it likes (`sandbox = "off"`).
    pub sandboxed: bool,
    /// How long the model may take over one batch before its process is ended.
    pub patience: Duration,
    /// The same for each question before it is asked its first one: to be opened, to be described.
    pub start_patience: Duration,
    /// Variables of the worker, besides those every worker has.
    pub variables: BTreeMap<String, String>,
    /// What a worker may hold with all of its processes; it is ended and replaced above that.
    /// `None`: half of what the machine, or this program's control group, has.
    pub memory_bytes: Option<u64>,
}

impl PythonSpec {
    /// Far more than a batch needs: what takes as long will never end.
    pub const DEFAULT_PATIENCE: Duration = Duration::from_secs(300);
}
