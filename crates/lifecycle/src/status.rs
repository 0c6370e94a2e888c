//! What a run would do: the same nodes as a build, asked instead of executed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use modelyard_core::action::{Action, ActionKind};
use modelyard_core::ports::Home;
use modelyard_core::run::{RunFilter, RunKind};
use modelyard_core::{Digest, Kind, Result};
use modelyard_pipeline::{Node, Stop};
use serde::Serialize;
use serde_json::Value;

use crate::build::{Build, Made};
use crate::outcome::Outcome;
use crate::workshop::Workshop;

#[derive(Clone, Debug, Serialize)]
pub struct NodeStatus {
    pub step: String,
    pub state: State,
    /// What there is, or why it would run, the most important first.
    pub reasons: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its result is there.
    Ready,
    /// It would run, and ran before with other inputs.
    Stale,
    /// It would run for the first time.
    New,
    /// What it needs is not ready.
    Waits,
    /// It can't run as things are.
    Broken,
}

/// Where every node of the project stands, in the order of the graph. Executes nothing.
///
/// # Errors
/// If the graph can't be made or the home can't be read.
pub async fn status(shop: Arc<Workshop>) -> Result<Vec<NodeStatus>> {
    let build = Build::new(shop, None)?;
    let last = last_actions(build.shop.home(), &build.shop.project.name).await?;
    let mut ready = BTreeSet::new();
    let mut statuses = Vec::new();
    for node in build.graph().order() {
        let unready: Vec<_> =
            build.graph().needs(&node).filter(|need| !ready.contains(*need)).map(Node::to_string).collect();
        let (state, reasons) = if !unready.is_empty() {
            (State::Waits, vec![format!("for {}", unready.join(", "))])
        } else {
            match build.make(&node).await {
                Ok(made) => {
                    let reasons = summary(&made);
                    build.insert(node.clone(), made);
                    ready.insert(node.clone());
                    (State::Ready, reasons)
                }
                Err(Stop::Missing(action)) => {
                    let before = last.get(&node.to_string()).map_or(&[][..], Vec::as_slice);
                    let (others, before): (Vec<_>, Vec<_>) =
                        before.iter().partition(|before| is_another_trial(&build, before, &action));
                    if before.is_empty() && !others.is_empty() {
                        (State::Stale, vec![format!("one more trial: {}", point_text(&build, &action))])
                    } else {
                        changes(build.shop.home(), &action, &before).await?
                    }
                }
                Err(Stop::Pending(what)) => (State::New, vec![what]),
                Err(Stop::Fault(fault)) if fault.kind() == Kind::Store => return Err(fault),
                Err(Stop::Fault(fault)) => (State::Broken, vec![fault.message().to_owned()]),
            }
        };
        statuses.push(NodeStatus { step: node.to_string(), state, reasons });
    }
    Ok(statuses)
}

fn summary(made: &Made) -> Vec<String> {
    vec![match made {
        Made::Data(made) => format!("{}@{}, sources unchanged", made.version.data.name, made.version.number),
        Made::Step(_) => "unchanged".to_owned(),
        Made::Train(made) if made.trials > 1 => format!("{} trials", made.trials),
        Made::Train(_) => "unchanged".to_owned(),
        Made::Package(made) => format!("{}, {}", made.digest.short(), made.facts.runtime),
        Made::Test(made) => match &made.metric {
            Some((name, value)) => format!("{name} {value:.3}, {} gates passed", made.gates.len()),
            None => "scored".to_owned(),
        },
        Made::Register(made) => format!("{}@{}", made.version.name, made.version.number),
    }]
}

/// The actions of each node in the newest run that had any of it.
async fn last_actions(home: &Home, project: &str) -> Result<BTreeMap<String, Vec<Action>>> {
    let filter = RunFilter {
        project: Some(project.to_owned()),
        kind: Some(RunKind::Pipeline),
        limit: Some(20),
        ..RunFilter::default()
    };
    let mut last: BTreeMap<String, Vec<Action>> = BTreeMap::new();
    for run in home.runs.list(&filter).await? {
        let Ok(outcome) = serde_json::from_value::<Outcome>(run.outcome) else { continue };
        let mut of_run: BTreeMap<String, Vec<Action>> = BTreeMap::new();
        for (node, key) in outcome.actions {
            if last.contains_key(&node) {
                continue;
            }
            if let Some(result) = home.results.get(key).await? {
                of_run.entry(node).or_default().push(result.action);
            }
        }
        last.extend(of_run);
    }
    Ok(last)
}

/// Why `action` has no result: how it differs from the one of `before` that it is closest to.
async fn changes(home: &Home, action: &Action, before: &[&Action]) -> Result<(State, Vec<String>)> {
    Ok(match least_difference(home, before.iter().copied(), action).await? {
        None => (State::New, vec!["has not run yet".to_owned()]),
        Some(reasons) if reasons.is_empty() => (State::Stale, vec!["its result is gone".to_owned()]),
        Some(reasons) => (State::Stale, reasons),
    })
}

/// Whether `before` is what another trial of the search still is, so that `action` did not come of it.
fn is_another_trial(build: &Build, before: &Action, action: &Action) -> bool {
    let Some(train) = &build.shop.project.train else { return false };
    let Some(search) = &train.search else { return false };
    let sampler = modelyard_tune::sampler(search.method);
    before.params != action.params
        && (0..sampler.trials(search).unwrap_or(0)).any(|index| {
            let mut params = train.step.params.clone();
            params.extend(sampler.point(search, index));
            params == before.params
        })
}

