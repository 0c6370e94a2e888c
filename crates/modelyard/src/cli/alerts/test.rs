//! `modelyard alerts test`: whether alerts arrive.

use std::process::ExitCode;

use modelyard_core::{Kind, Result};
use modelyard_http::client::outside;
use modelyard_lifecycle::monitor::alerts;
use serde_json::json;

use super::super::{Context, exit, print, session};

/// Send a message for trial to the sinks that the project applied; fails if one does not take it
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One sink [default: all]
    #[arg(value_name = "SINK")]
    sink: Option<String>,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let session = session::project(ctx).await?;
    let project = &session.loaded.project.name;
    let trials =
        alerts::test(&session.home, ctx.clock.clone(), &outside(), project, args.sink.as_deref()).await?;
    if ctx.json {
        print::json(&json!(trials));
    } else {
        for trial in &trials {
            match &trial.error {
                None => print::result(format!("{}: it took the message", trial.sink)),
                Some(error) => print::result(format!("{}: {error}", trial.sink)),
            }
        }
    }
    Ok(match trials.iter().all(|trial| trial.taken) {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(exit::code(Kind::Environment)),
    })
}
