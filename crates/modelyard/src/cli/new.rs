//! `modelyard new NAME`: a Python project that works as it stands.
//!
//! The files lie in `templates/`: `classic` in every project, `project` unless `--minimal`. To add
//! one: the file there, a line in [`CLASSIC`] or [`PROJECT`]. Nothing is ever overwritten, nothing
//! is downloaded, and Git is not needed.

use std::fs;
use std::io::Write as _;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use modelyard_core::fault::Attempt as _;
use modelyard_core::model::is_name;
use modelyard_core::{Fault, Kind, Result};
use serde_json::json;

use super::{Context, print};

/// Begin a project: code, tests, Makefile, modelyard.toml, sample data
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The folder to make; its last part names the project
    #[arg(value_name = "NAME")]
    name: PathBuf,
    /// The classic Python files alone: Makefile, requirements, a module and its test
    #[arg(long)]
    minimal: bool,
}

/// A file of a new project: where it goes, what it says.
type Template = (&'static str, &'static str);

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/", $path))
    };
}

const CLASSIC: [Template; 5] = [
    ("Makefile", template!("classic/Makefile")),
    ("requirements.txt", template!("classic/requirements.txt")),
    ("hello.py", template!("classic/hello.py")),
    ("test_hello.py", template!("classic/test_hello.py")),
    (".gitignore", template!("classic/gitignore")),
];

const PROJECT: [Template; 6] = [
    ("modelyard.toml", template!("project/modelyard.toml")),
    ("train.py", template!("project/train.py")),
    ("python/requirements.txt", template!("project/requirements.txt")),
    ("data/weather.csv", template!("project/data/weather.csv")),
    ("data/README.md", template!("project/data/README.md")),
    ("README.md", template!("project/README.md")),
];

/// Added to `.gitignore` of a whole project.
const PROJECT_IGNORES: &str = template!("project/gitignore");

/// # Errors
/// [`Kind::Usage`] for a name that can't be one; [`Kind::Conflict`] where something is there
/// already; [`Kind::Store`] where the folder can't be written. Then nothing new is left behind.
pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let name = project_name(&args.name)?;
    let files = files(&name, args.minimal);
    let mut written = Written::default();
    if let Err(fault) = write(&args.name, &files, &mut written) {
        written.undo();
        return Err(fault);
    }
    if ctx.json {
        let names: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
        print::json(&json!({
            "name": name,
            "folder": args.name,
            "minimal": args.minimal,
            "files": names,
        }));
    } else {
        told(&args, &name, files.len(), ctx.quiet);
    }
    Ok(ExitCode::SUCCESS)
}

/// The last part of the folder's path, where it may name a project.
fn project_name(folder: &Path) -> Result<String> {
    let last = match folder.components().next_back() {
        Some(Component::Normal(name)) => name.to_owned(),
        _ => {
            let whole = fs::canonicalize(folder)
                .attempt(Kind::Usage, || format!("`{}` names no folder", folder.display()))?;
            whole.file_name().unwrap_or_default().to_owned()
        }
    };
    let name = last.to_string_lossy().into_owned();
    if is_name(&name) {
        return Ok(name);
    }
    Err(Fault::new(Kind::Usage, format!("`{name}` can't name a project")).hint(
        "a name has letters, digits, `_`, `-` and `.`, begins with a letter or digit, and has at most 100",
    ))
}

fn files(name: &str, minimal: bool) -> Vec<(&'static str, String)> {
    let project: &[Template] = if minimal { &[] } else { &PROJECT };
    let requirements =
        if minimal { "-r requirements.txt" } else { "-r requirements.txt -r python/requirements.txt" };
    let filled = |text: &str| text.replace("@NAME@", name).replace("@REQUIREMENTS@", requirements);
    let mut files: Vec<(&str, String)> =
        CLASSIC.iter().chain(project).map(|(path, text)| (*path, filled(text))).collect();
    if let Some((_, ignores)) = files.iter_mut().find(|(path, _)| !minimal && *path == ".gitignore") {
        ignores.insert_str(0, PROJECT_IGNORES);
    }
    files
}

/// What was made so far, in order.
#[derive(Default)]
struct Written {
    folders: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Written {
    /// Removes what was made and nothing else: a folder that has got other content stays.
    fn undo(&self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn write(folder: &Path, files: &[(&str, String)], written: &mut Written) -> Result<()> {
    make_folder(folder, written)?;
    let mut entries =
        fs::read_dir(folder).attempt(Kind::Store, || format!("cannot look into `{}`", folder.display()))?;
    if entries.next().is_some() {
        let project = folder.join(crate::config::FILE).is_file();
        let what = if project { "is a project already" } else { "is not empty" };
        return Err(Fault::new(Kind::Conflict, format!("`{}` {what}", folder.display()))
            .hint("choose another name; nothing was changed"));
    }
    for (path, text) in files {
        let path = folder.join(path);
        if let Some(parent) = path.parent() {
            make_folder(parent, written)?;
        }
        let created = fs::OpenOptions::new().write(true).create_new(true).open(&path);
        let mut file = created.attempt(Kind::Store, || format!("cannot write `{}`", path.display()))?;
        written.files.push(path.clone());
        file.write_all(text.as_bytes())
            .attempt(Kind::Store, || format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

/// Makes `folder` and what is missing above it.
fn make_folder(folder: &Path, written: &mut Written) -> Result<()> {
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists()).collect();
    for above in missing.into_iter().rev() {
        fs::create_dir(above)
            .attempt(Kind::Store, || format!("cannot make the folder `{}`", above.display()))?;
        written.folders.push(above.to_owned());
    }
    if folder.is_dir() {
        return Ok(());
    }
    Err(Fault::new(Kind::Conflict, format!("`{}` is there and no folder", folder.display()))
        .hint("choose another name; nothing was changed"))
}

/// What to do next, for every shell.
fn told(args: &Args, name: &str, files: usize, quiet: bool) {
    let folder = args.name.display().to_string();
    print::result(format!("created {folder}: {files} files"));
    if quiet {
        return;
    }
    let here = matches!(folder.as_str(), "." | "./");
    let mut lines: Vec<(String, &str)> = Vec::new();
    if !here {
        let quoted = shlex::try_quote(&folder).map_or(folder.clone(), std::borrow::Cow::into_owned);
        lines.push((format!("cd {quoted}"), ""));
    }
    lines.push(("make install".to_owned(), "the tools, in .venv"));
    let (bin, ps1) = if cfg!(windows) {
        ("Scripts", ".venv\\Scripts\\Activate.ps1")
    } else {
        ("bin", ".venv/bin/Activate.ps1")
    };
    lines.push((format!("source .venv/{bin}/activate"), "bash, zsh"));
    lines.push((format!("source .venv/{bin}/activate.fish"), "fish"));
    lines.push((ps1.to_owned(), "PowerShell"));
    lines.push(("make lint test".to_owned(), "check the code"));
    let serve = format!("modelyard serve {name}");
    if !args.minimal {
        lines.push(("modelyard run".to_owned(), "from data to a registered model"));
        lines.push((serve, "answer requests"));
    }
    for (command, meaning) in lines {
        print::result(format!("  {command:<34}{meaning}").trim_end());
    }
}
