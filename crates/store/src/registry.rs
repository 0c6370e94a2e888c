//! What both kinds of home do the same way when the registry changes: the new version's document,
//! and what the audit log says about it.

use modelyard_core::audit::Actor;
use modelyard_core::model::{ModelVersion, NewVersion};
use modelyard_core::{Fault, Kind, Result};
use serde_json::{Value, json};

pub(crate) const REGISTERED: &str = "model.version.registered";
pub(crate) const ALIAS_SET: &str = "model.alias.set";

/// The version that `new` becomes under `number`.
///
/// # Errors
/// If its metric is no finite number, which no document can hold.
pub(crate) fn version(new: &NewVersion, number: u32, actor: &Actor) -> Result<ModelVersion> {
    if let Some((metric, value)) = new.metric.as_ref().filter(|(_, value)| !value.is_finite()) {
        return Err(Fault::new(
            Kind::Model,
            format!("cannot register `{}`: its metric `{metric}` is {value}", new.name),
        ));
    }
    Ok(ModelVersion {
        version: 1,
        name: new.name.clone(),
        number,
        package: new.package,
        runtime: new.runtime.clone(),
        created_at: actor.at,
        created_by: actor.name.clone(),
        project: new.project.clone(),
        run: new.run,
        report: new.report,
        metric: new.metric.clone(),
    })
}

pub(crate) fn subject(name: &str, number: u32) -> String {
    format!("{name}@{number}")
}

pub(crate) fn registered(version: &ModelVersion) -> Value {
    json!({
        "package": version.package,
        "runtime": version.runtime,
        "project": version.project,
        "run": version.run,
        "report": version.report,
        "metric": version.metric,
    })
}

/// `before` is the version that had the alias, if any had.
pub(crate) fn alias_set(alias: &str, before: Option<u32>) -> Value {
    json!({ "alias": alias, "before": before })
}

pub(crate) fn no_version(name: &str, number: u32, alias: &str) -> Fault {
    Fault::new(
        Kind::NotFound,
        format!("cannot give `{}` the alias `{alias}`: there is no such version", subject(name, number)),
    )
    .hint(format!("`modelyard models show {name}` lists the versions there are"))
}
