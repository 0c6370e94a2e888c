//! What both kinds of home do the same way when an environment changes: what is refused, what follows
//! from the change, and what the audit log says about it.

use modelyard_core::audit::{self, Actor};
use modelyard_core::deploy::{
    Applied, Approval, Environment, EnvironmentId, EnvironmentState, Release, StateRecord, Verdict,
};
use modelyard_core::ports::Change;
use modelyard_core::{Fault, Kind, Result};
use serde_json::{Map, Value, json};

/// What one environment becomes.
pub(crate) struct Next {
    /// With its new revision.
    pub(crate) environment: Environment,
    /// Where the generation rose.
    pub(crate) record: Option<StateRecord>,
}

/// `wanted` as it follows what is `stored`.
///
/// # Errors
/// [`Kind::Conflict`] if it was read at another revision; [`Kind::Internal`] if its state changed without
/// the next generation, by which replicas would not notice it.
pub(crate) fn next(
    stored: Option<&Environment>,
    wanted: &Environment,
    cause: &str,
    actor: &Actor,
) -> Result<Next> {
    let id = &wanted.id;
    let found = stored.map_or(0, |stored| stored.revision);
    if found != wanted.revision {
        return Err(Fault::new(
            Kind::Conflict,
            format!("cannot change environment `{id}`: somebody else changed it at the same time"),
        )
        .detail("revision", format!("{found} in the home, this change was made from {}", wanted.revision))
        .hint(format!("look at it with `modelyard environments show {}` and repeat the command", id.name)));
    }
    let nothing = EnvironmentState::default();
    let before = stored.map_or(&nothing, |stored| &stored.state);
    let (from, to) = (before.generation, wanted.state.generation);
    if to < from || (to == from && *before != wanted.state) {
        return Err(Fault::new(
            Kind::Internal,
            format!("cannot change environment `{id}`: its state has generation {from}, the new one {to}"),
        ));
    }
    let record = (to > from).then(|| StateRecord {
        version: 1,
        state: wanted.state.clone(),
        wanted_from: actor.at,
        actor: actor.name.clone(),
        cause: cause.to_owned(),
    });
    let mut environment = wanted.clone();
    environment.revision = found + 1;
    Ok(Next { environment, record })
}

