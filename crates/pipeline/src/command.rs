//! From a configured step and its inputs to the action that runs it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use modelyard_core::action::{Action, ActionKind, Command, OutputKind, Sandbox, SandboxMode};
use modelyard_core::config::Step;
use modelyard_core::placeholder::Placeholder;
use modelyard_core::ports::Home;
use modelyard_core::tree::Tree;
use modelyard_core::{Clock, Digest, Fault, Kind, Result};
use modelyard_process::python::Environment;
use modelyard_process::sandbox::paths;
use serde_json::Value;

use crate::code::collect_code;
use crate::stamped::digest_path;
use crate::words::{declared, missing_input};

/// Raised when the way commands are run may change their results.
const RESULT_VERSION: u32 = 1;

/// Content that a step is given.
#[derive(Clone, Debug)]
pub struct InputFile {
    /// What the key holds.
    pub identity: Digest,
    /// Blob or tree.
    pub content: Digest,
    pub kind: OutputKind,
    /// What it is called in the step's folder: `flights.train.parquet`.
    pub file_name: String,
}

/// An action that is a command, and what its execution needs besides the key.
#[derive(Clone)]
pub struct CommandJob {
    /// The step's name, for messages.
    pub step: String,
    pub action: Action,
    pub command: Command,
    /// By placeholder without braces: `data.flights.train`.
    pub inputs: BTreeMap<String, InputFile>,
    pub python: Option<Environment>,
    pub timeout: Option<Duration>,
    /// Values of the declared secrets.
    pub secrets: BTreeMap<String, String>,
    /// What `sandbox.read` adds, absolute.
    pub read: Vec<PathBuf>,
    /// Why the step could open what holds test rows although its sandbox is enforced.
    pub unsealed_by: Option<String>,
    /// Of `{output}`, in a step that makes a data set: `parquet` or `csv`.
    pub table_extension: Option<&'static str>,
    pub root: PathBuf,
}

/// What a step is part of.
pub struct StepContext<'a> {
    pub home: &'a Home,
    pub clock: &'a dyn Clock,
    /// The real path of where the home lies, if on this machine.
    pub home_folder: Option<&'a Path>,
    pub root: &'a Path,
    pub python: Option<&'a Environment>,
    /// Looks up a declared secret.
    pub secret: &'a (dyn Fn(&str) -> Option<String> + Sync),
    /// Files and folders that hold test rows: the sources of data sets, the home. Real paths, as of
    /// [`std::fs::canonicalize`].
    pub sealed: &'a [PathBuf],
}

/// The job of `step`, named `name`, with `params` (its own, overridden) and the `inputs` that its
/// placeholders declare.
///
/// # Errors
/// If a placeholder has no input, a code path matches nothing, or a secret is not set.
pub async fn command_job(
    context: &StepContext<'_>,
    name: &str,
    step: &Step,
    params: BTreeMap<String, Value>,
    inputs: BTreeMap<String, InputFile>,
) -> Result<CommandJob> {
    let mut outputs = step.outputs.clone();
    for placeholder in declared(&step.run)? {
        match &placeholder {
            Placeholder::Table => _ = outputs.insert("table".to_owned(), OutputKind::File),
            Placeholder::Model => _ = outputs.insert("model".to_owned(), OutputKind::Folder),
            Placeholder::Artifacts => _ = outputs.insert("artifacts".to_owned(), OutputKind::Folder),
            Placeholder::Output(output) if !outputs.contains_key(output) => {
                return Err(missing_input(&placeholder).detail("step", name));
            }
            Placeholder::Param(param) if !params.contains_key(param) => {
                return Err(missing_input(&placeholder).detail("step", name));
            }
            Placeholder::Output(_) | Placeholder::Param(_) => {}
            input if !inputs.contains_key(&input_name(input)) => {
                return Err(missing_input(&placeholder).detail("step", name));
            }
            _ => {}
        }
    }
    let code = collect_code(&*context.home.blobs, context.root, &step.code).await?;
    refuse_sealed(context, name, &code)?;
    let mut secrets = BTreeMap::new();
    for secret in &step.secrets {
        let value = (context.secret)(secret).ok_or_else(|| {
            Fault::new(Kind::Config, format!("step `{name}` needs the secret `{secret}`, which is not set"))
                .hint(format!("set the environment variable `{secret}` before the command"))
        })?;
        secrets.insert(secret.clone(), value);
    }
    let read: Vec<_> = step.sandbox.read.iter().map(|path| context.root.join(path)).collect();
    let mut read_digests = BTreeMap::new();
    for (written, path) in step.sandbox.read.iter().zip(&read) {
        read_digests.insert(
            written.clone(),
            digest_path(context.home, context.clock, path, context.home_folder).await?,
        );
    }
    // However they are written: through a link, with `..`.
    let opened: Vec<_> = read.iter().filter_map(|path| std::fs::canonicalize(path).ok()).collect();
    let python = context.python.map(|python| python.read.as_slice()).unwrap_or_default();
    let unsealed_by = unsealed_by(context.sealed, &opened, python);
    let command = Command {
        result_version: RESULT_VERSION,
        words: step.run.clone(),
        outputs,
        variables: step.env.clone(),
        secrets: step.secrets.clone(),
        sandbox: Sandbox {
            mode: if step.sandbox.on { SandboxMode::On } else { SandboxMode::Off },
            network: step.sandbox.network,
            read: read_digests,
        },
        threads: step.threads,
        seed: step.seed,
        refit: false,
    };
    let job = CommandJob {
        step: name.to_owned(),
        action: Action {
            version: 1,
            kind: ActionKind::Command(command.clone()),
            params,
            inputs: inputs.iter().map(|(name, input)| (name.clone(), input.identity)).collect(),
            code: Some(code.digest()),
            environment: context.python.map(|python| python.digest),
        },
        command,
        inputs,
        python: context.python.cloned(),
        timeout: step.timeout_secs.map(Duration::from_secs_f64),
        secrets,
        read,
        unsealed_by,
        table_extension: None,
        root: context.root.to_owned(),
    };
    Ok(job)
}

