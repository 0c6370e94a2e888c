//! The report of a model's test: the one that a version or a run has, with what is known of it only now.

use modelyard_core::model::ModelRef;
use modelyard_core::outcome::Outcome;
use modelyard_core::ports::Home;
use modelyard_core::run::{Run, RunKind};
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_evaluate::Report;
use modelyard_track::{registry, runs};

/// Where a report comes from.
pub struct Found {
    report: Digest,
    /// The pipeline run that tested the model, where it is known.
    run: Option<Run>,
    /// The version it was registered as.
    version: Option<(String, u32)>,
}

impl Found {
    /// What names it in the next command.
    pub fn name(&self) -> String {
        match (&self.version, &self.run) {
            (Some((name, number)), _) => format!("{name}@{number}"),
            (None, Some(run)) => run.id.to_string(),
            (None, None) => self.report.to_string(),
        }
    }
}

/// Of the version that `model` names.
///
/// # Errors
/// [`Kind::NotFound`] if there is none, or none with a report.
pub async fn of_version(home: &Home, model: &ModelRef) -> Result<Found> {
    let version = registry::find(home, model).await?;
    let title = format!("{}@{}", version.name, version.number);
    let report = version
        .report
        .ok_or_else(|| Fault::new(Kind::NotFound, format!("{title} was registered without a test report")))?;
    let run = match version.run {
        Some(id) => home.runs.get(id).await?,
        None => None,
    };
    Ok(Found { report, run, version: Some((version.name, version.number)) })
}

/// Of what `run`, or the run that it is a part of, tested.
///
/// # Errors
/// [`Kind::NotFound`] if it tested no model.
pub async fn of_run(home: &Home, run: Run) -> Result<Found> {
    let run = match run.parent {
        Some(parent) if run.kind != RunKind::Pipeline => home.runs.get(parent).await?.unwrap_or(run),
        _ => run,
    };
    let outcome = Outcome::of(&run)?;
    let report = outcome.report.ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("the run {} tested no model", run.id))
            .hint(format!("modelyard show {}", run.id))
    })?;
    let model = outcome.model.as_ref().and_then(|model| model.parse::<ModelRef>().ok());
    let version = match model {
        Some(model) => home.models.resolve(&model).await?.map(|version| (version.name, version.number)),
        None => None,
    };
    Ok(Found { report, run: Some(run), version })
}

/// The stored report, with number, run, commit and time.
///
/// # Errors
/// [`Kind::NotFound`] if it is no longer in the home.
pub async fn read(home: &Home, found: &Found) -> Result<Report> {
    let bytes = home.blobs.get(found.report).await?.ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("the report of {} is not in the home any more", found.name()))
    })?;
    let mut report = Report::from_json(&bytes)?;
    if let Some((name, number)) = &found.version {
        report.model.name.clone_from(name);
        report.model.number = Some(*number);
    }
    if let Some(run) = &found.run {
        report.model.run = Some(run.id.to_string());
        let parts = runs::parts(home, run).await?;
        let test = parts.iter().rfind(|part| part.name == "test");
        report.model.tested_at = test.and_then(|test| test.ended_at).or(run.ended_at);
        report.provenance.commit = run.source.as_ref().map(|commit| {
            let changed = if commit.difference.is_some() { ", changed since" } else { "" };
            format!("{}{changed}", commit.id)
        });
        report.provenance.reproduce = Some(format!("modelyard reproduce {}", found.name()));
    }
    Ok(report)
}
