//! `modelyard triggers fire`.

use std::process::ExitCode;
use std::time::Duration;

use modelyard_core::id::CauseId;
use modelyard_core::monitor::{Cause, CauseState};
use modelyard_core::ports::Home;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::deploy::reconcile::alone;
use modelyard_lifecycle::monitor::trigger::{fire, has_ended};
use serde_json::json;

use super::super::{Context, place, print, serve, session};
use super::state;

/// How often what is followed is looked at.
const LOOKED: Duration = Duration::from_millis(200);

/// Train now, as the trigger says; the server does it
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Its name [default: the only one]
    #[arg(value_name = "TRIGGER")]
    trigger: Option<String>,
    /// Wait for the end; exit code 16 if it failed or was skipped
    #[arg(long)]
    wait: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let place = place::open(ctx).await?;
    let by = session::actor();
    let project = place.project()?;
    let mut cause = fire::fire(&place.home, &*ctx.clock, project, args.trigger.as_deref(), &by).await?;
    if args.wait {
        cause = ended(&place.home, cause.id, ctx).await?;
    }
    if ctx.json {
        print::json(&json!(cause));
    } else if !ctx.quiet {
        print::result(match has_ended(cause.state) {
            true => format!("{}: {}", state(&cause), cause.reason),
            false => format!("`{}` will train\n  modelyard triggers log", cause.trigger),
        });
        if !args.wait && alone::try_alone(&place.home).await?.is_some() {
            print::remark("no server runs that would do it: start `modelyard server`");
        }
    }
    match cause.state {
        CauseState::Failed | CauseState::Skipped if args.wait => {
            Err(Fault::new(Kind::Release, format!("the training was not to be: {}", cause.reason))
                .hint("modelyard triggers log"))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

async fn ended(home: &Home, id: CauseId, ctx: &Context) -> Result<Cause> {
    let mut interrupted = std::pin::pin!(serve::asked_to_end()?);
    let mut told = String::new();
    loop {
        let cause = home.causes.cause(id).await?.ok_or_else(|| {
            Fault::new(Kind::Internal, format!("the cause `{id}` of training is no longer in the home"))
        })?;
        if has_ended(cause.state) {
            return Ok(cause);
        }
        if !ctx.quiet && !ctx.json && cause.reason != told {
            told.clone_from(&cause.reason);
            print::remark(format!("  {told}"));
        }
        tokio::select! {
            () = tokio::time::sleep(LOOKED) => {}
            () = &mut interrupted => {
                return Err(Fault::new(Kind::Cancelled, "stopped waiting; the training goes on")
                    .hint("`modelyard triggers log` shows what becomes of it"));
            }
        }
    }
}
