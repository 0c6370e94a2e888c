//! `modelyard home`: the home itself.

use std::process::ExitCode;

use modelyard_core::Result;
use serde_json::json;

use super::{Context, print, session};

/// Upgrade the home that holds all state
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Bring the home to the version that this program knows; older programs can't open it then
    Upgrade,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::Upgrade => upgrade(ctx).await,
    }
}

async fn upgrade(ctx: &Context) -> Result<ExitCode> {
    let folder = session::home_folder(ctx)?;
    let done = modelyard_store::upgrade(&folder).await?;
    if ctx.json {
        print::json(&json!({"home": folder, "from": done.from, "to": done.to}));
    } else if !ctx.quiet {
        let (home, to) = (folder.display(), done.to);
        print::result(match done.from == done.to {
            true => format!("the home {home} has version {to} already"),
            false => format!("the home {home} was upgraded from version {} to {to}", done.from),
        });
    }
    Ok(ExitCode::SUCCESS)
}
