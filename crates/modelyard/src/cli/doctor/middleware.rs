//! Driver *middleware*: Python, uv, the runtime that answers.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use modelyard_process::onnx_library::Places;
use modelyard_process::python::Python;

use super::{Row, Subject};
use crate::cli::session;

pub(super) async fn look(subject: &Subject) -> Vec<Row> {
    vec![python(subject).await, uv(&subject.root).await, make(), onnx().await]
}

async fn python(subject: &Subject) -> Row {
    let project = subject.loaded().map(|loaded| &loaded.project);
    let version = project.and_then(|project| project.python.version.as_deref());
    let cache = session::cache().unwrap_or_else(|_| std::env::temp_dir());
    match Python::new(cache, search_path()).find(version).await {
        Ok(interpreter) => {
            Row::ok("python", format!("{} at {}", interpreter.version, interpreter.path.display()))
        }
        Err(fault) => Row::missing("python", fault.hint_text().unwrap_or(fault.message()).to_owned()),
    }
}

async fn uv(root: &Path) -> Row {
    let missing = || {
        let hint = "venv and pip do its work, more slowly; `pip install uv` brings it";
        Row::missing("uv", hint).optional()
    };
    let Some(program) = on_path("uv") else { return missing() };
    match answer(&program, &["--version"], root).await {
        Some(version) => {
            Row::ok("uv", version.split_whitespace().nth(1).unwrap_or(&version).to_owned()).optional()
        }
        None => missing(),
    }
}

fn make() -> Row {
    match on_path("make") {
        Some(path) => Row::ok("make", path.display().to_string()).optional(),
        None => {
            Row::missing("make", "the Makefile's recipes can be typed by hand; Debian: `apt install make`")
                .optional()
        }
    }
}

/// Looks for ONNX Runtime without fetching it: with no search path there is no tool to fetch with.
async fn onnx() -> Row {
    const NAME: &str = "onnx runtime";
    let Ok(cache) = session::cache() else {
        return Row::missing(NAME, "there is no cache folder to keep it in");
    };
    let given = std::env::var_os("MODELYARD_ONNX_LIBRARY").map(PathBuf::from);
    let variable = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let program = std::env::current_exe().ok();
    let places = Places {
        given: given.as_deref(),
        variable: variable.as_deref(),
        program: program.as_deref().and_then(Path::parent),
        environments: &[],
    };
    match Python::new(cache, OsString::new()).onnx_library(places, &|_| ()).await {
        Ok(library) => Row::ok(NAME, format!("{} at {}", library.version, library.path.display())).optional(),
        Err(fault) if given.is_some() || variable.is_some() => {
            Row::wrong(NAME, fault.message().to_owned(), fault.hint_text().unwrap_or_default())
        }
        Err(_) => Row::missing(NAME, "it is fetched once, when first needed").optional(),
    }
}

fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// The first file called `name` in the folders of `PATH`.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = search_path();
    std::env::split_paths(&path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// What `program` prints, without the line end; `None` where it fails or takes too long.
pub(super) async fn answer(program: &Path, args: &[&str], folder: &Path) -> Option<String> {
    let mut command = tokio::process::Command::new(program);
    command.args(args).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(10), command.output()).await.ok()?.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
