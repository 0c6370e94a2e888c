//! Model testing: the package is scored on the sealed test part, compared with the trivial baseline
//! and the champion on the same rows, and judged by the gates.
//!
//! Scoring and evaluating are actions; the gates' judgement is not, it is made at every run.

mod champion;
mod importance;
mod report;
pub(crate) mod score;

use std::collections::BTreeMap;

use modelyard_core::action::{Action, ActionKind};
use modelyard_core::config::{Project, Task};
use modelyard_core::data::{Part, PartContent};
use modelyard_core::fault::Attempt;
use modelyard_core::package::Manifest;
use modelyard_core::table::Table;
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_evaluate::gates::judge;
use modelyard_evaluate::{Baseline, Champion, Evaluation, Evidence, Truth, evaluate, wanted_metrics};
use modelyard_pipeline::{Done, Mode, Node, Performed, Stop};
use serde_json::json;

use super::{Build, TestMade};
use crate::outcome::GateOutcome;
use champion::Standing;

/// Raised when an evaluation may come out otherwise from the same answers.
const RESULT_VERSION: u32 = 1;

/// The data set whose test part is scored: `[test] data`, else the only one.
pub(super) fn tested_data(project: &Project) -> Result<String> {
    let only = || (project.data.len() == 1).then(|| project.data.keys().next().cloned()).flatten();
    project.test.data.clone().or_else(only).ok_or_else(|| {
        Fault::new(
            Kind::Config,
            "the project has several data sets, and nothing says which one tests the model",
        )
        .hint("set `data` in [test]")
    })
}

pub(super) async fn make(build: &Build, node: &Node) -> Result<TestMade, Stop> {
    let shop = &build.shop;
    let package = build.packaged()?;
    let name = tested_data(&shop.project)?;
    let data = build.data(&name)?;
    let part = data.version.data.split.get(&Part::Test).cloned().ok_or_else(|| {
        Fault::new(Kind::Config, format!("`{name}` has no test part to test the model on"))
            .hint(format!("set `split` in [data.{name}]"))
    })?;
    let scored = score::score(build, node, package.digest, &part).await?;
    let standing = if shop.engine.mode() == Mode::Repeat {
        Standing::None
    } else {
        champion::standing(build, node, package.digest, &part).await?
    };
    if standing.compared().is_some() {
        // As it will stand once it is the champion itself, so that the run after finds that too.
        evaluation(build, node, &package.manifest, &scored, &Standing::None, &part, &name).await?;
    }
    let done = evaluation(build, node, &package.manifest, &scored, &standing, &part, &name).await?;
    let mut evaluation: Evaluation = serde_json::from_value(done.result.facts.clone())
        .attempt(Kind::Store, || "cannot read the stored evaluation".to_owned())?;
    standing.tell(&mut evaluation);
    let gates = judge(
        &shop.project.test.gates,
        &evaluation.metrics,
        &evaluation.champion,
        shop.settings.accept_champion,
    )?;
    let found = if shop.engine.mode() == Mode::Repeat {
        importance::Found::default()
    } else {
        importance::importance(build, node, &package, &name).await?
    };
    let uses =
        if build.records() { shop.home().data.count_test_use(part.digest, package.digest).await? } else { 0 };
    let mut report = report::make(build, &package, &data.version, evaluation, gates, uses, &build.trust());
    report.importance = found.importance;
    report.remarks.extend(found.undefined.map(|reason| format!("importance of columns unknown: {reason}")));
    let bytes = serde_json::to_vec(&report)
        .attempt(Kind::Internal, || "cannot write the report as JSON".to_owned())?;
    let report_digest =
        if build.records() { shop.home().blobs.put(&bytes).await? } else { Digest::of(&bytes) };
    let gates: Vec<_> = report
        .gates
        .iter()
        .map(|gate| GateOutcome {
            name: gate.name.clone(),
            wanted: gate.wanted.clone(),
            got: gate.got.clone(),
            passed: gate.passed,
            note: gate.note.clone(),
        })
        .collect();
    {
        let mut outcome = super::lock(&build.outcome);
        outcome.report = Some(report_digest);
        outcome.gates.clone_from(&gates);
    }
    shop.progress.finished(
        node,
        &report::lines(&report),
        done.cached && scored.cached,
        done.result.usage.wall_ms,
    );
    let failed: Vec<_> = gates.iter().filter(|gate| !gate.passed).collect();
    if !failed.is_empty() && shop.engine.mode() != Mode::Repeat {
        return Err(gate_fault(build, &failed).into());
    }
    let metric =
        report.evaluation.metrics.first().and_then(|metric| Some((metric.name.clone(), metric.value?)));
    Ok(TestMade { report_digest, report, gates, metric })
}

