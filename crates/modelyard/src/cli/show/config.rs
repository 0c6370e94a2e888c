//! The configuration that a run saw: every default filled in, with what the command line set.

use std::process::ExitCode;

use modelyard_core::config::Project;
use modelyard_core::fault::Attempt;
use modelyard_core::run::{Run, SNAPSHOT_CONFIG};
use modelyard_core::{Fault, Kind, Result};
use serde_json::{Value, json};

use super::super::place::Place;
use super::super::{Context, print as out};

/// The configuration of `run`, or of the pipeline run that it is a part of; `None` where the home
/// has no snapshot of it.
///
/// # Errors
/// If the home can't be read, or it was written by a newer program.
pub(super) async fn of(place: &Place, run: &Run) -> Result<Option<Project>> {
    let mut run = run.clone();
    while let (None, Some(parent)) = (run.snapshot, run.parent) {
        let Some(above) = place.home.runs.get(parent).await? else { return Ok(None) };
        run = above;
    }
    let Some(snapshot) = run.snapshot else { return Ok(None) };
    let Some(tree) = place.home.blobs.tree(snapshot).await? else { return Ok(None) };
    let Some(file) = tree.file(SNAPSHOT_CONFIG) else { return Ok(None) };
    let Some(bytes) = place.home.blobs.get(file.digest).await? else { return Ok(None) };
    let project = serde_json::from_slice(&bytes)
        .attempt(Kind::Store, || format!("cannot read the configuration of the run {}", run.id))
        .map_err(|fault| fault.hint("was it recorded by a newer modelyard?"))?;
    Ok(Some(project))
}

pub(super) async fn print(place: &Place, run: &Run, ctx: &Context) -> Result<ExitCode> {
    let project = of(place, run).await?.ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("the home has no snapshot of the run {}", run.id))
    })?;
    if ctx.json {
        out::json(&json!(project));
    } else {
        let text = toml::to_string_pretty(&without_nulls(json!(project), false))
            .attempt(Kind::Internal, || "cannot write the configuration as TOML".to_owned())?;
        out::result(text.trim_end());
    }
    Ok(ExitCode::SUCCESS)
}

/// TOML has no null: a setting that is not there is left out, a parameter that is none is called so.
fn without_nulls(value: Value, is_param: bool) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.into_iter()
                .filter(|(_, value)| is_param || !value.is_null())
                .map(|(name, value)| {
                    let below = is_param || matches!(name.as_str(), "params" | "choices");
                    (name, without_nulls(value, below))
                })
                .collect(),
        ),
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| without_nulls(item, true)).collect())
        }
        Value::Null => "none".into(),
        other => other,
    }
}
