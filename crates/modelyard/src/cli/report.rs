//! `modelyard report`: the evidence a gate saw, as a page or in a few lines; with `--environment` what
//! application tests found there.

mod application;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use modelyard_core::fault::Attempt;
use modelyard_core::model::ModelRef;
use modelyard_core::outcome::Outcome;
use modelyard_core::run::{Run, RunKind};
use modelyard_core::{Fault, Kind, Result};
use modelyard_evaluate::Report;
use modelyard_lifecycle::report::{self, Found};
use modelyard_track::runs;
use serde_json::json;

use super::place::{self, Place};
use super::table::{Column, Table};
use super::{Context, print, session, text};

/// Show the report of a model's test, or of application tests, or write it as one HTML page
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A run's id or its beginning, NAME, NAME@VERSION or NAME@ALIAS [default: the newest run that
    /// tested a model]
    #[arg(value_name = "RUN|MODEL")]
    what: Option<String>,
    /// The newest application test in this environment, of any version or of NAME@VERSION
    #[arg(long, short, value_name = "NAME")]
    environment: Option<String>,
    /// Write the page to this file
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let place = place::open(ctx).await?;
    if let Some(environment) = &args.environment {
        return application::run(&args, environment, &place, ctx).await;
    }
    let found = find(&place, args.what.as_deref()).await?;
    let report = report::read(&place.home, &found).await?;
    let page = match (&args.output, args.open) {
        (Some(file), _) => Some(file.clone()),
        (None, true) => Some(session::cache()?.join("reports").join(format!("{}.html", found.name()))),
        (None, false) => None,
    };
    if let Some(file) = &page {
        write(&modelyard_evaluate::html(&report), file, args.output.is_none())?;
    }
    if ctx.json {
        print::json(&json!(report));
    } else if let Some(file) = &page {
        if !ctx.quiet {
            print::result(format!("{}: {}", report.title(), report.verdict.sentence));
            print::result(format!("page: {}", file.display()));
        }
    } else {
        print::result(summary(&report, &found, ctx));
    }
    if args.open
        && let Some(file) = &page
    {
        show(file)?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn find(place: &Place, what: Option<&str>) -> Result<Found> {
    if let Some(what) = what
        && runs::lookup(&place.home, what).await?.is_none()
        && let Ok(model) = what.parse::<ModelRef>()
    {
        return report::of_version(&place.home, &model).await;
    }
    let run = match what {
        Some(what) => runs::find(&place.home, what).await?,
        None => newest_tested(place).await?,
    };
    report::of_run(&place.home, run).await
}

async fn newest_tested(place: &Place) -> Result<Run> {
    let newest = place.newest().await?;
    let filter = modelyard_core::run::RunFilter {
        project: Some(newest.project.clone()),
        kind: Some(RunKind::Pipeline),
        limit: Some(200),
        ..Default::default()
    };
    for run in place.home.runs.list(&filter).await? {
        if Outcome::of(&run)?.report.is_some() {
            return Ok(run);
        }
    }
    Err(Fault::new(Kind::NotFound, format!("no run of `{}` has tested a model yet", newest.project))
        .hint("modelyard run"))
}

/// Writes the page; `make_folder` where the folder is our own.
pub(super) fn write(page: &str, file: &Path, make_folder: bool) -> Result<()> {
    let failed = || format!("cannot write the report to `{}`", file.display());
    if let Some(folder) = file.parent().filter(|_| make_folder) {
        std::fs::create_dir_all(folder).attempt(Kind::Usage, failed)?;
    }
    std::fs::write(file, page).attempt(Kind::Usage, failed)
}

/// Hands `file` to whatever shows pages here.
pub(super) fn show(file: &Path) -> Result<()> {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    command.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let failed = || Fault::new(Kind::Environment, format!("cannot open the report with `{opener}`"));
    let hint = format!("open {} in a browser", file.display());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed().because(format!("it ended with {status}")).hint(hint)),
        Err(error) => Err(failed().because(error).hint(hint)),
    }
}

fn summary(report: &Report, found: &Found, ctx: &Context) -> String {
    let mut lines = vec![format!("{}   {}", report.title(), report.verdict.sentence)];
    let mut gates = Table::new([
        Column::left("gate", Column::KEEP),
        Column::left("", Column::KEEP),
        Column::left("wanted", Column::KEEP),
        Column::left("got", Column::KEEP),
        Column::left("", 1),
    ]);
    for gate in &report.gates {
        let passed = if gate.passed { "passed" } else { "failed" };
        gates.row([
            gate.name.as_str(),
            passed,
            &gate.wanted,
            &gate.got,
            gate.note.as_deref().unwrap_or_default(),
        ]);
    }
    let mut metrics = Table::new([
        Column::left("metric", Column::KEEP),
        Column::right("value", Column::KEEP),
        Column::left("95 % interval", 7),
        Column::right("baseline", 9),
        Column::right("champion", 8),
        Column::left("", 1),
    ]);
    let optional = |value: Option<f64>| value.map(text::score).unwrap_or_default();
    for metric in &report.evaluation.metrics {
        let interval = metric.interval.as_ref();
        metrics.row([
            metric.name.clone(),
            optional(metric.value),
            interval
                .map(|interval| format!("{} to {}", text::score(interval.low), text::score(interval.high)))
                .unwrap_or_default(),
            optional(metric.baseline),
            optional(metric.champion),
            metric.undefined.as_ref().map(|why| format!("undefined: {why}")).unwrap_or_default(),
        ]);
    }
    let mut slices = Table::new([
        Column::left("worst slices", Column::KEEP),
        Column::right("rows", 8),
        Column::right(
            report.evaluation.metrics.first().map(|metric| metric.name.clone()).unwrap_or_default(),
            Column::KEEP,
        ),
        Column::left("", 1),
    ]);
    for slice in report.evaluation.slices.iter().take(5) {
        slices.row([
            format!("{} {}", slice.column, slice.value),
            text::count(slice.rows),
            optional(slice.score),
            if slice.clearly_worse { "clearly worse".to_owned() } else { String::new() },
        ]);
    }
    for table in [metrics.text(), gates.text(), slices.text()] {
        if !table.is_empty() {
            lines.push(format!("\n{table}"));
        }
    }
    if !report.remarks.is_empty() {
        lines.push(String::new());
        lines.extend(report.remarks.iter().map(|remark| format!("remark: {remark}")));
    }
    if !ctx.quiet {
        lines.push(format!("\nnext: modelyard report {} --open", found.name()));
    }
    lines.join("\n")
}
