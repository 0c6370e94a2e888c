//! `modelyard apply`: the project's environments, monitor, triggers and snapshot as desired state.
//!
//! First what would change is found, then it is written as one transaction. Nothing is started here: the
//! reconciler acts on what was written.

use std::collections::{BTreeMap, BTreeSet};

use modelyard_core::audit::Actor;
use modelyard_core::deploy::{Applied, Environment, EnvironmentId, EnvironmentSpec};
use modelyard_core::ports::Home;
use modelyard_core::run::SNAPSHOT_CONFIG;
use modelyard_core::{Digest, Fault, Kind, Result};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::environments;
use crate::workshop::Workshop;
use crate::{snapshot, source_control};

/// What applying would write, and how it differs from what was applied.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Proposal {
    pub project: String,
    /// Whether nothing was applied before.
    pub first: bool,
    pub changes: Vec<Difference>,
    #[serde(skip)]
    applied: Applied,
    #[serde(skip)]
    environments: Vec<Environment>,
}

/// One thing that would be otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = AppliedDifference)]
pub struct Difference {
    pub act: Act,
    /// `environment`, `monitor`, `triggers`, `model` or `file`.
    pub kind: &'static str,
    /// Of the environment or file; empty for what there is one of.
    pub name: String,
    /// `limits.memory_bytes`; empty for the whole.
    pub key: String,
    pub before: Value,
    pub after: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = AppliedAct)]
pub enum Act {
    Add,
    Change,
    Remove,
}

/// What applying the project of `shop` would change.
///
/// # Errors
/// If declared code can't be read, or the home.
pub async fn propose(shop: &Workshop) -> Result<Proposal> {
    let home = shop.home();
    let project = &shop.project;
    let applied = Applied {
        version: 1,
        project: project.name.clone(),
        folder: shop.root.to_string_lossy().into_owned(),
        snapshot: snapshot::take(shop).await?,
        model: project.register.clone(),
        environments: project.environments.clone(),
        monitor: project.monitor.clone(),
        triggers: project.triggers.clone(),
        source: source_control::commit(&*home.blobs, &shop.root).await?,
        at: shop.actor().at,
        by: shop.settings.actor.clone(),
    };
    let before = home.environments.applied(&project.name).await?;
    let there = home.environments.environments(Some(&project.name)).await?;
    let mut changes = environment_changes(&there, &applied.environments);
    if let Some(before) = &before {
        changes.extend(other_changes(before, &applied));
    }
    changes
        .extend(file_changes(home, before.as_ref().map(|before| before.snapshot), applied.snapshot).await?);
    let environments = wanted(there, &applied);
    Ok(Proposal { project: project.name.clone(), first: before.is_none(), changes, applied, environments })
}

impl Proposal {
    /// The environment `id` as it would be.
    ///
    /// # Errors
    /// [`Kind::NotFound`], with those there would be.
    pub fn environment(&self, id: &EnvironmentId) -> Result<&Environment> {
        let found = self.environments.iter().find(|environment| environment.id == *id);
        found.ok_or_else(|| environments::unknown(id, &self.environments))
    }

    /// The model that its environments would hold.
    pub fn model(&self) -> &str {
        &self.applied.model
    }
}

/// Writes what was proposed; nothing, where nothing differs. Answers what is applied then.
///
/// # Errors
/// If an environment changed since, or the home can't be written.
pub async fn apply<'a>(home: &Home, proposal: &'a Proposal, actor: &Actor) -> Result<&'a Applied> {
    if proposal.first || !proposal.changes.is_empty() {
        home.environments.apply(&proposal.applied, &proposal.environments, actor).await?;
    }
    Ok(&proposal.applied)
}

/// What `project` applied.
///
/// # Errors
/// [`Kind::NotFound`] if it never did.
pub async fn applied(home: &Home, project: &str) -> Result<Applied> {
    home.environments.applied(project).await?.ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("project `{project}` has applied nothing to this home"))
            .hint("declare [environments.NAME] in modelyard.toml and run `modelyard apply`")
    })
}

