//! `modelyard freeze` and `unfreeze`: no release begins in an environment.

use std::process::ExitCode;

use modelyard_core::deploy::Freeze;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::deploy::release;
use serde_json::json;

use super::{Context, moment, print, session};

/// Let no release begin in an environment; what serves goes on, and can be rolled back
#[derive(clap::Args)]
pub(crate) struct Args {
    /// NAME in the project of the working folder, or PROJECT/NAME
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,
    /// An instant (`2026-12-24 08:00`, UTC) or how long from now on (`3d`) [default: until unfreeze]
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
}

/// Let releases begin again in an environment
#[derive(clap::Args)]
pub(crate) struct Unfreeze {
    /// NAME in the project of the working folder, or PROJECT/NAME
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let (home, id) = session::environment(ctx, &args.environment).await?;
    let now = ctx.clock.now();
    let instant = |text: String| {
        moment::parse_ahead(&text, now).map_err(|wanted| {
            Fault::new(Kind::Usage, format!("cannot read the time `{text}` of --until")).hint(wanted)
        })
    };
    let until = args.until.map(instant).transpose()?;
    let freeze = Freeze { until, by: session::actor(), comment: args.comment };
    release::freeze(&home, &id, freeze, now).await?;
    if ctx.json {
        print::json(&json!({ "environment": id.to_string(), "frozen": true, "until": until }));
    } else if !ctx.quiet {
        let until = until.map_or_else(String::new, |until| format!(" until {until}"));
        print::result(format!("No release begins in {}{until}.\n  modelyard unfreeze {}", id.name, id.name));
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn unfreeze(args: Unfreeze, ctx: &Context) -> Result<ExitCode> {
    let (home, id) = session::environment(ctx, &args.environment).await?;
    release::unfreeze(&home, &id, &session::actor(), ctx.clock.now()).await?;
    if ctx.json {
        print::json(&json!({ "environment": id.to_string(), "frozen": false }));
    } else if !ctx.quiet {
        print::result(format!("Releases begin in {} again.", id.name));
    }
    Ok(ExitCode::SUCCESS)
}
