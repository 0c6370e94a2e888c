//! `modelyard predictions`: what was answered.

mod query;

use std::process::ExitCode;

use modelyard_core::Result;

use super::Context;

/// Ask the inference log
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Query(query::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::Query(args) => query::run(args, ctx).await,
    }
}
