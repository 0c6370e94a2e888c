//! Runs side by side: what went in, what came out, and where they differ.

use std::collections::{BTreeMap, BTreeSet};

use modelyard_core::action::{Action, ActionKey, ActionKind, ActionResult};
use modelyard_core::id::RunId;
use modelyard_core::outcome::Outcome;
use modelyard_core::ports::Home;
use modelyard_core::run::{Run, RunKind, RunStatus};
use modelyard_core::{Digest, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Several runs, a row for everything they may differ in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    pub runs: Vec<Compared>,
    pub params: Vec<Row>,
    /// As steps reported them; those of a pipeline run's test begin with `test.`.
    pub metrics: Vec<Row>,
    /// The data versions of pipeline runs (`flights@3`), the inputs of others, by name.
    pub data: Vec<Row>,
    /// `command`, `code`, `environment` of the action (a pipeline run's training), `commit`,
    /// `package`, `model`: digests as text.
    pub origin: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    pub id: RunId,
    pub kind: RunKind,
    pub name: String,
    pub status: RunStatus,
    pub started_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub name: String,
    /// One a run, in their order; null where a run has none.
    pub values: Vec<Value>,
    pub differs: bool,
}

/// Compares `runs`, pipeline runs, steps and trials alike.
///
/// # Errors
/// If the home can't be read.
pub async fn compare(home: &Home, runs: &[Run]) -> Result<Comparison> {
    let mut sides = Vec::new();
    for run in runs {
        sides.push(Side::of(home, run).await?);
    }
    let rows = |part: fn(&Side) -> &BTreeMap<String, Value>| {
        let names: BTreeSet<_> = sides.iter().flat_map(|side| part(side).keys()).collect();
        names.into_iter().map(|name| row(name, sides.iter().map(|side| part(side).get(name)))).collect()
    };
    Ok(Comparison {
        runs: runs
            .iter()
            .map(|run| Compared {
                id: run.id,
                kind: run.kind,
                name: run.name.clone(),
                status: run.status,
                started_at: run.started_at,
            })
            .collect(),
        params: rows(|side| &side.params),
        metrics: rows(|side| &side.metrics),
        data: rows(|side| &side.data),
        origin: rows(|side| &side.origin),
    })
}

impl Comparison {
    /// Every row in which the runs differ.
    pub fn differences(&self) -> impl Iterator<Item = &Row> {
        let all = [&self.params, &self.metrics, &self.data, &self.origin];
        all.into_iter().flatten().filter(|row| row.differs)
    }
}

/// The metrics of a stored test report; the rest of it is no matter here.
#[derive(Deserialize)]
struct Tested {
    metrics: Vec<Metric>,
}

#[derive(Deserialize)]
struct Metric {
    name: String,
    value: Option<f64>,
}

/// One run, as far as it can be compared.
#[derive(Default)]
struct Side {
    params: BTreeMap<String, Value>,
    metrics: BTreeMap<String, Value>,
    data: BTreeMap<String, Value>,
    origin: BTreeMap<String, Value>,
}

impl Side {
    async fn of(home: &Home, run: &Run) -> Result<Self> {
        let outcome = Outcome::of(run)?;
        let mut side = Self { params: run.params.clone(), ..Self::default() };
        let deciding = result(home, run.key.or(outcome.training)).await?;
        if let Some(result) = &deciding {
            side.add_action(&result.action, run.kind);
            side.add_metrics(&result.metrics, "");
        }
        side.add_metrics(&run.metrics, "");
        for (name, data) in &outcome.data {
            side.data.insert(name.clone(), format!("{name}@{}", data.number).into());
        }
        if let Some(report) = outcome.report
            && let Some(bytes) = home.blobs.get(report).await?
            && let Ok(tested) = serde_json::from_slice::<Tested>(&bytes)
        {
            let values = tested.metrics.into_iter().filter_map(|metric| Some((metric.name, metric.value?)));
            side.add_metrics(&values.collect(), "test.");
        }
        if let Some(commit) = &run.source {
            let changed = if commit.difference.is_some() { ", changed since" } else { "" };
            side.origin.insert("commit".into(), format!("{}{changed}", commit.id).into());
        }
        side.add_origin("package", outcome.package);
        if let Some(model) = outcome.model {
            side.origin.insert("model".into(), model.into());
        }
        Ok(side)
    }

    fn add_action(&mut self, action: &Action, kind: RunKind) {
        self.add_origin("code", action.code);
        self.add_origin("environment", action.environment);
        if let ActionKind::Command(command) = &action.kind {
            self.origin.insert("command".into(), command.words.join(" ").into());
        }
        if kind != RunKind::Pipeline {
            let inputs = action.inputs.iter().map(|(name, digest)| (name.clone(), json!(digest)));
            self.data.extend(inputs);
        }
    }

