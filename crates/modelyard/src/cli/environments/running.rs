//! `modelyard environments stop` and `start`.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_lifecycle::deploy::environments;
use serde_json::json;

use crate::cli::{Context, print, session};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// NAME, or PROJECT/NAME
    environment: String,
}

pub(crate) async fn run(args: Args, running: bool, ctx: &Context) -> Result<ExitCode> {
    let (home, id) = session::environment(ctx, &args.environment).await?;
    let changed = environments::set_running(&home, &id, running, &session::acting(ctx)).await?;
    if ctx.json {
        print::json(&json!({"environment": id.to_string(), "running": running, "changed": changed}));
        return Ok(ExitCode::SUCCESS);
    }
    let state = if running { "wanted to run" } else { "wanted stopped" };
    print::result(match changed {
        true => format!("{id} is {state}"),
        false => format!("{id} was {state} already"),
    });
    Ok(ExitCode::SUCCESS)
}
