//! `modelyard feedback`: what turned out to be true.

mod import;

use std::process::ExitCode;

use modelyard_core::Result;

use super::Context;

/// Tell what turned out to be true
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Import(import::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::Import(args) => import::run(args, ctx).await,
    }
}
