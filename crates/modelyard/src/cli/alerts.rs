//! `modelyard alerts`: what holds and should not, and who was told.

mod list;
mod show;
mod steer;
mod test;

use std::process::ExitCode;

use modelyard_core::Result;

use super::Context;

/// Show alerts, acknowledge and silence them, try where they go
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Acknowledge(steer::Acknowledge),
    Silence(steer::Silence),
    Test(test::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::List(args) => list::run(args, ctx).await,
        Command::Show(args) => show::run(args, ctx).await,
        Command::Acknowledge(args) => steer::acknowledge(args, ctx).await,
        Command::Silence(args) => steer::silence(args, ctx).await,
        Command::Test(args) => test::run(args, ctx).await,
    }
}
