//! `modelyard monitor status`: a verdict in words, then the numbers.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_lifecycle::monitor::view::{self, Status};
use serde_json::json;

use super::named;
use crate::cli::table::{Column, Table};
use crate::cli::{Context, print, text};

/// Say what has moved and whether answers have got worse, as of the last window
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A project or its registered model; default the project here
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let (home, applied) = named(ctx, args.name.as_deref()).await?;
    let status = view::status(&home, &applied).await?;
    if ctx.json {
        print::json(&json!(status));
        return Ok(ExitCode::SUCCESS);
    }
    let model = status.model.clone().unwrap_or(applied.model);
    print::result(format!("{model} in {}: {}", status.environment, status.verdict));
    if status.window.is_some() {
        print::result(table(&status));
    }
    if !ctx.quiet {
        for remark in &status.remarks {
            print::remark(format!("remark: {remark}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn table(status: &Status) -> String {
    let mut table = Table::new([Column::left("", Column::KEEP), Column::left("", Column::KEEP)]);
    if let Some((start, end)) = status.window {
        let labelled = match status.labelled {
            0 => "no labels yet".to_owned(),
            labelled => format!("{} with labels", text::count(labelled)),
        };
        let rows = text::plural(status.rows, "row");
        table.row(["  window".to_owned(), format!("{start} to {end}, {rows}, {labelled}")]);
    }
    for column in status.columns.iter().chain(&status.output) {
        let value = format!("{} {}", column.test, text::score(column.value));
        let threshold = text::score(column.threshold);
        let found = match column.since {
            Some(since) if column.moved => {
                let windows = text::plural(column.windows as u64, "window");
                format!("moved since {since} ({windows}): {value}, limit {threshold}")
            }
            _ => format!("as before: {value}, limit {threshold}"),
        };
        table.row([format!("  {}", column.name), found]);
    }
    for metric in &status.metrics {
        let found = metric.found;
        let interval = format!("{}–{}", text::score(found.low), text::score(found.high));
        let before = metric.before.map(|before| format!(", {} in the window before", text::score(before)));
        let value = format!("{} ({interval}){}", text::score(found.value), before.unwrap_or_default());
        table.row([format!("  {}", metric.name), value]);
    }
    let errors = match status.failed {
        0 => "no errors".to_owned(),
        failed => text::plural(failed, "error"),
    };
    let latency = status.p95_ms.map(|p95| format!("p95 {} ms, ", text::number(p95)));
    table.row(["  efficiency".to_owned(), format!("{}{errors}", latency.unwrap_or_default())]);
    table.text()
}