/// The project's environments as they are to be: those of the file, and those that it no longer has, which
/// are stopped and keep their history.
fn wanted(there: Vec<Environment>, applied: &Applied) -> Vec<Environment> {
    let mut known: BTreeMap<String, Environment> =
        there.into_iter().map(|environment| (environment.id.name.clone(), environment)).collect();
    let mut wanted = Vec::new();
    for (name, spec) in &applied.environments {
        let environment = match known.remove(name) {
            Some(mut environment) => {
                environment.running |= environment.removed;
                environment.removed = false;
                environment.spec = spec.clone();
                environment
            }
            None => {
                let id = EnvironmentId { project: applied.project.clone(), name: name.clone() };
                Environment::new(id, spec.clone())
            }
        };
        wanted.push(environment);
    }
    for mut environment in known.into_values().filter(|environment| !environment.removed) {
        environment.removed = true;
        environment.running = false;
        wanted.push(environment);
    }
    wanted
}

fn environment_changes(there: &[Environment], wanted: &BTreeMap<String, EnvironmentSpec>) -> Vec<Difference> {
    let before: BTreeMap<&str, Value> = there
        .iter()
        .filter(|environment| !environment.removed)
        .map(|environment| (environment.id.name.as_str(), json(&environment.spec)))
        .collect();
    let names: BTreeSet<&str> = before.keys().copied().chain(wanted.keys().map(String::as_str)).collect();
    let mut changes = Vec::new();
    for name in names {
        match (before.get(name), wanted.get(name)) {
            (None, Some(spec)) => changes.push(whole(Act::Add, "environment", name, Value::Null, json(spec))),
            (Some(spec), None) => {
                changes.push(whole(Act::Remove, "environment", name, spec.clone(), Value::Null));
            }
            (Some(before), Some(spec)) => compare("environment", name, "", before, &json(spec), &mut changes),
            (None, None) => {}
        }
    }
    changes
}

fn other_changes(before: &Applied, after: &Applied) -> Vec<Difference> {
    let mut changes = Vec::new();
    for (kind, before, after) in [
        ("model", &Value::from(before.model.as_str()), &Value::from(after.model.as_str())),
        ("monitor", &json(&before.monitor), &json(&after.monitor)),
        ("triggers", &json(&before.triggers), &json(&after.triggers)),
    ] {
        compare(kind, "", "", before, after, &mut changes);
    }
    changes
}

/// Files of the snapshot that differ; the checked configuration stands in the other changes.
async fn file_changes(home: &Home, before: Option<Digest>, after: Digest) -> Result<Vec<Difference>> {
    let Some(before) = before.filter(|before| *before != after) else { return Ok(Vec::new()) };
    let mut files: BTreeMap<String, (Option<Digest>, Option<Digest>)> = BTreeMap::new();
    for file in home.blobs.tree(before).await?.into_iter().flat_map(|tree| tree.files) {
        files.entry(file.path).or_default().0 = Some(file.digest);
    }
    for file in home.blobs.tree(after).await?.into_iter().flat_map(|tree| tree.files) {
        files.entry(file.path).or_default().1 = Some(file.digest);
    }
    let differ =
        files.into_iter().filter(|(path, (before, after))| before != after && path != SNAPSHOT_CONFIG);
    let difference = |(path, (before, after)): (String, (Option<Digest>, Option<Digest>))| {
        let act = match (before, after) {
            (None, _) => Act::Add,
            (_, None) => Act::Remove,
            _ => Act::Change,
        };
        whole(act, "file", &path, json(&before), json(&after))
    };
    Ok(differ.map(difference).collect())
}

/// Adds what differs between `before` and `after`, key by key.
fn compare(
    kind: &'static str,
    name: &str,
    key: &str,
    before: &Value,
    after: &Value,
    into: &mut Vec<Difference>,
) {
    if before == after {
        return;
    }
    if let (Value::Object(old), Value::Object(new)) = (before, after) {
        let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for below in keys {
            let path = if key.is_empty() { below.clone() } else { format!("{key}.{below}") };
            let (old, new) = (old.get(below).unwrap_or(&Value::Null), new.get(below).unwrap_or(&Value::Null));
            compare(kind, name, &path, old, new, into);
        }
        return;
    }
    let act = match (before, after) {
        (Value::Null, _) => Act::Add,
        (_, Value::Null) => Act::Remove,
        _ => Act::Change,
    };
    let mut difference = whole(act, kind, name, before.clone(), after.clone());
    difference.key = key.to_owned();
    into.push(difference);
}

fn whole(act: Act, kind: &'static str, name: &str, before: Value, after: Value) -> Difference {
    Difference { act, kind, name: name.to_owned(), key: String::new(), before, after }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
