//! `modelyard monitor report`: the page of a watched environment.

use std::path::PathBuf;
use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_evaluate::monitor_html;
use modelyard_lifecycle::monitor::{report, watched};
use serde_json::json;

use super::super::report::{show, write};
use super::super::{Context, place, print, session};

/// Write one HTML page of a watched environment: versions, metric, drift, latency, alerts
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The project, the environment or its model [default: of the project of the working folder]
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Write the page to this file [default: a file in the user's cache folder]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let place = place::open(ctx).await?;
    let watched = watched::find(&place.home, args.name.as_deref(), place.project.as_deref()).await?;
    let report = report::gather(&place.home, &watched, ctx.clock.now()).await?;
    let file = match &args.output {
        Some(file) => file.clone(),
        None => {
            let name = format!("monitor-{}-{}.html", watched.id.project, watched.id.name);
            session::cache()?.join("reports").join(name)
        }
    };
    write(&monitor_html(&report), &file, args.output.is_none())?;
    if ctx.json {
        print::json(
            &json!({ "environment": watched.id.to_string(), "windows": report.windows.len(), "page": file }),
        );
    } else if !ctx.quiet {
        print::result(format!("{}: {}", watched.id, report.sentence()));
        print::result(format!("page: {}", file.display()));
    }
    if args.open {
        show(&file)?;
    }
    Ok(ExitCode::SUCCESS)
}
