//! Models that answer: runtimes, batching, and the signature's rules about requests.
//!
//! ```text
//! request   JSON rows or columns become a table, or an error that names the field
//! Model     a proven package: its queue, and the one dispatcher that drains it in batches
//! runtime   who computes the answers: a file each (`onnx`, `python`)
//! log       what was asked and answered, on its way to the inference log
//! fleet     the versions one process serves, and which of them answers a request
//! worker    the Python process behind `python`, also asked by packaging
//! ```
//!
//! Nothing here knows a status code, a home or a store: a package is a folder that was verified
//! before, and a request is plain JSON values. A new runtime is a file in [`runtime`], a line in
//! its list, and a call of the conformance suite in `tests/`.

mod batch;
mod error;
pub mod fleet;
mod golden;
pub mod log;
mod model;
mod options;
pub mod request;
pub mod runtime;
pub mod worker;

pub use error::{ErrorCode, PredictError};
pub use fleet::Fleet;
pub use model::Model;
pub use options::{Options, PythonSpec};
