//! `modelyard models`: the registry.

mod alias;
mod download;
mod list;
mod show;

use std::process::ExitCode;

use modelyard_core::Result;

use super::Context;

/// List, show, download and name registered models
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(list::Args),
    Show(show::Args),
    Download(download::Args),
    Alias(alias::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::List(args) => list::run(args, ctx).await,
        Command::Show(args) => show::run(args, ctx).await,
        Command::Download(args) => download::run(args, ctx).await,
        Command::Alias(args) => alias::run(args, ctx).await,
    }
}
