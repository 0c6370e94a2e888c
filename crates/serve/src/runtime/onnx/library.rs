//! The ONNX Runtime library of this process.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use modelyard_core::{Fault, Kind, Result};
use ort::environment::Environment;
use ort::logging::LogLevel;

/// ONNX Runtime allows one library and one environment a process, for as long as it lives: this is
/// the library's own global state, kept here and nowhere else.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// The process's environment, made from the library at `path` by the first caller.
///
/// # Errors
/// If the library is missing, is none, or is too old. A later call may try another path.
pub(super) fn environment(path: &Path) -> Result<Environment> {
    let mut made = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(environment) = made.as_ref() {
        return Ok(environment.clone());
    }
    let cannot = || Fault::new(Kind::Model, format!("cannot use ONNX Runtime from `{}`", path.display()));
    let hint = "ONNX Runtime 1.21 or newer is needed: the file `libonnxruntime.so.*` of PyPI's `onnxruntime`";
    // Without this the first session would look for a library by itself, and panic without one.
    let builder = ort::init_from(path).map_err(|error| cannot().because(error).hint(hint))?;
    let environment = builder
        .with_name("modelyard")
        .with_telemetry(false)
        .build()
        .map_err(|error| cannot().because(error))?;
    // Some exporters declare shapes that make it warn on every batch.
    environment.set_log_level(LogLevel::Error);
    *made = Some(environment.clone());
    Ok(environment)
}
