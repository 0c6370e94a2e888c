//! Starting a worker's process.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::process::Stdio;

use modelyard_core::fault::Attempt;
use modelyard_core::{Kind, Result};
use tokio::net::UnixStream;
use tokio::process::Command;

use super::channel::Channel;
use crate::PythonSpec;

const BOOTSTRAP: &str = include_str!("../../python/bootstrap.py");

pub(super) fn spawn(spec: &PythonSpec, _read: &[PathBuf], _write: &[PathBuf]) -> Result<Channel> {
    let cannot = || format!("cannot start the model's Python `{}`", spec.interpreter.display());
    let (ours, theirs) = StdStream::pair().attempt(Kind::Model, cannot)?;
    ours.set_nonblocking(true).attempt(Kind::Model, cannot)?;
    let mut child = Command::new(&spec.interpreter)
        .args(["-I", "-B", "-c", BOOTSTRAP, "0"])
        .env_clear()
        .env("LANG", "C.UTF-8")
        .env("TZ", "UTC")
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .attempt(Kind::Model, cannot)?;
    let stderr = child.stderr.take();
    let stream = UnixStream::from_std(ours).attempt(Kind::Model, cannot)?;
    Ok(Channel::new(stream, child, stderr))
}
