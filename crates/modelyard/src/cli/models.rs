//! `modelyard models`: the registry.

mod alias;
mod download;
mod list;
mod show;
mod verdict;

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::deploy::Verdict;

use super::Context;
pub(super) use verdict::standing;

/// List, show, download, name and approve registered models
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
    /// Say that a version may be released
    Approve(verdict::Args),
    /// Say that a version may not be released, until the same person approves it
    Reject(verdict::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::List(args) => list::run(args, ctx).await,
        Command::Show(args) => show::run(args, ctx).await,
        Command::Download(args) => download::run(args, ctx).await,
        Command::Alias(args) => alias::run(args, ctx).await,
        Command::Approve(args) => verdict::run(args, Verdict::Approved, ctx).await,
        Command::Reject(args) => verdict::run(args, Verdict::Rejected, ctx).await,
    }
}

/// The first of `aliases`, and how many more there are: pipelines give each run's version one.
fn few(aliases: &[impl AsRef<str>]) -> String {
    const SHOWN: usize = 3;
    let mut words: Vec<String> = aliases.iter().take(SHOWN).map(|alias| alias.as_ref().to_owned()).collect();
    if aliases.len() > SHOWN {
        words.push(format!("{} more", aliases.len() - SHOWN));
    }
    words.join(", ")
}
