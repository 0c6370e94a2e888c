//! The report of application tests: of the newest release that was tested in an environment.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::model::ModelRef;
use modelyard_evaluate::ApplicationReport;
use modelyard_evaluate::application::Outcome;
use modelyard_lifecycle::deploy::tested;
use serde_json::json;

use super::super::place::Place;
use super::super::table::{Column, Table};
use super::super::{Context, print, session};
use super::{Args, show, write};

pub(super) async fn run(args: &Args, environment: &str, place: &Place, ctx: &Context) -> Result<ExitCode> {
    let id = session::environment_id(environment, || place.project())?;
    let model = args.what.as_deref().map(str::parse::<ModelRef>).transpose()?;
    let release = tested::find(&place.home, &id, model.as_ref()).await?;
    let report = tested::report(&place.home, &release).await?;
    let name = format!("{}@{}-in-{}", release.model, release.number, id.name);
    let page = match (&args.output, args.open) {
        (Some(file), _) => Some(file.clone()),
        (None, true) => Some(session::cache()?.join("reports").join(format!("{name}.html"))),
        (None, false) => None,
    };
    if let Some(file) = &page {
        write(&modelyard_evaluate::application_html(&report), file, args.output.is_none())?;
    }
    match &page {
        _ if ctx.json => print::json(&json!(report)),
        Some(file) if !ctx.quiet => {
            print::result(format!("{}\npage: {}", report.verdict.sentence, file.display()));
        }
        Some(_) => {}
        None => print::result(summary(&report, &id, ctx)),
    }
    if args.open
        && let Some(file) = &page
    {
        show(file)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(report: &ApplicationReport, id: &EnvironmentId, ctx: &Context) -> String {
    let mut checks = Table::new([
        Column::left("check", Column::KEEP),
        Column::left("", Column::KEEP),
        Column::left("found", Column::KEEP),
    ]);
    for check in &report.checks {
        checks.row([check.name.as_str(), word(check.outcome), &check.sentence]);
    }
    let mut lines = vec![report.verdict.sentence.clone(), String::new(), checks.text()];
    for check in report.checks.iter().filter(|check| check.outcome == Outcome::Failed) {
        for example in check.examples.iter().take(2) {
            lines.push(format!(
                "{}: {}\n  wanted: {}\n  got:    {}",
                check.name, example.what, example.wanted, example.got
            ));
        }
    }
    if !ctx.quiet {
        lines.push(format!("\nnext: modelyard report {} --environment {} --open", report.title(), id.name));
    }
    lines.join("\n")
}

pub(crate) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "failed",
        Outcome::Reported => "reported",
        Outcome::Skipped => "not told",
    }
}
