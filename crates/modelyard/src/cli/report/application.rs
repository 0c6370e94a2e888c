//! The report of application tests: of the newest release that was tested in an environment.

use std::process::ExitCode;

use modelyard_core::deploy::{EnvironmentId, Release};
use modelyard_core::model::{ModelRef, Which};
use modelyard_core::{Fault, Kind, Result};
use modelyard_evaluate::ApplicationReport;
use modelyard_evaluate::application::Outcome;
use serde_json::json;

use super::super::place::Place;
use super::super::table::{Column, Table};
use super::super::{Context, print, session};
use super::{Args, show, write};

pub(super) async fn run(args: &Args, environment: &str, place: &Place, ctx: &Context) -> Result<ExitCode> {
    let id = match environment.contains('/') {
        true => environment.parse()?,
        false => EnvironmentId { project: place.project()?.to_owned(), name: environment.to_owned() },
    };
    let release = find(place, &id, args.what.as_deref()).await?;
    let report = read(place, &release).await?;
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

/// The newest release into the environment, of the version `what`, that was tested.
async fn find(place: &Place, id: &EnvironmentId, what: Option<&str>) -> Result<Release> {
    let wanted = match what {
        None => None,
        Some(what) => {
            let model: ModelRef = what.parse()?;
            match model.which {
                Which::Default => Some((model.name, None)),
                _ => {
                    let version = modelyard_track::registry::find(&place.home, &model).await?;
                    Some((version.name, Some(version.number)))
                }
            }
        }
    };
    if place.home.environments.environment(id).await?.is_none() {
        return Err(Fault::new(Kind::NotFound, format!("there is no environment `{id}`"))
            .hint("modelyard environments list"));
    }
    let releases = place.home.environments.releases(id).await?;
    let fits = |release: &Release| {
        release.report.is_some()
            && wanted.as_ref().is_none_or(|(name, number)| {
                *name == release.model && number.is_none_or(|number| number == release.number)
            })
    };
    releases.into_iter().find(fits).ok_or_else(|| {
        let what = what.map_or_else(|| "nothing".to_owned(), |what| format!("`{what}` never"));
        Fault::new(Kind::NotFound, format!("{what} was tested in `{}`", id.name)).hint(format!(
            "modelyard deploy {} tests what it deploys, where the environment has tests",
            id.name
        ))
    })
}

async fn read(place: &Place, release: &Release) -> Result<ApplicationReport> {
    let missing = || Fault::new(Kind::NotFound, "the report is not in the home any more");
    let digest = release.report.ok_or_else(missing)?;
    ApplicationReport::from_json(&place.home.blobs.get(digest).await?.ok_or_else(missing)?)
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
