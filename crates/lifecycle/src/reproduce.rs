//! Doing a run again from what it stored, and comparing.
//!
//! The project is rebuilt from the run's snapshot, so uncommitted code reproduces like any other.
//! Each action is executed anew; whatever digests come out are compared with those of then.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use modelyard_core::action::{ActionKind, ActionResult};
use modelyard_core::fault::Attempt;
use modelyard_core::package::{GOLDEN, Golden, close};
use modelyard_core::ports::Home;
use modelyard_core::run::Run;
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_pipeline::{Graph, Node};
use serde::Serialize;

use crate::build::{Build, lock};
use crate::outcome::Outcome;
use crate::snapshot;
use crate::workshop::Workshop;

/// How a repetition compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every digest is the same.
    Identical,
    /// Some bytes differ, golden rows and metrics agree within the package's tolerance.
    SameAnswers,
    Different,
}

#[derive(Clone, Debug, Serialize)]
pub struct Reproduction {
    pub verdict: Verdict,
    /// Every action of the run that leads to the package, in order.
    pub actions: Vec<Compared>,
    /// The first that came out otherwise.
    pub first_difference: Option<Compared>,
    /// Of the golden rows' answers, relative above 1.
    pub largest_answer_difference: Option<f64>,
    pub remarks: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// The node: `train`.
    pub step: String,
    pub key: Digest,
    pub same: bool,
    /// Outputs and metrics that differ.
    pub differences: Vec<String>,
}

/// The project of `run`, rebuilt in the empty folder `place`.
///
/// # Errors
/// If its snapshot is not in the home.
pub async fn restore(home: &Home, run: &Run, place: &Path) -> Result<modelyard_core::config::Project> {
    let snapshot = run.snapshot.ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("the run {} has no snapshot of its project", run.id))
    })?;
    home.blobs.fetch_folder(snapshot, place).await?;
    snapshot::read_project(place)
}

/// Repeats `run` in `shop`, whose project was restored and whose engine repeats.
///
/// # Errors
/// If a step fails, or the run's results are not in the home any more.
pub async fn reproduce(shop: Arc<Workshop>, run: &Run) -> Result<Reproduction> {
    let home = shop.home().clone();
    let outcome: Outcome = serde_json::from_value(run.outcome.clone())
        .attempt(Kind::Store, || format!("cannot read what the run {} came to", run.id))?;
    let graph = Graph::of(&shop.project)?;
    let target = [Node::Test, Node::Package, Node::Train]
        .into_iter()
        .find(|node| outcome.actions.iter().any(|(of, _)| *of == node.to_string()))
        .ok_or_else(|| {
            Fault::new(Kind::NotFound, format!("the run {} trained no model to reproduce", run.id))
                .hint("name another run, `modelyard runs list`, or a version, NAME@VERSION")
        })?;
    let mut stored = Vec::new();
    for (name, key) in &outcome.actions {
        let Some(node) = graph.node(name) else { continue };
        let result = home.results.get(*key).await?.ok_or_else(|| {
            Fault::new(Kind::NotFound, format!("the result of `{name}` is not in the home any more"))
        })?;
        stored.push((node.clone(), result));
    }
    let tolerance = shop.project.package.tolerance;
    let build = Build::repetition(shop, &target, stored.clone())?;
    build.walk_unrecorded().await?;
    let fresh = build.results();
    let stood_in = lock(&build.stood_in).clone();
    stored.retain(|(node, _)| !stood_in.contains(node));
    let mut reproduction = compare(&home, &outcome, &stored, &fresh, tolerance).await?;
    reproduction.remarks = stood_in
        .iter()
        .map(|node| {
            format!("the sources of `{node}` are not there as they were: its stored rows stood in for them")
        })
        .collect();
    Ok(reproduction)
}

