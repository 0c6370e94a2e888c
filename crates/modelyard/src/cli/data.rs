//! `modelyard data`: data versions, and making them.

mod ingest;
mod list;
mod preview;
mod profile;
mod show;

use std::process::ExitCode;

use modelyard_core::data::NumberedVersion;
use modelyard_core::{Fault, Kind, Result};

use super::Context;
use super::place::Place;

/// Ingest, preview, list, show and profile data sets
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Ingest(ingest::Args),
    Preview(preview::Args),
    List(list::Args),
    Show(show::Args),
    Profile(profile::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::Ingest(args) => ingest::run(args, ctx).await,
        Command::Preview(args) => preview::run(args, ctx).await,
        Command::List(args) => list::run(args, ctx).await,
        Command::Show(args) => show::run(args, ctx).await,
        Command::Profile(args) => profile::run(args, ctx).await,
    }
}

/// The data version that `what` names: NAME (the newest) or NAME@NUMBER; without `what` the newest
/// of the only data set.
async fn find(place: &Place, what: Option<&str>) -> Result<NumberedVersion> {
    let project = place.project()?;
    let known = place.home.data.list(project, None).await?;
    let mut names: Vec<&str> = known.iter().map(|version| version.data.name.as_str()).collect();
    names.dedup();
    if names.is_empty() {
        return Err(Fault::new(Kind::NotFound, format!("no data of `{project}` was ingested yet"))
            .hint("modelyard data ingest"));
    }
    let (name, number) = match what {
        None => match names.as_slice() {
            [only] => ((*only).to_owned(), None),
            _ => {
                return Err(Fault::new(Kind::Usage, format!("`{project}` has several data sets"))
                    .hint(format!("name one of {}", names.join(", "))));
            }
        },
        Some(what) => match what.split_once('@') {
            None => (what.to_owned(), None),
            Some((name, number)) => {
                let number = number.parse().map_err(|_| {
                    Fault::new(Kind::Usage, format!("`{what}` names no data version"))
                        .hint("write NAME or NAME@3")
                })?;
                (name.to_owned(), Some(number))
            }
        },
    };
    if let Some(version) = place.home.data.get(project, &name, number).await? {
        return Ok(version);
    }
    let newest = known.iter().find(|version| version.data.name == name);
    Err(match newest {
        Some(newest) => Fault::new(Kind::NotFound, format!("there is no {}", what.unwrap_or_default()))
            .hint(format!("the newest is {name}@{}", newest.number)),
        None => Fault::new(Kind::NotFound, format!("`{project}` has no data set `{name}` that was ingested"))
            .hint(format!("there is {}", names.join(", "))),
    })
}
