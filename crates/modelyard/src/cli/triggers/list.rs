//! `modelyard triggers list`.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::monitor::Then;
use modelyard_lifecycle::monitor::trigger;
use serde_json::json;

use super::super::table::{Column, Table};
use super::super::{Context, place, print, text};
use super::state;

/// List the triggers that were applied, each with its last cause
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_args: Args, ctx: &Context) -> Result<ExitCode> {
    let place = place::open(ctx).await?;
    let now = ctx.clock.now();
    let listed = trigger::listed(&place.home, place.project()?, now).await?;
    if ctx.json {
        print::json(&json!(listed));
        return Ok(ExitCode::SUCCESS);
    }
    if listed.is_empty() {
        print::result(
            "No triggers were applied: declare [[triggers]] in modelyard.toml and `modelyard apply`.",
        );
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new([
        Column::left("trigger", Column::KEEP),
        Column::left("on", 3),
        Column::left("then", 1),
        Column::left("next", 2),
        Column::left("last", 4),
        Column::left("", 4),
    ]);
    for listed in listed {
        let on: Vec<_> = listed.trigger.on.iter().map(|origin| origin.as_str()).collect();
        table.row([
            listed.trigger.name,
            on.join(", "),
            match listed.trigger.then {
                Then::Register => "register",
                Then::Release => "release",
            }
            .to_owned(),
            listed.due.map(|due| due.to_string()).unwrap_or_default(),
            listed.last.as_ref().map(|cause| text::when(cause.at, now)).unwrap_or_default(),
            listed.last.as_ref().map(|cause| state(cause).to_owned()).unwrap_or_default(),
        ]);
    }
    print::result(table.text());
    Ok(ExitCode::SUCCESS)
}