async fn compare(
    home: &Home,
    outcome: &Outcome,
    stored: &[(Node, ActionResult)],
    fresh: &[(Node, ActionResult)],
    tolerance: f64,
) -> Result<Reproduction> {
    let mut actions = Vec::new();
    for (node, result) in stored.iter().filter(|(_, result)| leads_to_package(result, outcome)) {
        let again = fresh.iter().find(|(_, again)| again.key == result.key).map(|(_, again)| again);
        let differences = match again {
            Some(again) => differences(result, again),
            None => vec!["what it starts from".to_owned()],
        };
        actions.push(Compared {
            step: node.to_string(),
            key: result.key.0,
            same: differences.is_empty(),
            differences,
        });
    }
    let first_difference = actions.iter().find(|action| !action.same).cloned();
    let mut reproduction = Reproduction {
        verdict: Verdict::Identical,
        actions,
        first_difference,
        largest_answer_difference: None,
        remarks: Vec::new(),
    };
    if reproduction.first_difference.is_none() {
        return Ok(reproduction);
    }
    reproduction.verdict = Verdict::Different;
    let package = |results: &[(Node, ActionResult)]| {
        let of_package = results.iter().rev().find(|(node, _)| *node == Node::Package)?;
        of_package.1.outputs.get("package").map(|output| output.content)
    };
    if let (Some(then), Some(now)) = (package(stored), package(fresh)) {
        let largest = golden_difference(home, then, now).await?;
        reproduction.largest_answer_difference = largest;
        let same_metrics = metrics(stored)
            .iter()
            .all(|(name, then)| metrics(fresh).get(name).is_some_and(|now| close(*then, *now, tolerance)));
        if largest.is_some_and(|largest| largest <= tolerance) && same_metrics {
            reproduction.verdict = Verdict::SameAnswers;
        }
    }
    Ok(reproduction)
}

/// Whether the package depends on the action, or the action is the scoring of it. What the champion
/// of then answered is no part of a model.
fn leads_to_package(result: &ActionResult, outcome: &Outcome) -> bool {
    let ActionKind::Builtin { name, .. } = &result.action.kind else { return true };
    match name.as_str() {
        "evaluate" | "importance" | "shared rows" => false,
        "score" => result.action.inputs.get("package").copied() == outcome.package,
        _ => true,
    }
}

fn differences(then: &ActionResult, now: &ActionResult) -> Vec<String> {
    let mut differing = Vec::new();
    for (name, output) in &then.outputs {
        // `artifacts` are for people: pictures, logs with times in them.
        let counts = name != "artifacts";
        if counts && now.outputs.get(name).map(|now| now.identity) != Some(output.identity) {
            differing.push(format!("output `{name}`"));
        }
    }
    for (name, value) in &then.metrics {
        if !now.metrics.get(name).is_some_and(|now| close(*value, *now, 0.0)) {
            differing.push(format!("metric `{name}`"));
        }
    }
    differing
}

/// The largest difference between the golden answers of two packages; `None` where their rows or
/// classes differ.
async fn golden_difference(home: &Home, then: Digest, now: Digest) -> Result<Option<f64>> {
    let (then, now) = (golden(home, then).await?, golden(home, now).await?);
    if then.rows != now.rows || then.answers.len() != now.answers.len() {
        return Ok(None);
    }
    let mut largest = 0.0_f64;
    for (then, now) in then.answers.iter().zip(&now.answers) {
        match (then.prediction.as_f64(), now.prediction.as_f64()) {
            (Some(then), Some(now)) => largest = largest.max(modelyard_core::package::difference(then, now)),
            _ if then.prediction != now.prediction => largest = largest.max(1.0),
            _ => {}
        }
        for (then, now) in then.probabilities.iter().flatten().zip(now.probabilities.iter().flatten()) {
            largest = largest.max(modelyard_core::package::difference(*then, *now));
        }
    }
    Ok(Some(largest))
}

async fn golden(home: &Home, package: Digest) -> Result<Golden> {
    let missing = || {
        Fault::new(Kind::Store, format!("the golden rows of package {} are not in the home", package.short()))
    };
    let tree = home.blobs.tree(package).await?.ok_or_else(missing)?;
    let file = tree.file(GOLDEN).ok_or_else(missing)?;
    let bytes = home.blobs.get(file.digest).await?.ok_or_else(missing)?;
    serde_json::from_slice(&bytes).attempt(Kind::Store, || "cannot read golden rows".to_owned())
}

/// The test metrics of an evaluation among `results`, by name.
fn metrics(results: &[(Node, ActionResult)]) -> BTreeMap<String, f64> {
    let evaluated = |result: &ActionResult| matches!(&result.action.kind, ActionKind::Builtin { name, .. } if name == "evaluate");
    let Some((_, result)) = results.iter().rev().find(|(_, result)| evaluated(result)) else {
        return BTreeMap::new();
    };
    let listed = result.facts["metrics"].as_array().cloned().unwrap_or_default();
    let named =
        |metric: serde_json::Value| Some((metric["name"].as_str()?.to_owned(), metric["value"].as_f64()?));
    listed.into_iter().filter_map(named).collect()
}

/// Where the project of a repetition is rebuilt, below the home's folder.
pub fn restore_folder(scratch: &Path, run: &Run) -> PathBuf {
    scratch.join(format!("reproduce-{}", run.id))
}
