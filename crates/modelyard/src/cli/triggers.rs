//! `modelyard triggers`: what sets off training, and what came of it.

mod fire;
mod list;
mod log;

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::monitor::{Cause, CauseState};

use super::Context;

/// Continuous training: triggers, what set them off, what came of it
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Fire(fire::Args),
    Log(log::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::List(args) => list::run(args, ctx).await,
        Command::Fire(args) => fire::run(args, ctx).await,
        Command::Log(args) => log::run(args, ctx).await,
    }
}

/// As people read it.
fn state(cause: &Cause) -> &'static str {
    match cause.state {
        CauseState::Pending => "pending",
        CauseState::WaitingForData => "waits for data",
        CauseState::Training => "training",
        CauseState::Releasing => "releasing",
        CauseState::Done => "done",
        CauseState::Kept => "not better",
        CauseState::Failed => "failed",
        CauseState::Skipped => "skipped",
    }
}
