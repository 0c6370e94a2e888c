//! `modelyard monitor windows`: what was found, window by window.

use std::process::ExitCode;

use modelyard_core::monitor::WindowRecord;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::monitor::view;
use serde_json::json;

use super::named;
use crate::cli::table::{Column, Table};
use crate::cli::{Context, moment, print, text};

/// List the windows that were judged, and what was found in each
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A project or its registered model; default the project here
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Those that end after then alone: a moment on the monitor's clock
    #[arg(long, value_name = "WHEN")]
    after: Option<String>,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let (home, applied) = named(ctx, args.name.as_deref()).await?;
    let now = ctx.clock.now();
    let after = args.after.map(|text| moment::parse(&text, now)).transpose();
    let after = after.map_err(|wanted| Fault::new(Kind::Usage, wanted))?;
    let windows = view::windows(&home, &applied, after).await?;
    if ctx.json {
        print::json(&json!(windows));
    } else if windows.is_empty() {
        print::result("No window is closed yet.");
    } else {
        print::result(table(&windows));
    }
    Ok(ExitCode::SUCCESS)
}

fn table(windows: &[WindowRecord]) -> String {
    let mut table = Table::new([
        Column::left("from", Column::KEEP),
        Column::left("version", 3),
        Column::right("rows", Column::KEEP),
        Column::right("labels", 2),
        Column::left("metric", 1),
        Column::left("moved", Column::KEEP),
    ]);
    for window in windows {
        let moved = window.columns.iter().filter(|(_, found)| found.moved).map(|(name, _)| name.as_str());
        let moved: Vec<&str> = moved.collect();
        let decides = window.decay.as_ref().map(|decay| decay.test.as_str());
        let metric = match decides {
            Some(name) => window.metrics.get_key_value(name),
            None => window.metrics.iter().next(),
        };
        let metric = metric.map(|(name, found)| format!("{name} {}", text::score(found.value)));
        table.row([
            window.start.to_string(),
            format!("{}@{}", window.model, window.number),
            text::count(window.rows),
            text::count(window.labelled),
            metric.unwrap_or_default(),
            moved.join(", "),
        ]);
    }
    table.text()
}
