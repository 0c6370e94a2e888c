//! `modelyard status`: what a run would do, and why.

use std::process::ExitCode;
use std::sync::Arc;

use modelyard_core::Result;
use modelyard_lifecycle::Silent;
use modelyard_lifecycle::status::{NodeStatus, State, status};
use modelyard_pipeline::Mode;
use serde_json::json;

use super::session::{self, BuildArgs};
use super::{Context, print};

/// Show what is up to date, what is stale, and why
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    build: BuildArgs,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let session = session::project(ctx).await?;
    let settings = session::settings(args.build.onnx_library, session.loaded.text.clone())?;
    let shop = session::workshop(ctx, session, Mode::Look, 1, settings, Arc::new(Silent));
    let statuses = status(shop).await?;
    if ctx.json {
        print::json(&json!(statuses));
        return Ok(ExitCode::SUCCESS);
    }
    let width = statuses.iter().map(|status| status.step.len()).max().unwrap_or(0).max(10);
    for status in &statuses {
        print::result(line(status, width));
    }
    if !ctx.quiet {
        let ready = statuses.iter().all(|status| status.state == State::Ready);
        print::result(if ready { "\nEverything is up to date." } else { "\nnext: modelyard run" });
    }
    Ok(ExitCode::SUCCESS)
}

fn line(status: &NodeStatus, width: usize) -> String {
    let state = match status.state {
        State::Ready => "ready",
        State::Stale => "stale",
        State::New => "new",
        State::Waits => "waits",
        State::Broken => "broken",
    };
    format!("{:<width$}   {state:<8} {}", status.step, status.reasons.join("; "))
}