    fn add_metrics(&mut self, metrics: &BTreeMap<String, f64>, prefix: &str) {
        let values = metrics.iter().map(|(name, value)| {
            let value =
                if value.is_finite() { json!(value) } else { json!(value.to_string().to_lowercase()) };
            (format!("{prefix}{name}"), value)
        });
        self.metrics.extend(values);
    }

    fn add_origin(&mut self, name: &str, digest: Option<Digest>) {
        if let Some(digest) = digest {
            self.origin.insert(name.to_owned(), json!(digest));
        }
    }
}

async fn result(home: &Home, key: Option<ActionKey>) -> Result<Option<ActionResult>> {
    match key {
        Some(key) => home.results.get(key).await,
        None => Ok(None),
    }
}

fn row<'a>(name: &str, values: impl Iterator<Item = Option<&'a Value>>) -> Row {
    let values: Vec<Value> = values.map(|value| value.cloned().unwrap_or(Value::Null)).collect();
    let differs = values.windows(2).any(|pair| pair[0] != pair[1]);
    Row { name: name.to_owned(), values, differs }
}

#[cfg(test)]
mod tests {
    use modelyard_core::outcome::DataOutcome;
    use modelyard_core::run::Commit;

    use super::*;
    use crate::testing;

    /// A pipeline run with its training, in `home`.
    async fn recorded(home: &Home, number: u32, rate: f64, roc_auc: f64, data: u32) -> Run {
        let trained = testing::trained("code", "environment", rate, roc_auc);
        home.results.put(&trained).await.unwrap();
        let report = json!({"version": 1, "metrics": [
            {"name": "roc_auc", "goal": "maximize", "value": roc_auc - 0.01}, {"name": "f1", "value": null},
        ]});
        let report = home.blobs.put(report.to_string().as_bytes()).await.unwrap();
        let flights = DataOutcome { number: data, digest: Digest::of(b"flights"), rows: 10, sources: 1 };
        let outcome = Outcome {
            data: BTreeMap::from([("flights".to_owned(), flights)]),
            training: Some(trained.key),
            report: Some(report),
            ..Outcome::default()
        };
        Run {
            params: trained.action.params.clone(),
            outcome: json!(outcome),
            source: Some(Commit { id: "4f1c2aa".into(), branch: None, difference: None }),
            ..testing::run(number)
        }
    }

    #[tokio::test]
    async fn pipeline_runs_show_what_differs_and_what_does_not() {
        let home = modelyard_store::memory();
        let first = recorded(&home, 1, 0.03, 0.70, 1).await;
        let second = recorded(&home, 2, 0.10, 0.72, 1).await;
        let comparison = compare(&home, &[first, second]).await.unwrap();
        let row = |name: &str| {
            let all = [&comparison.params, &comparison.metrics, &comparison.data, &comparison.origin];
            all.into_iter().flatten().find(|row| row.name == name).cloned()
        };
        assert_eq!(row("learning_rate").unwrap().values, [json!(0.03), json!(0.1)]);
        assert_eq!(row("validation.roc_auc").unwrap().values, [json!(0.7), json!(0.72)]);
        assert!(row("test.roc_auc").unwrap().differs);
        assert_eq!(row("test.f1"), None, "undefined");
        assert_eq!(row("flights").unwrap().values, [json!("flights@1"), json!("flights@1")]);
        assert_eq!(row("commit").unwrap().values[0], json!("4f1c2aa"));
        assert!(!row("code").unwrap().differs && !row("environment").unwrap().differs);
        let differences: Vec<_> = comparison.differences().map(|row| row.name.as_str()).collect();
        assert_eq!(differences, ["learning_rate", "test.roc_auc", "validation.roc_auc"]);
    }

    #[tokio::test]
    async fn trials_compare_by_their_own_action() {
        let home = modelyard_store::memory();
        let mut trials = Vec::new();
        for (number, code) in [(1, "old"), (2, "new")] {
            let trained = testing::trained(code, "environment", 0.1, f64::NAN);
            home.results.put(&trained).await.unwrap();
            trials.push(Run { kind: RunKind::Trial, key: Some(trained.key), ..testing::run(number) });
        }
        let comparison = compare(&home, &trials).await.unwrap();
        let differences: Vec<_> = comparison.differences().map(|row| row.name.as_str()).collect();
        assert_eq!(differences, ["code"]);
        assert_eq!(comparison.data[0].name, "data.flights.train");
        assert_eq!(comparison.metrics[0].values, [json!("nan"), json!("nan")]);
    }

    #[tokio::test]
    async fn a_run_that_came_to_nothing_has_gaps() {
        let home = modelyard_store::memory();
        let first = recorded(&home, 1, 0.03, 0.70, 1).await;
        let comparison = compare(&home, &[first, testing::run(2)]).await.unwrap();
        assert!(comparison.params[0].differs);
        assert_eq!(comparison.params[0].values, [json!(0.03), Value::Null]);
    }
}
