//! `modelyard lock`: exact versions, with the hashes of their files, of what a project needs.

use std::path::Path;
use std::process::ExitCode;

use modelyard_core::{Fault, Kind, Result};
use modelyard_process::python::Locked;
use serde_json::json;

use super::{Context, print, session};
use crate::config;

/// Lock the project's Python requirements
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Take the newest versions that the requirements allow
    #[arg(long)]
    upgrade: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let loaded = config::load(&config::locate(ctx.project.as_deref())?)?;
    let Some(requirements) = loaded.project.python.requirements.clone() else {
        return Err(Fault::new(Kind::Config, "the project has no requirements to lock")
            .hint("set `requirements = \"requirements.txt\"` in [python]"));
    };
    let lock = Path::new(&requirements).with_extension("lock");
    let python = session::settings(None, String::new())?.python();
    let interpreter = python.find(loaded.project.python.version.as_deref()).await?;
    let note = |text: &str| {
        if !ctx.quiet && !ctx.json {
            print::remark(text);
        }
    };
    let (from, to) = (loaded.root.join(&requirements), loaded.root.join(&lock));
    let locked = python.lock(&interpreter, &from, &to, args.upgrade, &note).await?;
    let shown = lock.display();
    let (word, text) = match locked {
        Locked::Unchanged => ("unchanged", format!("{shown} is up to date")),
        Locked::Made => ("made", format!("{shown} made from {requirements}; commit it")),
        Locked::Renewed => ("renewed", format!("{shown} renewed from {requirements}; commit it")),
    };
    if ctx.json {
        print::json(&json!({
            "requirements": requirements,
            "lock": lock,
            "outcome": word,
            "python": interpreter.version,
        }));
    } else if !ctx.quiet {
        print::result(text);
    }
    Ok(ExitCode::SUCCESS)
}
