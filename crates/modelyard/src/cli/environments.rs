//! `modelyard environments`: where versions are deployed.

mod diff;
mod list;
mod running;
mod show;

use std::process::ExitCode;

use modelyard_core::Result;

use super::Context;

/// List, show, stop, start and compare environments
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    /// End an environment's replicas; what it served stays wanted, and its history
    Stop(running::Stop),
    /// Bring back the replicas of a stopped environment
    Start(running::Start),
    Diff(diff::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::List(args) => list::run(args, ctx).await,
        Command::Show(args) => show::run(args, ctx).await,
        Command::Stop(args) => running::stop(args, ctx).await,
        Command::Start(args) => running::start(args, ctx).await,
        Command::Diff(args) => diff::run(args, ctx).await,
    }
}
