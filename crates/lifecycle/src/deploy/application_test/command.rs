//! The project's own test: a command that talks to the deployed version, in its sandbox, with the project's
//! declared code as it was applied, and its Python environment. It may connect to the version's port and
//! nowhere else; it passes if it ends with 0.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use modelyard_core::config::Step;
use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use modelyard_evaluate::application::Outcome;
use modelyard_process::python::{StepVariables, step_environment};
use modelyard_process::run::{CommandSpec, Exit, Status, run};
use modelyard_process::sandbox::SandboxSpec;
use modelyard_process::temporary::PrivateTmp;

use super::{Bench, Check, Found};

pub(super) struct OwnCommand;

/// It is ended after that, where the project says nothing else.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Lines of what it printed that the report keeps.
const LINES: usize = 20;

/// Of each of these lines.
const CHARACTERS: usize = 500;

#[async_trait]
impl Check for OwnCommand {
    fn name(&self) -> &'static str {
        "command"
    }

    fn applies(&self, bench: &Bench<'_>) -> bool {
        bench.environment.spec.tests.command.is_some()
    }

    async fn run(&self, bench: &Bench<'_>) -> Result<Found> {
        let words: Vec<_> = bench
            .environment
            .spec
            .tests
            .command
            .iter()
            .flatten()
            .map(|word| {
                word.replace("{url}", &bench.endpoint.url())
                    .replace("{model}", &bench.subject.model)
                    .replace("{version}", &bench.subject.number.to_string())
            })
            .collect();
        let folder = PrivateTmp::new()?;
        let log = folder.path().join("log");
        let spec = command(bench, &words, folder.path(), &log).await?;
        let exit = run(spec, |_| {}, std::future::pending()).await?;
        let printed = String::from_utf8_lossy(&std::fs::read(&log).unwrap_or_default()).into_owned();
        let shown = words.join(" ");
        let (outcome, sentence) = match ended(&exit, timeout(bench)) {
            None => (
                Outcome::Passed,
                format!("`{shown}` ended with 0 after {:.1} s", exit.usage.wall_ms as f64 / 1e3),
            ),
            Some(how) => (Outcome::Failed, format!("`{shown}` {how}")),
        };
        let mut found = Found::new(outcome, sentence);
        found.wanted = Some("the project's own test ends with 0".to_owned());
        found.cases = 1;
        found.failed = u64::from(outcome == Outcome::Failed);
        found.output = Some(tail(&printed)).filter(|text| !text.is_empty());
        Ok(found)
    }
}

fn timeout(bench: &Bench<'_>) -> Duration {
    let declared = bench.environment.spec.tests.timeout_secs;
    declared.and_then(|secs| Duration::try_from_secs_f64(secs).ok()).unwrap_or(TIMEOUT)
}

/// How it failed, if it did.
fn ended(exit: &Exit, timeout: Duration) -> Option<String> {
    if exit.timed_out {
        return Some(format!("took longer than {} s and was ended", timeout.as_secs_f64()));
    }
    match exit.status {
        Status::Code(0) => None,
        Status::Code(code) => Some(format!("ended with exit code {code}")),
        Status::Signal(signal) => Some(format!("was ended by signal {signal}")),
    }
}

async fn command(bench: &Bench<'_>, words: &[String], folder: &Path, log: &Path) -> Result<CommandSpec> {
    let project = &bench.environment.id.project;
    let applied = bench.home.environments.applied(project).await?.ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("nothing was applied of `{project}`")).hint("modelyard apply")
    })?;
    let [work, home, temporary] = ["work", "home", "tmp"].map(|name| folder.join(name));
    for made in [&home, &temporary] {
        std::fs::create_dir(made).attempt(Kind::Store, || format!("cannot make `{}`", made.display()))?;
    }
    bench.home.blobs.fetch_folder(applied.snapshot, &work).await?;
    let config = crate::snapshot::read_project(&work)?.python;
    let python = bench.settings.python();
    let lock =
        config.requirements.as_ref().map(|requirements| work.join(requirements).with_extension("lock"));
    let lock = lock.filter(|lock| lock.is_file());
    let interpreter = python.find(config.version.as_deref()).await?;
    let environment = python.ensure(lock.as_deref(), &interpreter, &|_| {}).await?;
    let source = work.join("src");
    let modules: &[&Path] = if source.is_dir() { &[&source] } else { &[] };
    let mut spec = CommandSpec::new(words.iter().map(OsString::from), &work, log);
    spec.env = step_environment(StepVariables {
        environment: Some(&environment),
        home: &home,
        temporary: &temporary,
        context: None,
        module_folders: modules,
        threads: Step::DEFAULT_THREADS,
        declared: &Default::default(),
    });
    let port = bench.endpoint.url().rsplit(':').next().and_then(|port| port.parse().ok());
    spec.sandbox = SandboxSpec {
        read: environment.read.clone(),
        write: vec![work, home, temporary],
        network: false,
        ports: port.into_iter().collect(),
        enforce: true,
    };
    spec.timeout = Some(timeout(bench));
    Ok(spec)
}

/// The last lines of `text`.
fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let shown = lines[lines.len().saturating_sub(LINES)..].iter();
    shown.map(|line| line.chars().take(CHARACTERS).collect()).collect::<Vec<String>>().join("\n")
}
