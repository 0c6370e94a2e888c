//! A run as one JSON document: what `runs list` lists and `show` shows. Scripts rely on the names.

use modelyard_core::outcome::Outcome;
use modelyard_core::run::Run;
use serde_json::{Map, Value, json};

use super::Shown;

/// `run` and what it came to, without its parts.
pub(crate) fn run(run: &Run, outcome: &Outcome) -> Map<String, Value> {
    let document = json!({
        "id": run.id,
        "project": run.project,
        "kind": run.kind,
        "name": run.name,
        "parent": run.parent,
        "status": run.status,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "cached": run.cached,
        "key": run.key,
        "command": run.tags.get("command"),
        "causes": run.tags.get("causes"),
        "params": run.params,
        "metrics": metrics(run),
        "usage": run.usage,
        "trust": run.trust,
        "commit": run.source.as_ref().map(|commit| json!({
            "id": commit.id,
            "branch": commit.branch,
            "changed": commit.difference.is_some(),
            "difference": commit.difference,
        })),
        "data": outcome.data,
        "package": outcome.package,
        "runtime": outcome.runtime,
        "report": outcome.report,
        "gates": outcome.gates,
        "model": outcome.model,
        "snapshot": run.snapshot,
        "log": run.log,
        "error": run.error,
    });
    match document {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// As runs are stored: infinities and NaN by name.
fn metrics(run: &Run) -> Value {
    let named = run.metrics.iter().map(|(name, value)| {
        let value = if value.is_finite() { json!(value) } else { json!(value.to_string().to_lowercase()) };
        (name.clone(), value)
    });
    Value::Object(named.collect())
}

impl Shown {
    pub(super) fn document(&self) -> Value {
        let mut document = run(&self.run, &self.outcome);
        let parts = |parts: &[Run]| -> Value {
            parts.iter().map(|part| Value::Object(run(part, &Outcome::default()))).collect()
        };
        document.insert("steps".into(), parts(&self.steps));
        document.insert("trials".into(), parts(&self.trials));
        document.insert("config".into(), json!(self.config));
        Value::Object(document)
    }
}
