//! `modelyard ci run`: the pipeline on this machine.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::Instant;

use modelyard_core::fault::Attempt;
use modelyard_core::id::RunId;
use modelyard_core::{Fault, Kind, Result};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;

use super::junit::{self, Case, Failure};
use super::stages::{Stage, stages};
use crate::cli::{Context, exit, print};
use crate::config;

/// Do here what the pipeline file does, up to the releases
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Release as well
    #[arg(long)]
    release: bool,
    /// Write the result as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

/// So many of the last lines of a failed stage are kept for the report.
const KEPT_LINES: usize = 200;

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let loaded = config::load(&config::locate(ctx.project.as_deref())?)?;
    let mut cases: Vec<Case> = Vec::new();
    let mut failed: Option<Fault> = None;
    let id = RunId::new(&*ctx.clock).to_string();
    for stage in stages(&loaded.project, &loaded.root, &id) {
        let held = stage.release.is_some() && !args.release;
        if failed.is_some() || held {
            cases.push(Case { name: stage.name, seconds: 0.0, failure: None, skipped: true });
            continue;
        }
        let began = Instant::now();
        let failure = perform(&stage, &loaded.root, ctx).await?;
        if let Some(failure) = &failure {
            failed = Some(
                Fault::new(Kind::Step, format!("the stage `{}` failed", stage.name))
                    .detail("command", failure.command.clone()),
            );
        }
        cases.push(Case {
            name: stage.name,
            seconds: began.elapsed().as_secs_f64(),
            failure,
            skipped: false,
        });
    }
    if let Some(file) = &args.junit {
        std::fs::write(file, junit::document(&cases))
            .attempt(Kind::Usage, || format!("cannot write `{}`", file.display()))?;
    }
    tell(&cases, ctx);
    match failed {
        None => Ok(ExitCode::SUCCESS),
        // The one document was printed: it says what failed.
        Some(fault) if ctx.json => Ok(ExitCode::from(exit::code(fault.kind()))),
        Some(fault) => Err(fault),
    }
}

fn tell(cases: &[Case], ctx: &Context) {
    let outcome = |case: &Case| match (&case.failure, case.skipped) {
        (Some(_), _) => "failed",
        (None, true) => "skipped",
        (None, false) => "passed",
    };
    if ctx.json {
        let documents = cases.iter().map(|case| {
            let command = case.failure.as_ref().map(|failure| &failure.command);
            json!({"stage": case.name, "outcome": outcome(case), "seconds": case.seconds, "command": command})
        });
        print::json(&documents.collect());
        return;
    }
    print::result("");
    for case in cases {
        print::result(format!("{:<20} {:<8} {:>6.1} s", case.name, outcome(case), case.seconds));
    }
}

/// How the stage failed, if it did.
async fn perform(stage: &Stage, root: &Path, ctx: &Context) -> Result<Option<Failure>> {
    if !ctx.quiet {
        print::remark(format!("\n== {}", stage.name));
    }
    let mut lines = VecDeque::new();
    for command in &stage.commands {
        if !ctx.quiet {
            print::remark(format!("$ {command}"));
        }
        if !one(command, root, &mut lines, ctx).await? {
            return Ok(Some(Failure { command: command.clone(), printed: Vec::from(lines).join("\n") }));
        }
    }
    Ok(None)
}

/// Runs `command`, shows what it prints, and answers whether it succeeded.
async fn one(command: &str, root: &Path, lines: &mut VecDeque<String>, ctx: &Context) -> Result<bool> {
    let mut words = command.split(' ');
    let program = words.next().unwrap_or_default();
    let failed = || format!("cannot start `{command}`");
    let program = match program {
        // This very program, wherever it lies.
        "modelyard" => std::env::current_exe().attempt(Kind::Internal, failed)?,
        other => PathBuf::from(other),
    };
    let mut child = Command::new(program)
        .args(words)
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .attempt(Kind::Step, failed)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
    forward(stdout, send.clone());
    forward(stderr, send);
    while let Some(line) = receive.recv().await {
        if !ctx.quiet {
            print::remark(&line);
        }
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
    Ok(child.wait().await.attempt(Kind::Step, failed)?.success())
}

fn forward(
    from: Option<impl AsyncRead + Send + Unpin + 'static>,
    to: tokio::sync::mpsc::UnboundedSender<String>,
) {
    let Some(from) = from else { return };
    tokio::spawn(async move {
        let mut reader = BufReader::new(from);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line);
            if to.send(text.trim_end_matches(['\n', '\r']).to_owned()).is_err() {
                return;
            }
            line.clear();
        }
    });
}
