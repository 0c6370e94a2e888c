//! Scoring: the answers of a package to the rows of a part. One action for candidate and champion.

use std::collections::BTreeMap;

use modelyard_core::action::{Action, ActionKind, Output};
use modelyard_core::data::PartContent;
use modelyard_core::fault::Attempt;
use modelyard_core::package::{Manifest, Predictions};
use modelyard_core::table::{Column, Table};
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_pipeline::{Done, Node, Performed, Stop};

use super::super::package::answers::score_served;
use super::super::{Build, inputs};

/// Raised when the answers of a package may be stored otherwise.
const RESULT_VERSION: u32 = 1;

/// Scores `package` on `part`; the answers are the output `predictions`.
pub(super) async fn score(
    build: &Build,
    node: &Node,
    package: Digest,
    part: &PartContent,
) -> Result<Done, Stop> {
    let shop = &build.shop;
    let action = Action {
        version: 1,
        kind: ActionKind::Builtin { name: "score".into(), result_version: RESULT_VERSION },
        params: BTreeMap::new(),
        inputs: [("package".to_owned(), package), ("rows".to_owned(), part.digest)].into(),
        code: None,
        environment: None,
    };
    build
        .perform(node, action, async |folder| {
            shop.progress.began(node);
            let blobs = &shop.home().blobs;
            let place = folder.join("package");
            blobs.fetch_folder(package, &place).await?;
            let rows = folder.join("rows.parquet");
            blobs.fetch_file(part.content, &rows).await?;
            let package = modelyard_deploy::package::read(&place)?;
            let note = |text: &str| shop.progress.note(node, text);
            let model = shop.settings.open_package(&package, shop.patience(), &note).await?;
            let names: Vec<_> =
                package.manifest.signature.inputs.iter().map(|input| input.name.clone()).collect();
            let table = modelyard_data::read_table(&rows, None)?.select(&names).ok_or_else(|| {
                Fault::new(Kind::Model, "the rows lack a column that the model is asked with")
                    .detail("inputs", names.join(", "))
            })?;
            let answers = score_served(&model, &table).await;
            model.close().await;
            let answers = to_table(&answers?, &package.manifest);
            let path = folder.join("predictions.parquet");
            modelyard_data::write_table(&path, &answers)?;
            let size =
                path.metadata().attempt(Kind::Store, || "cannot read the predictions".to_owned())?.len();
            let identity = modelyard_data::logical_digest(&answers);
            let output = inputs::file(identity, blobs.put_file(&path).await?, size);
            Ok(Performed::builtin(
                BTreeMap::from([("predictions".to_owned(), output)]),
                serde_json::Value::Null,
            ))
        })
        .await
}

pub(super) fn predictions_output(scored: &Done) -> Result<Output> {
    scored
        .result
        .outputs
        .get("predictions")
        .cloned()
        .ok_or_else(|| Fault::new(Kind::Store, "the stored scoring has no predictions"))
}

/// `prediction`, and a column `probability of CLASS` for each class.
pub(crate) fn to_table(answers: &Predictions, manifest: &Manifest) -> Table {
    let mut table = Table::new();
    match answers {
        Predictions::Values(values) => {
            table.push("prediction", Column::Float(values.iter().map(|value| Some(*value)).collect()));
        }
        Predictions::Classes { labels, probabilities } => {
            let names = labels.iter().map(|label| manifest.classes.get(*label).cloned());
            table.push("prediction", Column::String(names.collect()));
            for (class, place) in manifest.classes.iter().zip(0..) {
                let Some(all) = probabilities else { break };
                let of_class =
                    all.iter().skip(place).step_by(manifest.classes.len()).map(|value| Some(*value));
                table.push(probability_name(class), Column::Float(of_class.collect()));
            }
        }
    }
    table
}

/// The answers that [`to_table`] wrote.
///
/// # Errors
/// If they are not of `manifest`'s classes.
pub(crate) fn from_table(table: &Table, manifest: &Manifest) -> Result<Predictions> {
    let broken = || Fault::new(Kind::Store, "the stored predictions are not those of this package");
    match table.column("prediction").ok_or_else(broken)? {
        Column::Float(values) if manifest.classes.is_empty() => {
            Ok(Predictions::Values(values.iter().map(|value| value.unwrap_or(f64::NAN)).collect()))
        }
        Column::String(names) => {
            let place = |name: &Option<String>| {
                manifest.classes.iter().position(|class| Some(class) == name.as_ref())
            };
            let labels = names.iter().map(place).collect::<Option<Vec<_>>>().ok_or_else(broken)?;
            let columns: Option<Vec<_>> = manifest
                .classes
                .iter()
                .map(|class| match table.column(&probability_name(class)) {
                    Some(Column::Float(values)) => Some(values),
                    _ => None,
                })
                .collect();
            let probabilities = columns.map(|columns| {
                let row = |row: usize| columns.iter().map(move |column| column[row].unwrap_or(f64::NAN));
                (0..labels.len()).flat_map(row).collect()
            });
            Ok(Predictions::Classes { labels, probabilities })
        }
        _ => Err(broken()),
    }
}

/// `answers` with classes in the order of `to`; classes that `to` lacks must not occur.
pub(super) fn reordered(answers: Predictions, from: &[String], to: &[String]) -> Predictions {
    if from == to {
        return answers;
    }
    let Predictions::Classes { labels, probabilities } = answers else { return answers };
    let places: Vec<_> = from.iter().map(|class| to.iter().position(|other| other == class)).collect();
    let labels: Vec<_> = labels.iter().map(|label| places[*label].unwrap_or(usize::MAX)).collect();
    let probabilities = probabilities.map(|all| {
        let mut moved = vec![0.0; labels.len() * to.len()];
        for (row, of_row) in all.chunks(from.len().max(1)).enumerate() {
            for (value, place) in of_row.iter().zip(&places) {
                if let Some(place) = place {
                    moved[row * to.len() + place] = *value;
                }
            }
        }
        moved
    });
    Predictions::Classes { labels, probabilities }
}

fn probability_name(class: &str) -> String {
    format!("probability of {class}")
}
