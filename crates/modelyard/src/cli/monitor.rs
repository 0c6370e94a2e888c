//! `modelyard monitor`: what is watched in production.

mod report;
mod rules;
mod status;
mod windows;

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::deploy::Applied;
use modelyard_core::ports::Home;
use modelyard_lifecycle::monitor::view;

use super::{Context, session};

/// Show what production's answers say of the model
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Status(status::Args),
    Windows(windows::Args),
    Report(report::Args),
    PrometheusRules(rules::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::Status(args) => status::run(args, ctx).await,
        Command::Windows(args) => windows::run(args, ctx).await,
        Command::Report(args) => report::run(args, ctx).await,
        Command::PrometheusRules(args) => Ok(rules::run(&args)),
    }
}

/// The project that is named, itself or by its model, else the one of the working folder; and its home.
async fn named(ctx: &Context, name: Option<&str>) -> Result<(Home, Applied)> {
    let home = session::home(ctx).await?;
    let name = match name {
        Some(name) => name.to_owned(),
        None => session::loaded(ctx)?.project.name,
    };
    let applied = view::find(&home, &name).await?;
    Ok((home, applied))
}
