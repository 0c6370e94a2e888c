//! What labels say of candidate and incumbent: the model's own metric on what both answered in a step.
//!
//! Read from the inference log and the labels that have come by now, where the environment logs. A release does not
//! wait for labels, which may take weeks: they can end it, and never have to let it pass.

use std::collections::BTreeMap;

use modelyard_core::deploy::{EnvironmentId, Release};
use modelyard_core::model::ModelRef;
use modelyard_core::monitor::{Label, log};
use modelyard_core::ports::Home;
use modelyard_core::table::{Column, Table};
use modelyard_core::{Digest, Result, Timestamp};
use modelyard_evaluate::Report;
use modelyard_evaluate::sequential::{Labelled, Loss, Losses, Measure};
use serde_json::Value;

use crate::monitor::rows::{By, Rows, Wanted};
use crate::report;

/// The labelled rows of a step, by version.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The metric that they are judged by.
    pub metric: String,
    pub losses: BTreeMap<Digest, Loss>,
    /// Labelled rows that either version answered.
    pub rows: u64,
}

impl Labels {
    pub fn losses(&self, candidate: Digest, incumbent: Digest) -> Losses {
        let loss = |package: &Digest| self.losses.get(package).copied();
        Losses { candidate: loss(&candidate), incumbent: loss(&incumbent) }
    }
}

/// The labels of what candidate and `incumbent` answered since the step began; `None` where nothing is logged, and
/// where the version was tested by nothing.
///
/// # Errors
/// If the home can't be read.
pub async fn labels(
    home: &Home,
    release: &Release,
    incumbent: Digest,
    now: Timestamp,
) -> Result<Option<Labels>> {
    let id = &release.environment;
    if home.log.segments(id, 0).await?.is_empty() {
        return Ok(None);
    }
    let model: ModelRef = format!("{}@{}", release.model, release.number).parse()?;
    let Ok(found) = report::of_version(home, &model).await else { return Ok(None) };
    let Ok(tested) = report::read(home, &found).await else { return Ok(None) };
    let Some(reading) = Reading::of(&tested) else { return Ok(None) };
    let wanted =
        Wanted { by: By::Arrival, from: release.step_since, to: now, columns: Some(reading.columns()) };
    let mut rows = Rows::of(home, id, wanted).await?;
    let mut arms: BTreeMap<Digest, Labelled> = BTreeMap::new();
    while let Some(piece) = rows.next().await? {
        let Some(package) = piece.package.filter(|package| [release.package, incumbent].contains(package))
        else {
            continue;
        };
        let known = labels_of(home, id, &piece.table).await?;
        let labelled = arms.entry(package).or_insert_with(|| Labelled::new(reading.measure));
        reading.take(&piece.table, &known, labelled);
    }
    Ok(Some(Labels {
        metric: reading.metric,
        rows: arms.values().map(Labelled::rows).sum(),
        losses: arms.iter().filter_map(|(package, labelled)| Some((*package, labelled.loss()?))).collect(),
    }))
}

async fn labels_of(home: &Home, id: &EnvironmentId, table: &Table) -> Result<BTreeMap<String, Label>> {
    let Some(Column::String(ids)) = table.column("prediction_id") else { return Ok(BTreeMap::new()) };
    let ids: Vec<String> = ids.iter().flatten().cloned().collect();
    home.labels.labels_of(id, &ids).await
}

/// How rows of the log are read as rows of the metric.
struct Reading {
    metric: String,
    measure: Measure,
    /// Of two classes, the positive one and the column of its probability.
    positive: Option<(String, String)>,
}

impl Reading {
    fn of(tested: &Report) -> Option<Self> {
        let primary = tested.evaluation.metrics.first()?;
        let classes = &tested.evaluation.classes;
        let measure = Measure::of(&primary.name, classes.len());
        let positive = tested.evaluation.positive.as_ref().and_then(|positive| {
            Some((positive.clone(), log::probability(positive, classes, Some(positive))?))
        });
        Some(Self { metric: primary.name.clone(), measure, positive })
    }

    fn columns(&self) -> Vec<String> {
        let mut names = vec!["prediction_id".to_owned(), log::PREDICTION.to_owned()];
        names.extend(self.positive.iter().map(|(_, column)| column.clone()));
        names
    }

    fn take(&self, table: &Table, known: &BTreeMap<String, Label>, labelled: &mut Labelled) {
        let Some(Column::String(ids)) = table.column("prediction_id") else { return };
        let Some(answers) = table.column(log::PREDICTION) else { return };
        let probabilities = self.positive.as_ref().and_then(|(_, column)| table.column(column));
        for (row, id) in ids.iter().enumerate() {
            let Some(label) = id.as_ref().and_then(|id| known.get(id)) else { continue };
            let label = &label.label.label;
            if matches!(self.measure, Measure::Error | Measure::SquaredError) {
                if let (Some(truth), Column::Float(answers)) = (label.as_f64(), answers)
                    && let Some(answer) = answers[row]
                {
                    labelled.number(truth, answer);
                }
                continue;
            }
            let Some(answer) = answers.text(row) else { continue };
            let truth = match label {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let probability = match probabilities {
                Some(Column::Float(values)) => values[row],
                _ => None,
            };
            let positive = self.positive.as_ref().zip(probability);
            labelled.class(
                answer == truth,
                positive.map(|((name, _), probability)| (truth == *name, probability)),
            );
        }
    }
}
