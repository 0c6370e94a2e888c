//! `modelyard ci`: what a person does by hand, done from a repository.
//!
//! [`stages`] says what is done, once; `init` writes it as a pipeline file, `run` does it here.

mod init;
mod junit;
mod run;
mod stages;

use std::process::ExitCode;

use modelyard_core::Result;

use super::Context;

/// Do from a repository what a person does by hand: lint, test, run, apply, deploy, release
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Init(init::Args),
    Run(run::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::Init(args) => init::run(args, ctx),
        Command::Run(args) => run::run(args, ctx).await,
    }
}