/// What the audit log says of a change: the cause; before and after of what differs; the release; digests
/// of the new documents, which prove the rows.
pub(crate) fn changed(
    stored: Option<&Environment>,
    next: &Next,
    change: &Change,
    release_before: Option<&Release>,
) -> Value {
    let mut details = environment_details(stored, next, &change.cause);
    if let Some(release) = &change.release {
        let (before, after) = differences(release_before.map(released).as_ref(), &released(release));
        details.insert(
            "release".to_owned(),
            json!({
                "id": release.id,
                "subject": format!("{}@{}", release.model, release.number),
                "before": before,
                "after": after,
            }),
        );
        prove(&mut details, "release", audit::proof(release));
    }
    match &change.details {
        Value::Null => {}
        Value::Object(besides) => {
            for (key, value) in besides {
                details.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        other => {
            details.insert("besides".to_owned(), other.clone());
        }
    }
    Value::Object(details)
}

/// The same for one of the environments of an application.
pub(crate) fn applied_environment(stored: Option<&Environment>, next: &Next) -> Value {
    Value::Object(environment_details(stored, next, APPLIED_CAUSE))
}

/// Why an applied environment changed, for history and audit.
pub(crate) const APPLIED_CAUSE: &str = "applied";

/// What the audit log says of an application besides its environments, which have entries of their own.
pub(crate) fn applied(before: Option<&Applied>, applied: &Applied) -> Value {
    let of = |applied: &Applied| without(applied, &["version", "project", "environments", "at", "by"]);
    let (old, new) = differences(before.map(of).as_ref(), &of(applied));
    let mut details = Map::new();
    details.insert("before".to_owned(), old);
    details.insert("after".to_owned(), new);
    prove(&mut details, "applied", audit::proof(applied));
    Value::Object(details)
}

/// Whether anything but the revision differs.
pub(crate) fn is_changed(stored: Option<&Environment>, wanted: &Environment) -> bool {
    stored.is_none_or(|stored| stored != wanted)
}

pub(crate) fn approved_event(approval: &Approval) -> &'static str {
    match approval.verdict {
        Verdict::Approved => "model.version.approved",
        Verdict::Rejected => "model.version.rejected",
    }
}

/// `given` are the earlier ones, in their order.
pub(crate) fn approved(approval: &Approval, given: &[Approval]) -> Value {
    let before = given.iter().rev().find(|earlier| earlier.by == approval.by);
    let mut details = Map::new();
    details.insert("before".to_owned(), json!(before.map(|before| before.verdict)));
    details.insert("after".to_owned(), json!(approval.verdict));
    details.insert("comment".to_owned(), json!(approval.comment));
    prove(&mut details, "approval", audit::proof(approval));
    Value::Object(details)
}

pub(crate) fn no_version(approval: &Approval) -> Fault {
    let (name, number) = (&approval.model, approval.number);
    let verb = match approval.verdict {
        Verdict::Approved => "approve",
        Verdict::Rejected => "reject",
    };
    Fault::new(Kind::NotFound, format!("cannot {verb} `{name}@{number}`: there is no such version"))
        .hint(format!("`modelyard models show {name}` lists the versions there are"))
}

/// A release is of one environment for ever.
///
/// # Errors
/// If it is another's.
pub(crate) fn check_release(id: &EnvironmentId, release: &Release, before: Option<&Release>) -> Result<()> {
    let other = [Some(release), before].into_iter().flatten().find(|release| release.environment != *id);
    match other {
        None => Ok(()),
        Some(other) => Err(Fault::new(
            Kind::Internal,
            format!(
                "cannot change environment `{id}`: release `{}` is of `{}`",
                release.id, other.environment
            ),
        )),
    }
}

fn environment_details(stored: Option<&Environment>, next: &Next, cause: &str) -> Map<String, Value> {
    let of = |environment: &Environment| without(environment, &["version", "id", "revision", "previous"]);
    let (before, after) = differences(stored.map(of).as_ref(), &of(&next.environment));
    let mut details = Map::new();
    details.insert("cause".to_owned(), json!(cause));
    details.insert("revision".to_owned(), json!(next.environment.revision));
    details.insert("before".to_owned(), before);
    details.insert("after".to_owned(), after);
    prove(&mut details, "environment", audit::proof(&next.environment));
    if let Some(record) = &next.record {
        prove(&mut details, "state", audit::proof(record));
    }
    details
}

/// Of a release what people decide by; counts are left out, they would be most of the log.
fn released(release: &Release) -> Map<String, Value> {
    without(release, &["version", "id", "environment", "model", "number", "before", "step_counts", "slow"])
}

fn without(document: &impl serde::Serialize, keys: &[&str]) -> Map<String, Value> {
    match serde_json::to_value(document) {
        Ok(Value::Object(mut map)) => {
            map.retain(|key, _| !keys.contains(&key.as_str()));
            map
        }
        _ => Map::new(),
    }
}

/// Those keys whose values differ, with the old and the new ones; null and all of `after` where there was
/// nothing before.
fn differences(before: Option<&Map<String, Value>>, after: &Map<String, Value>) -> (Value, Value) {
    let Some(before) = before else { return (Value::Null, Value::Object(after.clone())) };
    let (mut old, mut new) = (Map::new(), Map::new());
    let keys: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let values = (before.get(key).unwrap_or(&Value::Null), after.get(key).unwrap_or(&Value::Null));
        if values.0 != values.1 {
            old.insert(key.clone(), values.0.clone());
            new.insert(key.clone(), values.1.clone());
        }
    }
    (Value::Object(old), Value::Object(new))
}

fn prove(details: &mut Map<String, Value>, what: &str, digest: modelyard_core::Digest) {
    let proofs = details.entry("digests").or_insert_with(|| json!({}));
    proofs[what] = json!(digest);
}
