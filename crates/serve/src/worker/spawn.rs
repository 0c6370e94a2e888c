//! Starting a worker's process, in its sandbox.

use std::ffi::OsString;
use std::path::PathBuf;

use modelyard_core::Result;
use modelyard_process::machine;
use modelyard_process::python::{StepVariables, step_environment};
use modelyard_process::sandbox::SandboxSpec;
use modelyard_process::temporary::PrivateTmp;
use modelyard_process::worker::{WorkerSpec, spawn_worker};

use super::channel::Channel;
use crate::PythonSpec;

const BOOTSTRAP: &str = include_str!("../../python/bootstrap.py");

/// The descriptor that a worker finds its socket at.
const SOCKET: &str = "3";

pub(super) fn spawn(spec: &PythonSpec, read: &[PathBuf]) -> Result<Channel> {
    let temporary = PrivateTmp::new()?;
    let folder = temporary.path();
    let words: Vec<OsString> = [spec.interpreter.as_os_str()]
        .into_iter()
        // Isolated: nothing of the user's Python reaches it, and it leaves no bytecode in a package.
        .chain(["-I", "-B", "-c", BOOTSTRAP, SOCKET].map(AsRef::as_ref))
        .map(ToOwned::to_owned)
        .collect();
    let env = step_environment(StepVariables {
        environment: None,
        home: folder,
        temporary: folder,
        context: None,
        module_folders: &[],
        threads: spec.threads,
        declared: &spec.variables,
    });
    let sandbox = SandboxSpec {
        read: spec.read.iter().chain(read).cloned().collect(),
        write: vec![folder.to_owned()],
        network: false,
        ports: Vec::new(),
        enforce: spec.sandboxed,
    };
    // A worker that grows is to be ended before the machine, out of memory, ends something else.
    let half = || machine::memory_bytes().map(|bytes| bytes / 2);
    let bound = match spec.memory_bytes {
        Some(_) => "`limits.memory`",
        None => "half of the machine's, as `limits.memory` is not set",
    };
    let (process, stream) = spawn_worker(&WorkerSpec {
        words,
        cwd: folder.to_owned(),
        env,
        sandbox,
        memory_bytes: spec.memory_bytes.or_else(half),
    })?;
    Ok(Channel::new(stream, process, bound, temporary))
}