/// How a step that may read `opened`, besides what `python` needs, could open what is `sealed`. All are
/// real paths.
fn unsealed_by(sealed: &[PathBuf], opened: &[PathBuf], python: &[PathBuf]) -> Option<String> {
    let opens =
        |path: &PathBuf| sealed.iter().any(|sealed| sealed.starts_with(path) || path.starts_with(sealed));
    if opened.iter().any(opens) {
        return Some("`sandbox.read` opens a source or the home".to_owned());
    }
    let covers = |folder: &&PathBuf| sealed.iter().any(|sealed| sealed.starts_with(folder));
    if let Some(folder) = python.iter().find(covers) {
        return Some(format!("a source or the home lies in `{}`, which Python needs", folder.display()));
    }
    // Sources are many, their folders few.
    let folders: BTreeSet<_> = sealed.iter().filter_map(|sealed| sealed.parent()).collect();
    let system = folders.into_iter().find_map(paths::below_system)?;
    Some(format!("a source or the home lies in `{}`, which every step may read", system.display()))
}

/// Refuses code that is, through a link, what holds test rows.
fn refuse_sealed(context: &StepContext<'_>, name: &str, code: &Tree) -> Result<()> {
    // A repetition's project is rebuilt inside the home, from files alone.
    let root = std::fs::canonicalize(context.root).unwrap_or_else(|_| context.root.to_owned());
    let sealed: Vec<_> = context.sealed.iter().filter(|sealed| !root.starts_with(sealed)).collect();
    for file in &code.files {
        let Ok(real) = std::fs::canonicalize(root.join(&file.path)) else { continue };
        if sealed.iter().any(|sealed| real.starts_with(sealed)) {
            let message =
                format!("the code of `{name}` holds `{}`: the step could read the test rows", file.path);
            return Err(Fault::new(Kind::Config, message)
                .detail("leads to", real.display().to_string())
                .hint("name the code's files or folders alone"));
        }
    }
    Ok(())
}

impl CommandJob {
    /// The same job as the refit of a search's winner.
    #[must_use]
    pub fn refit(mut self) -> Self {
        self.command.refit = true;
        self.action.kind = ActionKind::Command(self.command.clone());
        self
    }
}

/// What an input is called in keys and in the context file: the placeholder without braces.
pub(crate) fn input_name(placeholder: &Placeholder) -> String {
    placeholder.to_string().trim_matches(['{', '}']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sealed: &str, opened: &str, python: &str, expected: Option<&str>) {
        let paths = |path: &str| vec![PathBuf::from(path)];
        let found = unsealed_by(&paths(sealed), &paths(opened), &paths(python));
        assert_eq!(found.as_deref(), expected, "{sealed} {opened} {python}");
    }

    #[test]
    fn what_opens_a_sealed_file_is_said() {
        check("/p/data/rows.csv", "/p/lookup", "/q", None);
        check("/p/data/rows.csv", "/p/data/rows.csv.txt", "/q", None);
        for opened in ["/p/data", "/p/data/rows.csv", "/"] {
            check("/p/data/rows.csv", opened, "/q", Some("`sandbox.read` opens a source or the home"));
        }
        check("/p/home", "/p/home/blobs", "/q", Some("`sandbox.read` opens a source or the home"));
        let python = "a source or the home lies in `/opt/conda`, which Python needs";
        check("/opt/conda/rows.csv", "/p/lookup", "/opt/conda", Some(python));
        let system = "a source or the home lies in `/usr`, which every step may read";
        check("/usr/share/rows.csv", "/p/lookup", "/q", Some(system));
    }
}
