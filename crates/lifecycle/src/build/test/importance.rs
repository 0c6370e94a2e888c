//! Which columns the package leans on: its primary metric on validation rows, a column shuffled at a time.

use std::collections::BTreeMap;

use modelyard_core::action::{Action, ActionKind};
use modelyard_core::fault::Attempt;
use modelyard_core::table::Table;
use modelyard_core::{Kind, Result};
use modelyard_evaluate::importance::{REPEATS, chosen_rows, shuffled};
use modelyard_evaluate::{Importance, Metric, Sample, Truth, wanted_metrics};
use modelyard_pipeline::{Node, Performed, Stop};
use modelyard_serve::Model;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::package::answers::score_served;
use super::super::{Build, PackageMade, package};

/// Raised when the importance of a package's columns may come out otherwise.
const RESULT_VERSION: u32 = 1;
/// Columns that are not reached by then are left out: a slow model must not hold up the line.
const MOST_MICROS: i64 = 60_000_000;
const SEED: u64 = 0;

/// What is stored: it never fails a build that the model itself has passed.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Found {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) importance: Option<Importance>,
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) undefined: Option<String>,
}

pub(super) async fn importance(
    build: &Build,
    node: &Node,
    packaged: &PackageMade,
    name: &str,
) -> Result<Found, Stop> {
    let shop = &build.shop;
    let project = &shop.project;
    let manifest = &packaged.manifest;
    let validation = package::validation_table(build, node, name).await?;
    let metrics = wanted_metrics(&project.test, project.task, manifest.classes.len())?;
    let Some(metric) = metrics.first() else { return Ok(Found::default()) };
    let action = Action {
        version: 1,
        kind: ActionKind::Builtin { name: "importance".into(), result_version: RESULT_VERSION },
        params: BTreeMap::from([
            ("target".to_owned(), json!(project.target)),
            ("metric".to_owned(), json!(metric.name())),
        ]),
        inputs: [("package".to_owned(), packaged.digest), ("rows".to_owned(), validation.identity)].into(),
        code: None,
        environment: None,
    };
    let done = build
        .perform(node, action, async |folder| {
            let blobs = &shop.home().blobs;
            let place = folder.join("package");
            blobs.fetch_folder(packaged.digest, &place).await?;
            let file = folder.join(&validation.file_name);
            blobs.fetch_file(validation.content, &file).await?;
            let all = modelyard_data::read_table(&file, None)?;
            let names: Vec<_> = manifest.signature.inputs.iter().map(|input| input.name.clone()).collect();
            let rows = all.pick(&chosen_rows(all.rows(), names.len(), SEED));
            let found = match (super::truth(project, manifest, &rows), rows.select(&names)) {
                (Ok(truth), Some(inputs)) => {
                    let package = modelyard_deploy::package::read(&place)?;
                    let note = |text: &str| shop.progress.note(node, text);
                    let model = shop.settings.open_package(&package, shop.patience(), &note).await?;
                    let deadline = shop.engine.clock.steady_micros() + MOST_MICROS;
                    let in_time = || shop.engine.clock.steady_micros() < deadline;
                    let asked = ask(&model, *metric, &inputs, &truth, in_time).await;
                    model.close().await;
                    asked.unwrap_or_else(|reason| Found { undefined: Some(reason), importance: None })
                }
                (Err(fault), _) => Found { undefined: Some(fault.message().to_owned()), importance: None },
                (_, None) => {
                    let reason = "the validation rows lack a column that the model is asked with";
                    Found { undefined: Some(reason.to_owned()), importance: None }
                }
            };
            let facts = serde_json::to_value(&found)
                .attempt(Kind::Internal, || "cannot write the columns' importance as JSON".to_owned())?;
            Ok(Performed::builtin(BTreeMap::new(), facts))
        })
        .await?;
    Ok(serde_json::from_value(done.result.facts)
        .attempt(Kind::Store, || "cannot read the stored importance of columns".to_owned())?)
}

/// Asks the model for every column and repeat; a reason where that has no answer.
async fn ask(
    model: &Model,
    metric: &dyn Metric,
    inputs: &Table,
    truth: &Truth,
    in_time: impl Fn() -> bool,
) -> Result<Found, String> {
    let score = async |rows: &Table| -> Result<f64, String> {
        let answers = score_served(model, rows).await.map_err(|fault| fault.message().to_owned())?;
        let sample = Sample::new(truth, &answers).map_err(|fault| fault.message().to_owned())?;
        metric.score(&sample).map_err(|undefined| format!("{} is undefined: {undefined}", metric.name()))
    };
    let value = score(inputs).await?;
    let (mut columns, mut left_out) = (Vec::new(), Vec::new());
    for (place, column) in inputs.names().iter().enumerate() {
        if !in_time() {
            left_out.push(column.clone());
            continue;
        }
        let mut values = Vec::new();
        for repeat in 0..REPEATS {
            let changed = shuffled(inputs, place, repeat, SEED);
            let found = score(&changed).await;
            values.push(found.map_err(|reason| format!("with `{column}` shuffled: {reason}"))?);
        }
        columns.push((column.clone(), values));
    }
    let importance = Importance::new(metric, value, inputs.rows() as u64, columns);
    Ok(Found { importance: Some(Importance { left_out, ..importance }), undefined: None })
}
