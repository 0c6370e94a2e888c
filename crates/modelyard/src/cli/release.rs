//! `modelyard release`: a version into production, as its strategy says, and what is done while it is on
//! its way.

pub(super) mod begin;
mod status;
mod wish;

use std::process::ExitCode;

use modelyard_core::deploy::{ReleaseKind, StrategyKind, Wish};
use modelyard_core::model::ModelRef;
use modelyard_core::{Fault, Kind, Result};

use super::Context;
use begin::Wanted;

/// Release a version to an environment as its strategy says; show, pause, resume, promote, abort
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    begin: Begin,
}

#[derive(clap::Args)]
struct Begin {
    /// NAME, NAME@VERSION or NAME@ALIAS [default: the newest version of the project's model]
    #[arg(value_name = "MODEL")]
    model: Option<ModelRef>,
    /// NAME in the project of the working folder, or PROJECT/NAME
    #[arg(long, value_name = "ENVIRONMENT")]
    to: Option<String>,
    /// How it takes over, in place of the environment's strategy
    #[arg(long, value_parser = strategy, value_name = "all-at-once|blue-green|canary|shadow|a-b")]
    strategy: Option<StrategyKind>,
    /// Wait for the end; exit code 16 if it fails or is rolled back
    #[arg(long)]
    wait: bool,
}

#[derive(clap::Subcommand)]
enum Command {
    Status(status::Args),
    /// Stay at the share it has; it is still rolled back when it is worse
    Pause(wish::Args),
    /// Go on with a release that was paused or held
    Resume(wish::Args),
    /// Give it all traffic now, whatever was observed
    Promote(wish::Args),
    /// End it: what served before serves alone
    Abort(wish::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Some(Command::Status(args)) => status::run(args, ctx).await,
        Some(Command::Pause(args)) => wish::run(args, Wish::Pause, ctx).await,
        Some(Command::Resume(args)) => wish::run(args, Wish::Resume, ctx).await,
        Some(Command::Promote(args)) => wish::run(args, Wish::Promote, ctx).await,
        Some(Command::Abort(args)) => wish::run(args, Wish::Abort, ctx).await,
        None => {
            let Begin { model, to, strategy, wait } = args.begin;
            let to = to.ok_or_else(|| {
                Fault::new(Kind::Usage, "it is not said where to release to").hint("--to ENVIRONMENT")
            })?;
            let kind = ReleaseKind::Release;
            begin::run(Wanted { environment: &to, model, kind, strategy, wait }, ctx).await
        }
    }
}

fn strategy(text: &str) -> Result<StrategyKind, String> {
    StrategyKind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
        let known: Vec<_> = StrategyKind::ALL.iter().map(|kind| kind.as_str()).collect();
        format!("wanted one of {}", known.join(", "))
    })
}
