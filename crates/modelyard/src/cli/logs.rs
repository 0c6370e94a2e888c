//! `modelyard logs`: what the command of a step printed.

use std::process::ExitCode;

use modelyard_core::run::{Run, RunKind, RunStatus};
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_track::runs;
use serde_json::json;

use super::place::{self, Place};
use super::{Context, print};

/// Print what a step's command printed
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A run's id or its beginning, or a step's name (its newest run); of a whole run the logs of
    /// all its steps [default: the step that ended the newest run, else all of it]
    #[arg(value_name = "RUN|STEP")]
    what: Option<String>,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let place = place::open(ctx).await?;
    let run = match &args.what {
        Some(what) => place.run(Some(what)).await?,
        None => {
            let newest = place.newest().await?;
            failed_step(&place, &newest).await?.unwrap_or(newest)
        }
    };
    let logs = logs(&place, &run).await?;
    if logs.is_empty() && !ctx.json {
        return Err(no_log(&run));
    }
    let mut document = Vec::new();
    for (place_in_list, (run, digest)) in logs.iter().enumerate() {
        let bytes = place.home.blobs.get(*digest).await?.ok_or_else(|| {
            Fault::new(Kind::NotFound, format!("the log of `{}` is not in the home any more", run.name))
        })?;
        if ctx.json {
            document.push(json!({
                "run": run.id,
                "step": run.name,
                "status": run.status,
                "log": String::from_utf8_lossy(&bytes),
            }));
            continue;
        }
        if logs.len() > 1 {
            let gap = if place_in_list > 0 { "\n" } else { "" };
            print::result(format!("{gap}== {} ({})", run.name, run.id));
        }
        if bytes.is_empty() && !ctx.quiet {
            print::remark(format!("`{}` ({}) printed nothing", run.name, run.id));
        }
        print::printed(&bytes);
    }
    if ctx.json {
        print::json(&json!(document));
    }
    Ok(ExitCode::SUCCESS)
}

/// The step that ended the newest run, where it printed something.
async fn failed_step(place: &Place, run: &Run) -> Result<Option<Run>> {
    let parts = runs::parts(&place.home, run).await?;
    Ok(parts.into_iter().rfind(|step| step.status == RunStatus::Failed && step.log.is_some()))
}

/// `run` and its parts, as far as they printed something.
async fn logs(place: &Place, run: &Run) -> Result<Vec<(Run, Digest)>> {
    if let Some(log) = run.log {
        return Ok(vec![(run.clone(), log)]);
    }
    let parts = runs::parts(&place.home, run).await?;
    Ok(parts.into_iter().filter_map(|part| part.log.map(|log| (part, log))).collect())
}

fn no_log(run: &Run) -> Fault {
    let what = match run.kind {
        RunKind::Pipeline => "no step of it ran a command",
        RunKind::Step | RunKind::Trial => "it ran no command, or the command printed nothing",
    };
    Fault::new(Kind::NotFound, format!("`{}` ({}) has no log: {what}", run.name, run.id))
        .hint(format!("modelyard show {}", run.id))
}
