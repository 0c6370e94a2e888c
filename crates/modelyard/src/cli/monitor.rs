//! `modelyard monitor`: what is watched in production.

mod rules;

use std::process::ExitCode;

use modelyard_core::Result;

use super::Context;

/// Show what production's answers say of the model
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    PrometheusRules(rules::Args),
}

pub(crate) async fn run(args: Args, _ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::PrometheusRules(args) => Ok(rules::run(&args)),
    }
}
