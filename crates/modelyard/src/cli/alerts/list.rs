//! `modelyard alerts list`: those that are open.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::monitor::{Alert, AlertState};
use modelyard_lifecycle::monitor::alerts;
use serde_json::json;

use super::super::table::{Column, Table};
use super::super::{Context, print, session, text};

/// Show the alerts that are open, of all projects of the home
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Also those that are resolved
    #[arg(long)]
    all: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let home = session::home(ctx).await?;
    let alerts = alerts::list(&home, !args.all).await?;
    if ctx.json {
        print::json(&json!(alerts));
        return Ok(ExitCode::SUCCESS);
    }
    if alerts.is_empty() {
        print::result(if args.all { "There was never an alert." } else { "No alert is open." });
        return Ok(ExitCode::SUCCESS);
    }
    let now = ctx.clock.now();
    let mut table = Table::new([
        Column::left("alert", Column::KEEP),
        Column::left("severity", 4),
        Column::left("state", 5),
        Column::left("opened", 2),
        Column::left("where", 1),
    ]);
    for alert in &alerts {
        let place = alert.environment.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
        table.row([
            alert.id.to_string(),
            alert.severity.as_str().to_owned(),
            state(alert),
            text::when(alert.opened_at, now),
            format!("{}{place}", alert.project),
        ]);
    }
    // What is said of an alert stands below it, however long it is.
    let table = table.text();
    let mut lines = table.lines();
    let mut shown: Vec<String> = lines.next().map(str::to_owned).into_iter().collect();
    for (line, alert) in lines.zip(&alerts) {
        shown.extend([line.to_owned(), format!("  {}: {}", alert.rule, alert.message)]);
    }
    print::result(shown.join("\n"));
    if !ctx.quiet {
        print::result(format!("\nnext: modelyard alerts show {}", alerts[0].id));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn state(alert: &Alert) -> String {
    match alert.state {
        AlertState::Opened => "opened".to_owned(),
        AlertState::Acknowledged => "acknowledged".to_owned(),
        AlertState::Resolved => "resolved".to_owned(),
    }
}