/// `c 5.0`: what the search chose for `action`.
fn point_text(build: &Build, action: &Action) -> String {
    let search = build.shop.project.train.as_ref().and_then(|train| train.search.as_ref());
    let names = search.iter().flat_map(|search| search.space.keys());
    let chosen = names.filter_map(|name| Some(format!("{name} {}", short(action.params.get(name)?))));
    chosen.collect::<Vec<_>>().join(", ")
}

fn same_kind(a: &Action, b: &Action) -> bool {
    match (&a.kind, &b.kind) {
        (ActionKind::Builtin { name: a, .. }, ActionKind::Builtin { name: b, .. }) => a == b,
        (ActionKind::Command(_), ActionKind::Command(_)) => true,
        _ => false,
    }
}

/// How `after` differs from the one of `before` that it is closest to, a phrase each; `None` where
/// none is of its kind.
///
/// # Errors
/// If the home can't be read.
pub async fn least_difference<'a>(
    home: &Home,
    before: impl Iterator<Item = &'a Action>,
    after: &Action,
) -> Result<Option<Vec<String>>> {
    let mut least: Option<Vec<String>> = None;
    for before in before.filter(|before| same_kind(before, after)) {
        let found = differences(home, before, after).await?;
        if least.as_ref().is_none_or(|least| found.len() < least.len()) {
            least = Some(found);
        }
    }
    Ok(least)
}

/// What of two actions differs, a phrase each: `learning_rate 0.03 → 0.05`.
async fn differences(home: &Home, before: &Action, after: &Action) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if before.code != after.code {
        found.extend(code_changes(home, before.code, after.code).await?);
    }
    // An ingest keeps the types of the first one; that there was one is not what changed.
    let follows = |name: &str| name == "types" && is_ingest(after);
    for name in before.params.keys().chain(after.params.keys()).collect::<BTreeSet<_>>() {
        let (old, new) = (before.params.get(name), after.params.get(name));
        if old != new && !follows(name) {
            found.push(param_change(name, old, new));
        }
    }
    let inputs: BTreeSet<_> = before.inputs.keys().chain(after.inputs.keys()).collect();
    let changed: BTreeSet<_> = inputs
        .into_iter()
        .filter(|name| before.inputs.get(*name) != after.inputs.get(*name))
        .map(|name| input_words(name))
        .collect();
    found.extend(changed.into_iter().map(|name| format!("{name} changed")));
    if before.environment != after.environment {
        found.push("the Python environment changed".to_owned());
    }
    if let (ActionKind::Command(old), ActionKind::Command(new)) = (&before.kind, &after.kind) {
        if old.words != new.words {
            found.push("the command changed".to_owned());
        } else if old != new {
            found.push("settings of the command changed".to_owned());
        }
    } else if before.kind != after.kind {
        found.push("this modelyard does it in another way".to_owned());
    }
    Ok(found)
}

fn is_ingest(action: &Action) -> bool {
    matches!(&action.kind, ActionKind::Builtin { name, .. } if name == "ingest")
}

/// `sources.flights.000002` is a file of the source `flights`.
fn input_words(name: &str) -> String {
    match name.strip_prefix("sources.").and_then(|rest| rest.rsplit_once('.')) {
        Some((source, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("the source `{source}`")
        }
        _ => format!("`{name}`"),
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn param_change(name: &str, old: Option<&Value>, new: Option<&Value>) -> String {
    match (old.map(short), new.map(short)) {
        (Some(old), Some(new)) if old.len() + new.len() <= 60 => format!("{name} {old} → {new}"),
        (None, Some(new)) if new.len() <= 60 => format!("{name} is new: {new}"),
        (Some(_), None) => format!("{name} was removed"),
        _ => format!("{name} changed"),
    }
}

async fn code_changes(home: &Home, before: Option<Digest>, after: Option<Digest>) -> Result<Vec<String>> {
    let mut trees = Vec::new();
    for digest in [before, after] {
        trees.push(match digest {
            Some(digest) => home.blobs.tree(digest).await?.unwrap_or_default(),
            None => Default::default(),
        });
    }
    let (before, after) = (&trees[0], &trees[1]);
    let paths: BTreeSet<_> = before.files.iter().chain(&after.files).map(|file| file.path.as_str()).collect();
    let mut found = Vec::new();
    for path in paths {
        match (before.file(path), after.file(path)) {
            (Some(old), Some(new)) if old.digest != new.digest => {
                let lines = match (home.blobs.get(old.digest).await?, home.blobs.get(new.digest).await?) {
                    (Some(old), Some(new)) => changed_lines(&old, &new),
                    _ => 0,
                };
                let s = if lines == 1 { "" } else { "s" };
                found.push(format!("{path} changed ({lines} line{s})"));
            }
            (Some(_), None) => found.push(format!("{path} was removed")),
            (None, Some(_)) => found.push(format!("{path} is new")),
            _ => {}
        }
    }
    Ok(found)
}

/// Lines that one text has and the other has not: the larger of removed and added.
fn changed_lines(old: &[u8], new: &[u8]) -> usize {
    let count = |bytes: &[u8]| {
        let mut lines: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for line in bytes.split(|byte| *byte == b'\n') {
            *lines.entry(line.to_vec()).or_default() += 1;
        }
        lines
    };
    let (old, new) = (count(old), count(new));
    let missing = |from: &BTreeMap<Vec<u8>, usize>, other: &BTreeMap<Vec<u8>, usize>| {
        from.iter()
            .map(|(line, count)| count.saturating_sub(other.get(line).copied().unwrap_or(0)))
            .sum::<usize>()
    };
    missing(&old, &new).max(missing(&new, &old))
}
