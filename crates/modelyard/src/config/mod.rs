//! Reading `modelyard.toml`: from text to a [`Project`] in which every name refers to something,
//! or all problems at once, each with its place.
//!
//! [`keys`] is the one table of what may be written; [`shape`] checks a file against it and
//! [`schema`] prints it for editors. The other files read one section each and check what its
//! values mean. Nothing here runs a step, opens a home or reads a source.

mod dataset;
pub(crate) mod duration;
mod environments;
mod files;
mod keys;
mod monitor;
mod node;
mod problem;
mod project;
mod references;
mod schema;
mod shape;
mod sinks;
mod size;
mod split;
mod step;
mod test;
mod train;
mod triggers;
mod value;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use modelyard_core::config::Project;
use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::seal;

use problem::Problem;
pub(crate) use schema::json_schema;

/// The name of a project's file.
pub(crate) const FILE: &str = "modelyard.toml";

/// A project as its file says.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) project: Project,
    /// The folder of the file; paths in the project are relative to it.
    pub(crate) root: PathBuf,
    /// `[home] path`, relative to `root`.
    pub(crate) home: Option<String>,
    /// What is worth knowing and no error.
    pub(crate) remarks: Vec<String>,
    /// The file's text, for the snapshot.
    pub(crate) text: String,
}

/// What is wrong with a file.
#[derive(Debug)]
pub(crate) struct Refusal {
    file: String,
    text: String,
    problems: Vec<Problem>,
    pub(crate) remarks: Vec<String>,
}

/// A problem with its place, for whoever does not read the rendering.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Placed<'a> {
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
    pub(crate) message: &'a str,
    pub(crate) hint: Option<&'a str>,
}

impl Refusal {
    pub(crate) fn problems(&self) -> impl Iterator<Item = Placed<'_>> {
        self.problems.iter().map(|problem| {
            let (line, column) = problem::place(&self.text, problem.span.start);
            Placed { line, column, message: &problem.message, hint: problem.hint.as_deref() }
        })
    }

    /// All problems with their source lines.
    pub(crate) fn into_fault(self) -> Fault {
        Fault::new(Kind::Config, problem::render(&self.file, &self.text, &self.problems))
    }
}

/// The project file that holds for `start`: there, or in the nearest folder above.
///
/// # Errors
/// [`Kind::NotFound`] where there is none up to the root.
pub(crate) fn find(start: &Path) -> Result<PathBuf> {
    let start = std::path::absolute(start)
        .attempt(Kind::NotFound, || format!("cannot look for {FILE} from `{}`", start.display()))?;
    start.ancestors().map(|folder| folder.join(FILE)).find(|file| file.is_file()).ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("found no {FILE} in `{}` or a folder above it", start.display()))
            .hint("begin a project with `modelyard new NAME`, or name one with `--project FOLDER`")
    })
}

/// The project file that a command means: `flag` is a folder or a file; without it the nearest one
/// from the current folder up.
///
/// # Errors
/// [`Kind::NotFound`] where there is none.
pub(crate) fn locate(flag: Option<&Path>) -> Result<PathBuf> {
    match flag {
        None => find(Path::new(".")),
        Some(path) if path.is_dir() => {
            let file = path.join(FILE);
            if file.is_file() {
                return Ok(file);
            }
            Err(Fault::new(Kind::NotFound, format!("found no {FILE} in `{}`", path.display()))
                .hint("begin a project with `modelyard new NAME`"))
        }
        Some(path) if path.is_file() => Ok(path.to_owned()),
        Some(path) => Err(Fault::new(Kind::NotFound, format!("found no project at `{}`", path.display()))),
    }
}

/// Reads the project file at `path`.
///
/// # Errors
/// [`Kind::Config`] with every problem and its source line; [`Kind::NotFound`] where the file
/// can't be read.
pub(crate) fn load(path: &Path) -> Result<Loaded> {
    inspect(path)?.map_err(Refusal::into_fault)
}

/// Reads the project file at `path`; what is wrong with it is an answer.
///
/// # Errors
/// Only where the file can't be read.
pub(crate) fn inspect(path: &Path) -> Result<Result<Loaded, Refusal>> {
    let file = shown(path);
    let bytes = std::fs::read(path).attempt(Kind::NotFound, || format!("cannot read `{file}`"))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
        Fault::new(Kind::Config, format!("`{file}` is not text in UTF-8: see line {}", line + 1))
            .hint("save it as UTF-8")
    })?;
    let path = std::path::absolute(path).attempt(Kind::NotFound, || format!("cannot find `{file}`"))?;
    let root = path.parent().unwrap_or(Path::new("/")).to_owned();
    Ok(read(file, text, root))
}

/// Reads `text` as the project file of folder `root`; `file` is its name in messages.
pub(crate) fn read(file: String, text: String, root: PathBuf) -> Result<Loaded, Refusal> {
    let mut reader = project::Reader::new(&text, &root);
    let read = reader.read();
    let project::Reader { problems, mut remarks, .. } = reader;
    if let Some((project, _)) = &read
        && problems.is_empty()
    {
        let open = seal::open_rows(project, &root, project.commands());
        remarks.extend(open.into_iter().map(|reason| format!("{reason}: runs are marked as unsealed")));
    }
    match read {
        Some((project, home)) if problems.is_empty() => Ok(Loaded { project, root, home, remarks, text }),
        _ => Err(Refusal { file, problems: problems.into_sorted(), remarks, text }),
    }
}

/// `path` as messages name it: from the current folder where it lies below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.strip_prefix(&here).unwrap_or(path).display().to_string()
}
