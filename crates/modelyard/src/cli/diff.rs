//! `modelyard diff`: what led from one run, or version, to another.

use std::process::ExitCode;

use modelyard_core::action::Action;
use modelyard_core::outcome::Outcome;
use modelyard_core::ports::Home;
use modelyard_core::run::{Run, RunFilter, RunKind};
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::status::least_difference;
use modelyard_track::runs::{self, Comparison, Row};
use serde::Serialize;
use serde_json::{Value, json};

use super::place::{self, Place};
use super::runs::short;
use super::table::{Column, Table};
use super::{Context, print, text};

/// Show what changed between two runs or versions, step by step
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A run's id or its beginning, a step, or NAME@VERSION [default: the run before the newest]
    #[arg(value_name = "RUN|VERSION")]
    before: Option<String>,
    /// What to compare it with [default: the newest run]
    #[arg(value_name = "RUN|VERSION")]
    after: Option<String>,
}

/// What changed in a step.
#[derive(Serialize)]
struct Changed {
    step: String,
    /// A phrase each.
    changes: Vec<String>,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let place = place::open(ctx).await?;
    let after = place.run(args.after.as_deref()).await?;
    let before = match &args.before {
        Some(what) => place.run(Some(what)).await?,
        None => one_before(&place, &after).await?,
    };
    let steps = steps(&place.home, &before, &after).await?;
    let comparison = runs::compare(&place.home, &[before, after]).await?;
    if ctx.json {
        print::json(&json!({
            "runs": comparison.runs,
            "same": steps.is_empty() && comparison.differences().next().is_none(),
            "steps": steps,
            "params": comparison.params,
            "metrics": comparison.metrics,
            "data": comparison.data,
            "origin": comparison.origin,
        }));
    } else {
        print::result(shown(&steps, &comparison));
    }
    Ok(ExitCode::SUCCESS)
}

/// The newest pipeline run of the same project that began before `run`.
async fn one_before(place: &Place, run: &Run) -> Result<Run> {
    let filter = RunFilter {
        project: Some(run.project.clone()),
        kind: Some(RunKind::Pipeline),
        limit: Some(1000),
        ..RunFilter::default()
    };
    let runs = place.home.runs.list(&filter).await?;
    let before = runs.into_iter().find(|other| (other.started_at, other.id) < (run.started_at, run.id));
    before.ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("there is no run before {} to compare it with", run.id))
            .hint("`modelyard status` shows what changed since it")
    })
}

/// The steps whose actions are not the same, in the order of the later run.
async fn steps(home: &Home, before: &Run, after: &Run) -> Result<Vec<Changed>> {
    let (old, new) = (actions(home, before).await?, actions(home, after).await?);
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in new.iter().chain(&old) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut changed = Vec::new();
    for name in names {
        let of = |actions: &[(String, Action)], other: &[(String, Action)]| -> Vec<Action> {
            let is_new = |action: &Action| !other.iter().any(|(of, known)| of == name && known == action);
            actions
                .iter()
                .filter(|(of, action)| of == name && is_new(action))
                .map(|(_, action)| action.clone())
                .collect()
        };
        let (gone, come) = (of(&old, &new), of(&new, &old));
        let changes = match (gone.as_slice(), come.as_slice()) {
            ([], []) => continue,
            ([], _) if !old.iter().any(|(of, _)| of == name) => vec!["is new".to_owned()],
            (_, []) if !new.iter().any(|(of, _)| of == name) => vec!["is not in it".to_owned()],
            (gone, come) => changes(home, gone, come).await?,
        };
        changed.push(Changed { step: name.clone(), changes });
    }
    Ok(changed)
}

/// The actions of `run`, by step. Of a search only the one whose model was taken: which other
/// points were tried follows from the configuration.
async fn actions(home: &Home, run: &Run) -> Result<Vec<(String, Action)>> {
    let outcome = Outcome::of(run)?;
    let mut keys = outcome.actions.clone();
    if let Some(training) = outcome.training {
        let node = keys.iter().find(|(_, key)| *key == training).map(|(node, _)| node.clone());
        keys.retain(|(of, key)| Some(of) != node.as_ref() || *key == training);
    }
    keys.extend(run.key.map(|key| (run.name.clone(), key)));
    let mut actions = Vec::new();
    for (name, key) in keys {
        if let Some(result) = home.results.get(key).await? {
            actions.push((name, result.action));
        }
    }
    Ok(actions)
}

/// What of each action in `come` differs from the one in `gone` that it is closest to.
async fn changes(home: &Home, gone: &[Action], come: &[Action]) -> Result<Vec<String>> {
    let mut all: Vec<String> = Vec::new();
    for after in come {
        let least = least_difference(home, gone.iter(), after).await?;
        for change in least.unwrap_or_else(|| vec!["does more than before".to_owned()]) {
            if !all.contains(&change) {
                all.push(change);
            }
        }
    }
    if all.is_empty() {
        all.push("does less than before".to_owned());
    }
    Ok(all)
}

fn shown(steps: &[Changed], comparison: &Comparison) -> String {
    let (before, after) = (&comparison.runs[0], &comparison.runs[1]);
    let mut lines = vec![format!("{} → {}", before.id, after.id)];
    let width = steps.iter().map(|step| step.step.len()).max().unwrap_or(0).max(10);
    for step in steps {
        for (change, place) in step.changes.iter().zip(0..) {
            let name = if place == 0 { step.step.as_str() } else { "" };
            lines.push(format!("  {name:<width$} {change}"));
        }
    }
    let parts = [
        ("params", &comparison.params),
        ("data", &comparison.data),
        ("metrics", &comparison.metrics),
        ("origin", &comparison.origin),
    ];
    for (title, rows) in parts {
        // What changed in parameters, code and command is told above, step by step.
        let told = |row: &Row| {
            let by_steps =
                title == "params" || matches!(row.name.as_str(), "code" | "environment" | "command");
            by_steps && !steps.is_empty()
        };
        let mut table = Table::new([
            Column::left(title, Column::KEEP),
            Column::right("before", Column::KEEP),
            Column::right("after", Column::KEEP),
            Column::right("", 1),
        ]);
        for row in rows.iter().filter(|row| row.differs && !told(row)) {
            let difference = match (row.values[0].as_f64(), row.values[1].as_f64()) {
                (Some(before), Some(after)) => text::signed(after - before),
                _ => String::new(),
            };
            table.row([row.name.clone(), cell(&row.values[0]), cell(&row.values[1]), difference]);
        }
        let text = table.text();
        if !text.is_empty() {
            lines.push(format!("\n{text}"));
        }
    }
    if lines.len() == 1 {
        lines.push("  Nothing differs that was recorded.".to_owned());
    }
    lines.join("\n")
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(id) => short(id),
        other => other.as_f64().map_or_else(|| text::value(other), text::score),
    }
}
