//! Trainings that triggers set off: the process that the server starts for each, and what it does there.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;

use async_trait::async_trait;
use modelyard_core::fault::Attempt;
use modelyard_core::id::RunId;
use modelyard_core::ports::Home;
use modelyard_core::{Kind, Result};
use modelyard_lifecycle::deploy::release::Machine;
use modelyard_lifecycle::monitor::train::Hands;
use modelyard_lifecycle::monitor::train::carry_out::{Job, record_failure};
use modelyard_lifecycle::{Silent, Workshop, build};
use modelyard_pipeline::{Engine, Mode, executor};
use tokio::process::Command;
use tokio::task::JoinHandle;

use super::{Context, conduct, session};
use crate::config;

/// Who serves on the same machine goes first.
const NICENESS: &str = "10";

/// Steps and trials at once.
const JOBS: usize = 2;

/// What trainings need of this machine.
pub(crate) struct OwnHands {
    pub(crate) home: Home,
    /// The home's, absolute.
    pub(crate) folder: PathBuf,
}

#[async_trait]
impl Hands for OwnHands {
    async fn machine(&self, with_onnx: bool) -> Result<Machine> {
        conduct::machine(&self.home, with_onnx).await
    }

    async fn start(&self, project: &str, run: RunId) -> Result<JoinHandle<String>> {
        let failed = || format!("cannot start the training {run}");
        let program = std::env::current_exe().attempt(Kind::Internal, failed)?;
        let logs = self.folder.join("trainings");
        std::fs::create_dir_all(&logs).attempt(Kind::Store, failed)?;
        let path = logs.join(format!("{run}.log"));
        let log = File::options().create(true).append(true).open(&path).attempt(Kind::Store, failed)?;
        let mut command = Command::new("nice");
        command.args(["-n", NICENESS]).arg(program).arg("--home").arg(&self.folder);
        command.args(["training", project, &run.to_string()]);
        // Whoever ends the server from a terminal ends the watching, not the training.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut child = command.spawn().attempt(Kind::Environment, failed)?;
        Ok(tokio::spawn(async move {
            let how = match child.wait().await {
                Ok(status) if status.success() => {
                    let _ = std::fs::remove_file(&path);
                    return status.to_string();
                }
                Ok(status) => status.to_string(),
                Err(error) => error.to_string(),
            };
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            match text.lines().rev().find(|line| !line.trim().is_empty()) {
                Some(last) => format!("{how}: {last}"),
                None => how,
            }
        }))
    }
}

/// Carry out a training that a trigger set off; the server calls this
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The project's name; `--project` is its folder.
    #[arg(value_name = "PROJECT")]
    of: String,
    run: RunId,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let home = session::home(ctx).await?;
    let folder = session::absolute(&session::home_folder(ctx)?);
    let scratch = folder.join("steps");
    let Some(job) = Job::prepare(&home, &*ctx.clock, &args.of, args.run, &scratch).await? else {
        return Ok(ExitCode::SUCCESS);
    };
    let built = match shop(&job, home.clone(), &folder, ctx) {
        Ok(shop) => {
            session::cancel_on_signals(shop.engine.cancel.clone());
            build(Arc::new(shop), None).await.map(|_| ())
        }
        Err(fault) => Err(fault),
    };
    if let Err(fault) = &built {
        record_failure(&home, &*ctx.clock, &args.of, args.run, fault).await?;
    }
    built.map(|()| ExitCode::SUCCESS)
}

fn shop(job: &Job, home: Home, folder: &Path, ctx: &Context) -> Result<Workshop> {
    let file = job.root.join(config::FILE);
    let (mut project, text) = match &job.project {
        Some(project) => (project.clone(), std::fs::read_to_string(&file).unwrap_or_default()),
        None => {
            let loaded = config::load(&file)?;
            (loaded.project, loaded.text)
        }
    };
    if let Some(train) = &mut project.train {
        train.step.params.extend(job.trigger.set.clone());
    }
    let mut settings = session::settings(None, text)?;
    settings.actor = format!("trigger {}", job.trigger.name);
    settings.command = settings.actor.clone();
    settings.triggered = Some(job.triggered());
    let engine = Engine::new(home, ctx.clock.clone(), Mode::Execute, folder.join("steps"), JOBS);
    let root = job.root.clone();
    let mut shop =
        Workshop::new(engine, Arc::new(executor::Local), project, root, settings, Arc::new(Silent));
    shop.sources = job.sources.clone();
    shop.home_folder = Some(folder.to_owned());
    Ok(shop)
}
