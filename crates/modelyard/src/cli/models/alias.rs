//! `modelyard models alias`: which version a name like `champion` means.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::audit::Actor;
use modelyard_core::model::ModelRef;
use modelyard_track::registry;
use serde_json::json;

use super::super::{Context, print, session};

/// Let an alias name a version; it moves from the version that had it
#[derive(clap::Args)]
pub(super) struct Args {
    /// NAME@VERSION or NAME@ALIAS
    #[arg(value_name = "MODEL")]
    model: ModelRef,
    /// The alias: champion, challenger, or a word of your own
    #[arg(value_name = "ALIAS")]
    alias: String,
}

pub(super) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let home = session::home(ctx).await?;
    let actor = Actor { name: session::actor(), at: ctx.clock.now() };
    let (version, before) = registry::set_alias(&home, &args.model, &args.alias, &actor).await?;
    if ctx.json {
        print::json(&json!({
            "name": version.name,
            "version": version.number,
            "alias": args.alias,
            "before": before,
        }));
    } else if !ctx.quiet {
        let title = format!("{}@{}", version.name, version.number);
        let alias = &args.alias;
        print::result(match before {
            Some(number) if number == version.number => format!("{title} is the {alias} already"),
            Some(number) => format!("{title} is now the {alias}, before it was @{number}"),
            None => format!("{title} is now the {alias}"),
        });
    }
    Ok(ExitCode::SUCCESS)
}
