//! Running the tools of Python: interpreters, uv, pip.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use modelyard_core::{Fault, Kind, Result};
use tokio::process::Command;

use super::Python;

/// How long a line of a tool's words may get before it no longer helps.
const WORDS: usize = 4000;

/// A command with this program's environment but for what would lead Python astray.
pub(super) fn command(program: impl AsRef<OsStr>, arguments: &[&OsStr]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).env("NO_COLOR", "1");
    for name in ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON"] {
        command.env_remove(name);
    }
    command
}

/// Runs `command`; answers its stdout.
///
/// # Errors
/// [`Kind::Environment`] with `message` and the tool's own words, if it can't be started or fails.
pub(super) async fn output(mut command: Command, message: impl FnOnce() -> String) -> Result<String> {
    match command.output().await {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => {
            Err(Fault::new(Kind::Environment, message()).because(words(&output.stderr, &output.stdout)))
        }
        Err(error) => Err(Fault::new(Kind::Environment, message()).because(error)),
    }
}

/// What a tool said, fit to be read below a message.
fn words(stderr: &[u8], stdout: &[u8]) -> String {
    let stderr = String::from_utf8_lossy(stderr);
    let said = if stderr.trim().is_empty() { String::from_utf8_lossy(stdout) } else { stderr };
    let mut lines: Vec<&str> = Vec::new();
    for line in said.lines() {
        let line = line.trim_end();
        let line = line.strip_prefix("ERROR: ").or_else(|| line.strip_prefix("error: ")).unwrap_or(line);
        let noise = line.is_empty() || line.starts_with("[notice]") || line.starts_with("WARNING: ");
        if !noise {
            lines.push(line);
        }
    }
    let mut text = lines.join("\n");
    if text.len() > WORDS {
        let cut = text.floor_char_boundary(WORDS);
        text.truncate(cut);
        text.push('…');
    }
    if text.is_empty() { "it failed without a word".to_owned() } else { text }
}

impl Python {
    /// uv as the words that start it: `uv`, or a `python3` that has it as a module; `None` without.
    pub(super) async fn uv(&self) -> Option<Vec<OsString>> {
        for path in self.named("uv") {
            if succeeds(command(&path, &["--version".as_ref()])).await {
                return Some(vec![path.into()]);
            }
        }
        let python = self.named("python3").next()?;
        let module = ["-m", "uv", "--version"].map(OsStr::new);
        succeeds(command(&python, &module)).await.then(|| vec![python.into(), "-m".into(), "uv".into()])
    }

    /// The executables called `name`, in the order searched.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = PathBuf> {
        use std::os::unix::fs::PermissionsExt;
        std::env::split_paths(&self.search)
            .filter(|folder| folder.is_absolute())
            .map(move |folder| folder.join(name))
            .filter(|path| {
                std::fs::metadata(path)
                    .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
            })
    }
}

async fn succeeds(mut command: Command) -> bool {
    command.output().await.is_ok_and(|output| output.status.success())
}

/// Writes `bytes` so that `path` holds all of it or what it held before.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut name = path.as_os_str().to_owned();
    // Of this thread alone: several processes and threads may write the same file.
    name.push(format!(".{}-{:?}.new", std::process::id(), std::thread::current().id()));
    let mut file = std::fs::File::create(&name)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&name, path).inspect_err(|_| {
        let _ = std::fs::remove_file(&name);
    })
}
