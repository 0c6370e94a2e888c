//! `modelyard doctor`: what a project runs on, one section a driver of the lifecycle: data, code,
//! artifacts, middleware, infrastructure.
//!
//! It looks and changes nothing: no source is read, no environment made, nothing fetched. To add a
//! check: a [`Row`] in the file of its driver.

mod artifacts;
mod code;
mod data;
mod infrastructure;
mod makefile;
mod middleware;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use modelyard_core::Result;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Context, print};
use crate::config::{self, Loaded, Refusal};

/// Report what data, code, artifacts, middleware and infrastructure need and have
#[derive(clap::Args)]
pub(crate) struct Args {}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// There, as it should be.
    Ok,
    /// There, but not as it should be: the hint says how.
    Found,
    Missing,
}

/// A thing that was looked at.
#[derive(Debug, Serialize)]
struct Row {
    name: String,
    status: Status,
    /// What is there: a version, a path, a count.
    found: Option<String>,
    /// Whether the project can't do without it.
    needed: bool,
    hint: Option<String>,
}

impl Row {
    fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self { name: name.into(), status: Status::Ok, found: Some(found.into()), needed: true, hint: None }
    }

    /// There, but wrong.
    fn wrong(name: impl Into<String>, found: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: Status::Found, hint: Some(hint.into()), ..Self::ok(name, found) }
    }

    fn missing(name: impl Into<String>, hint: impl Into<String>) -> Self {
        let name = name.into();
        Self { name, status: Status::Missing, found: None, needed: true, hint: Some(hint.into()) }
    }

    /// Of use, but it goes without.
    fn optional(self) -> Self {
        Self { needed: false, ..self }
    }
}

/// The project, as far as there is one.
struct Subject {
    /// Of the project, else the current one.
    root: PathBuf,
    project: Option<Result<Loaded, Refusal>>,
}

impl Subject {
    fn loaded(&self) -> Option<&Loaded> {
        self.project.as_ref()?.as_ref().ok()
    }
}

/// Exit code 1 where something needed is missing or wrong.
pub(crate) async fn run(_args: Args, ctx: &Context) -> Result<ExitCode> {
    let subject = subject(ctx)?;
    let sections = [
        ("data", data::look(&subject)),
        ("code", code::look(&subject).await),
        ("artifacts", artifacts::look(&subject, ctx).await),
        ("middleware", middleware::look(&subject).await),
        ("infrastructure", infrastructure::look(&subject)),
    ];
    let lacking = sections
        .iter()
        .flat_map(|(_, rows)| rows)
        .filter(|row| row.needed && row.status != Status::Ok)
        .count();
    if ctx.json {
        let document: Map<String, Value> =
            sections.iter().map(|(name, rows)| ((*name).to_owned(), serde_json::json!(rows))).collect();
        print::json(&document.into());
    } else {
        told(&sections, lacking, ctx.quiet);
    }
    Ok(if lacking == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn subject(ctx: &Context) -> Result<Subject> {
    let here = std::path::absolute(ctx.project.as_deref().unwrap_or(Path::new(".")));
    let here = here.unwrap_or_else(|_| PathBuf::from("."));
    match config::locate(ctx.project.as_deref()) {
        Ok(file) => {
            let file = std::path::absolute(&file).unwrap_or(file);
            let root = file.parent().map_or(here, Path::to_owned);
            Ok(Subject { root, project: Some(config::inspect(&file)?) })
        }
        // A named project that is not there is a mistake; none at all is not.
        Err(fault) if ctx.project.is_some() && !here.is_dir() => Err(fault),
        Err(_) => Ok(Subject { root: here, project: None }),
    }
}

fn told(sections: &[(&str, Vec<Row>)], lacking: usize, quiet: bool) {
    match lacking {
        0 => print::result("everything that is needed is there"),
        1 => print::result("1 thing that is needed is missing or wrong"),
        count => print::result(format!("{count} things that are needed are missing or wrong")),
    }
    for (section, rows) in sections {
        let rows: Vec<&Row> =
            rows.iter().filter(|row| !quiet || row.needed && row.status != Status::Ok).collect();
        if rows.is_empty() {
            continue;
        }
        print::result(format!("\n{section}"));
        let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).min(28);
        for row in rows {
            let status = match row.status {
                Status::Ok => "ok",
                Status::Found => "found",
                Status::Missing => "missing",
            };
            let without = if row.needed { "" } else { "not needed" };
            let found = row.found.as_deref().unwrap_or(without);
            print::result(format!("  {status:<8} {:<width$}  {found}", row.name).trim_end());
            if let Some(hint) = &row.hint {
                print::result(format!("           hint: {hint}"));
            }
        }
    }
}

/// Whether a file can be made in `folder`, or in the nearest folder above that is there.
fn writable(folder: &Path) -> std::io::Result<()> {
    let there = folder.ancestors().find(|above| above.exists()).unwrap_or(folder);
    tempfile::tempfile_in(there).map(drop)
}

/// `file` as one reads it from the project's folder.
fn relative<'a>(file: &'a Path, root: &Path) -> std::path::Display<'a> {
    file.strip_prefix(root).unwrap_or(file).display()
}

/// Bytes with a unit.
fn bytes(count: u64) -> String {
    const UNITS: [(&str, f64); 4] = [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)];
    match UNITS.iter().find(|(_, unit)| count as f64 >= *unit) {
        Some((name, unit)) if count as f64 / unit < 10.0 => format!("{:.1} {name}", count as f64 / unit),
        Some((name, unit)) => format!("{:.0} {name}", count as f64 / unit),
        None => format!("{count} bytes"),
    }
}
