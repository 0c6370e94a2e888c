//! `modelyard check`: is `modelyard.toml` in order, and if not, where. Runs nothing.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::config::{Make, Project, SearchMethod, Space, Task};
use serde_json::json;

use super::{Context, print};
use crate::config::{self, Loaded, Refusal};

/// Check modelyard.toml: every problem with its place
#[derive(clap::Args)]
pub(crate) struct Args {}

/// Exit code 0 where the file is in order, 1 where it has problems.
pub(crate) async fn run(_args: Args, ctx: &Context) -> Result<ExitCode> {
    let file = config::locate(ctx.project.as_deref())?;
    match config::inspect(&file)? {
        Ok(loaded) => {
            if ctx.json {
                print::json(&json!({
                    "valid": true,
                    "project": loaded.project.name,
                    "problems": [],
                    "remarks": loaded.remarks,
                }));
            } else {
                good(&loaded, ctx);
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(refusal) => {
            bad(refusal, ctx);
            Ok(ExitCode::FAILURE)
        }
    }
}

fn good(loaded: &Loaded, ctx: &Context) {
    print::result(format!("{} is in order", config::FILE));
    if ctx.quiet {
        return;
    }
    for (label, text) in summary(&loaded.project) {
        print::result(format!("  {label:<10} {text}"));
    }
    for remark in &loaded.remarks {
        print::remark(format!("remark: {remark}"));
    }
    print::result("next: modelyard run");
}

fn bad(refusal: Refusal, ctx: &Context) {
    if ctx.json {
        let problems: Vec<_> = refusal.problems().collect();
        print::json(&json!({
            "valid": false,
            "project": null,
            "problems": problems,
            "remarks": refusal.remarks,
        }));
        return;
    }
    let remarks = refusal.remarks.clone();
    let error = if ctx.color { "\x1b[1;31merror\x1b[0m" } else { "error" };
    print::remark(format!("{error}: {}", refusal.into_fault().report()));
    for remark in remarks.iter().filter(|_| !ctx.quiet) {
        print::remark(format!("remark: {remark}"));
    }
}

/// What the file says, a line a section.
fn summary(project: &Project) -> Vec<(&'static str, String)> {
    let task = match project.task {
        Task::Regression => "regression",
        Task::Classification => "classification",
    };
    let mut lines = vec![("project", format!("{}: {task} of `{}`", project.name, project.target))];
    for (name, set) in &project.data {
        let made = match &set.make {
            Make::AsIs => "",
            Make::Sql { .. } => ", one table by SQL",
            Make::Run(_) => ", one table by a command",
        };
        lines.push(("data", format!("{name}: {}{made}", count(set.sources.len(), "source"))));
    }
    if !project.steps.is_empty() {
        let names: Vec<&str> = project.steps.keys().map(String::as_str).collect();
        lines.push(("steps", names.join(", ")));
    }
    if let Some(train) = &project.train {
        let trials = train.search.as_ref().map(|search| match search.method {
            SearchMethod::Random => format!("random search, {} trials", search.trials.unwrap_or_default()),
            SearchMethod::Grid => {
                let points = search.space.values().map(points).try_fold(1_u64, u64::checked_mul);
                format!(
                    "grid of {}",
                    points.map_or("too many points".to_owned(), |n| count(n as usize, "point"))
                )
            }
        });
        let refit = if train.refit { ", the winner once more on train and validation" } else { "" };
        lines.push(("train", format!("{}{refit}", trials.as_deref().unwrap_or("one run"))));
    }
    if project.train.is_some() {
        let metrics = if project.test.metrics.is_empty() {
            "the usual metrics".to_owned()
        } else {
            project.test.metrics.join(", ")
        };
        let gates = &project.test.gates;
        let gates = gates.bounds.len()
            + usize::from(gates.baseline.is_some())
            + usize::from(gates.champion.is_some());
        lines.push(("test", format!("{metrics}; {}", count(gates, "gate"))));
        lines.push(("register", project.register.clone()));
    }
    lines
}

/// How many values a grid takes from `space`.
fn points(space: &Space) -> u64 {
    match space {
        Space::Choices(choices) => choices.len() as u64,
        Space::Float { min, max, step: Some(step), .. } => ((max - min) / step + 1e-9).floor() as u64 + 1,
        Space::Int { min, max, step: Some(step), .. } => {
            (max.abs_diff(*min)) / step.unsigned_abs().max(1) + 1
        }
        Space::Float { .. } | Space::Int { .. } => 1,
    }
}

fn count(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        number => format!("{number} {what}s"),
    }
}
