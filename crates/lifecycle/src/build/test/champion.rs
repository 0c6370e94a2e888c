//! The champion on the candidate's test rows: whether it can be compared, and what it answers.

use std::collections::BTreeMap;

use modelyard_core::action::{Action, ActionKind, Output};
use modelyard_core::data::PartContent;
use modelyard_core::model::{ModelRef, ModelVersion, Which};
use modelyard_core::package::Manifest;
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_evaluate::{ChampionOutcome, Evaluation};
use modelyard_pipeline::{Node, Performed, Stop};
use serde_json::json;

use super::super::Build;
use super::score;
use crate::outcome::Outcome;

/// A champion that learnt from a larger share of the test rows is not comparable.
const MOST_SHARED: f64 = 0.01;

pub(super) enum Standing {
    None,
    Same { name: String },
    Answers { name: String, manifest: Box<Manifest>, predictions: Output },
    NotComparable { name: String, reason: String },
}

impl Standing {
    /// Whose answers the evaluation compares; for its key. Standings without answers leave it as it
    /// is, so that registering a first model does not evaluate it anew.
    pub(super) fn compared(&self) -> Option<&str> {
        match self {
            Self::Answers { name, .. } => Some(name),
            _ => None,
        }
    }

    /// Writes a standing without answers into an evaluation that knows no champion.
    pub(super) fn tell(&self, evaluation: &mut Evaluation) {
        match self {
            Self::None | Self::Answers { .. } => {}
            Self::Same { name } => {
                evaluation.champion = ChampionOutcome::Same { name: name.clone() };
                for metric in &mut evaluation.metrics {
                    metric.champion = metric.value;
                }
            }
            Self::NotComparable { name, reason } => {
                evaluation.champion =
                    ChampionOutcome::NotComparable { name: name.clone(), reason: reason.clone() };
            }
        }
    }
}

/// How the champion of the registered model stands to `candidate` on `part`.
pub(super) async fn standing(
    build: &Build,
    node: &Node,
    candidate: Digest,
    part: &PartContent,
) -> Result<Standing, Stop> {
    let home = build.shop.home();
    let champion =
        ModelRef { name: build.shop.project.register.clone(), which: Which::Alias("champion".into()) };
    let Some(version) = home.models.resolve(&champion).await? else { return Ok(Standing::None) };
    let name = format!("{}@{}", version.name, version.number);
    if version.package == candidate {
        return Ok(Standing::Same { name });
    }
    let manifest = super::super::package::manifest_of(build, version.package).await?;
    if manifest.task != build.shop.project.task {
        return Ok(Standing::NotComparable { name, reason: "it answers another kind of question".into() });
    }
    let candidates = &build.packaged()?.manifest.classes;
    if let Some(other) = manifest.classes.iter().find(|class| !candidates.contains(class)) {
        let reason = format!("it chooses from other classes, `{other}` among them");
        return Ok(Standing::NotComparable { name, reason });
    }
    match shared_with(build, node, &version, &manifest, part).await? {
        None => {
            let reason = "what it learnt from is not in the home, so these rows may be among it".to_owned();
            return Ok(Standing::NotComparable { name, reason });
        }
        Some(share) if share > MOST_SHARED => {
            let reason = format!("it learnt from {:.1} % of these test rows", share * 100.0);
            return Ok(Standing::NotComparable { name, reason });
        }
        Some(_) => {}
    }
    match score::score(build, node, version.package, part).await {
        Ok(scored) => Ok(Standing::Answers {
            name,
            manifest: Box::new(manifest),
            predictions: score::predictions_output(&scored)?,
        }),
        Err(Stop::Fault(fault)) if fault.kind() == Kind::Model => Ok(Standing::NotComparable {
            name,
            reason: format!("it can't score these rows: {}", fault.message()),
        }),
        Err(stop) => Err(stop),
    }
}

/// The share of `part`'s rows that are among what the champion learnt from; `None` if that is not
/// known.
async fn shared_with(
    build: &Build,
    node: &Node,
    champion: &ModelVersion,
    manifest: &Manifest,
    part: &PartContent,
) -> Result<Option<f64>, Stop> {
    let Some(contents) = learnt_contents(build, champion, manifest).await? else { return Ok(None) };
    let home = build.shop.home();
    let mut inputs = BTreeMap::from([("rows".to_owned(), part.digest)]);
    inputs.extend(manifest.provenance.data.iter().map(|(name, digest)| (name.clone(), *digest)));
    let action = Action {
        version: 1,
        kind: ActionKind::Builtin { name: "shared rows".into(), result_version: 1 },
        params: BTreeMap::new(),
        inputs,
        code: None,
        environment: None,
    };
    let done = build
        .perform(node, action, async |folder| {
            let path = folder.join("rows.parquet");
            home.blobs.fetch_file(part.content, &path).await?;
            let columns: Vec<_> =
                modelyard_data::schema(&path)?.into_iter().map(|field| field.name).collect();
            let rows = modelyard_data::row_hashes(&path, &columns)?;
            let mut learnt = std::collections::BTreeSet::new();
            for (content, number) in contents.iter().zip(0..) {
                let path = folder.join(format!("{number}.parquet"));
                home.blobs.fetch_file(*content, &path).await?;
                let theirs: Vec<_> =
                    modelyard_data::schema(&path)?.into_iter().map(|field| field.name).collect();
                // Rows with other columns are other rows.
                if columns.iter().all(|column| theirs.contains(column)) {
                    learnt.extend(modelyard_data::row_hashes(&path, &columns)?);
                }
            }
            let shared = rows.iter().filter(|row| learnt.contains(*row)).count();
            let share = shared as f64 / rows.len().max(1) as f64;
            Ok(Performed::builtin(BTreeMap::new(), json!({ "share": share })))
        })
        .await?;
    Ok(done.result.facts["share"].as_f64())
}

/// Parquet blobs of all that the champion learnt from, found among the results of its own run.
async fn learnt_contents(
    build: &Build,
    champion: &ModelVersion,
    manifest: &Manifest,
) -> Result<Option<Vec<Digest>>> {
    let home = build.shop.home();
    let Some(run) = champion.run else { return Ok(None) };
    let Some(run) = home.runs.get(run).await? else { return Ok(None) };
    let outcome: Outcome = serde_json::from_value(run.outcome)
        .map_err(|error| Fault::new(Kind::Store, "cannot read the champion's run").because(error))?;
    let mut known = BTreeMap::new();
    for (_, key) in &outcome.actions {
        if let Some(result) = home.results.get(*key).await? {
            let tables = result.outputs.iter().filter(|(name, _)| !name.ends_with(".csv"));
            known.extend(tables.map(|(_, output)| (output.identity, output.content)));
        }
    }
    let learnt = manifest.provenance.data.iter().filter(|(name, _)| name.starts_with("data."));
    Ok(learnt.map(|(_, identity)| known.get(identity).copied()).collect())
}