fn gate_fault(build: &Build, failed: &[&GateOutcome]) -> Fault {
    let names: Vec<_> = failed.iter().map(|gate| gate.name.as_str()).collect();
    let s = if failed.len() == 1 { "" } else { "s" };
    let mut fault =
        Fault::new(Kind::Gate, format!("gate{s} failed: {}; nothing was registered", names.join(", ")));
    for gate in failed {
        let note = gate.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
        fault = fault.detail(gate.name.clone(), format!("wanted {}, got {}{note}", gate.wanted, gate.got));
    }
    let fault = fault.detail("run", format!("modelyard show {}", build.run));
    match failed {
        // Nothing is wrong with the model: whether the champion may be passed over is the user's to say.
        [gate] if gate.got == "not comparable" => {
            fault.hint("modelyard run --accept-champion registers it all the same")
        }
        _ => fault.hint(format!("modelyard report {} shows where the model is wrong", build.run)),
    }
}

/// Scores truth against answers, baseline and champion, as an action.
async fn evaluation(
    build: &Build,
    node: &Node,
    manifest: &Manifest,
    scored: &Done,
    standing: &Standing,
    part: &PartContent,
    name: &str,
) -> Result<Done, Stop> {
    let shop = &build.shop;
    let project = &shop.project;
    let data = build.data(name)?;
    let train = data
        .version
        .data
        .split
        .get(&Part::Train)
        .cloned()
        .ok_or_else(|| Fault::new(Kind::Config, format!("`{name}` has no train part")))?;
    let candidate = score::predictions_output(scored)?;
    let mut inputs = BTreeMap::from([
        ("predictions".to_owned(), candidate.identity),
        ("test".to_owned(), part.digest),
        ("train".to_owned(), train.digest),
    ]);
    if let Standing::Answers { predictions, .. } = standing {
        inputs.insert("champion".to_owned(), predictions.identity);
    }
    let action = Action {
        version: 1,
        kind: ActionKind::Builtin { name: "evaluate".into(), result_version: RESULT_VERSION },
        params: BTreeMap::from([
            ("task".to_owned(), json!(project.task)),
            ("target".to_owned(), json!(project.target)),
            ("classes".to_owned(), json!(manifest.classes)),
            ("positive".to_owned(), json!(manifest.positive)),
            ("metrics".to_owned(), json!(project.test.metrics)),
            ("bounds".to_owned(), json!(project.test.gates.bounds.keys().collect::<Vec<_>>())),
            ("slices".to_owned(), json!(project.test.slices)),
            ("champion".to_owned(), json!(standing.compared())),
            ("private".to_owned(), json!(data.version.data.roles.private)),
        ]),
        inputs,
        code: None,
        environment: None,
    };
    let private = data.version.data.roles.private.clone();
    build
        .perform(node, action, async |folder| {
            let blobs = &shop.home().blobs;
            let read = async |content: Digest, name: &str| -> Result<Table> {
                let path = folder.join(name);
                blobs.fetch_file(content, &path).await?;
                modelyard_data::read_table(&path, None)
            };
            let test = read(part.content, "test.parquet").await?;
            let train = read(train.content, "train.parquet").await?;
            let predictions =
                score::from_table(&read(candidate.content, "predictions.parquet").await?, manifest)?;
            let champion = match standing {
                Standing::Answers { predictions, manifest: theirs, .. } => {
                    let table = read(predictions.content, "champion.parquet").await?;
                    Some(score::reordered(
                        score::from_table(&table, theirs)?,
                        &theirs.classes,
                        &manifest.classes,
                    ))
                }
                _ => None,
            };
            let truth = truth(project, manifest, &test)?;
            let baseline = Baseline::fit(&self::truth(project, manifest, &train)?).ok();
            let metrics = wanted_metrics(&project.test, project.task, manifest.classes.len())?;
            let shown = without(&test, &private);
            let evidence = Evidence {
                truth: &truth,
                predictions: &predictions,
                table: &shown,
                metrics: &metrics,
                slices: &project.test.slices,
                baseline: baseline.as_ref(),
                champion: match (standing, &champion) {
                    (Standing::Answers { name, .. }, Some(predictions)) => {
                        Champion::Answers { name, predictions }
                    }
                    _ => Champion::None,
                },
                seed: 0,
            };
            let evaluation = evaluate(&evidence)?;
            let facts = serde_json::to_value(&evaluation)
                .attempt(Kind::Internal, || "cannot write the evaluation as JSON".to_owned())?;
            Ok(Performed::builtin(BTreeMap::new(), facts))
        })
        .await
}

fn truth(project: &Project, manifest: &Manifest, table: &Table) -> Result<Truth> {
    let target = &project.target;
    let column = table.column(target).ok_or_else(|| {
        Fault::new(Kind::Config, format!("the target `{target}` is no column of the data set"))
    })?;
    match project.task {
        Task::Regression => Truth::values(target, column),
        Task::Classification => {
            Truth::classes(target, column, &manifest.classes, manifest.positive.as_deref())
        }
    }
}

fn without(table: &Table, private: &[String]) -> Table {
    let mut shown = Table::new();
    for (name, column) in table.columns() {
        if !private.iter().any(|private| private == name) {
            shown.push(name, column.clone());
        }
    }
    shown
}
