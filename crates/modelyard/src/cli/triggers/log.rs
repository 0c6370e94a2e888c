//! `modelyard triggers log`.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::monitor::Cause;
use modelyard_lifecycle::monitor::trigger;
use serde_json::json;

use super::super::{Context, place, print, text};
use super::state;

/// Show what set off training, the newest first, and what came of it
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Of this trigger alone
    #[arg(value_name = "TRIGGER")]
    trigger: Option<String>,
    /// How many at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    limit: usize,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let place = place::open(ctx).await?;
    let mut causes = trigger::log(&place.home, place.project()?, args.trigger.as_deref()).await?;
    causes.truncate(args.limit);
    if ctx.json {
        print::json(&json!(causes));
    } else if causes.is_empty() {
        print::result("Nothing has set off a training yet.");
    } else {
        let now = ctx.clock.now();
        let told: Vec<String> = causes.iter().map(|cause| lines(cause, text::when(cause.at, now))).collect();
        print::result(told.join("\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// A cause, and below it what came of it.
fn lines(cause: &Cause, when: String) -> String {
    let mut lines = format!("{when:<16}  {:<14}  {}: {}", state(cause), cause.trigger, short(&cause.key));
    if !cause.reason.is_empty() && cause.reason != state(cause) {
        lines.push_str(&format!("\n{:18}{}", "", cause.reason));
    }
    if let Some(run) = cause.run {
        lines.push_str(&format!("\n{:18}modelyard show {run}", ""));
    }
    lines
}

/// Digests and commits at the length that people read.
fn short(key: &str) -> String {
    match key.split_once(' ') {
        Some((what @ ("data" | "commit" | "webhook"), rest)) => {
            format!("{what} {}", rest.chars().take(8).collect::<String>())
        }
        _ => key.to_owned(),
    }
}
