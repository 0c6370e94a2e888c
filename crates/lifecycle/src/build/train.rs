//! Model training: one command, or the trials of a search and the refit of its winner.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use modelyard_core::config::{Search, Train};
use modelyard_core::data::Part;
use modelyard_core::placeholder::Placeholder;
use modelyard_core::{Fault, Kind, Result};
use modelyard_pipeline::{Done, InputFile, Node, Stop, command_job, declared};
use modelyard_tune::{Trial, sampler, winner};
use serde_json::Value;

use super::{Build, TrainMade, derived, inputs};
use crate::progress::{TrialState, duration_text};

pub(super) async fn make(build: &Build, node: &Node) -> Result<TrainMade, Stop> {
    let Some(train) = &build.shop.project.train else {
        return Err(Fault::new(Kind::Config, "the project has no [train]").into());
    };
    let given = inputs::of_step(build, node, &train.step).await?;
    let chosen = match &train.search {
        None => {
            let done = run(build, node, train, train.step.params.clone(), given.clone(), false).await?;
            Chosen {
                params: train.step.params.clone(),
                trials: 1,
                cached: done.cached,
                lines: Vec::new(),
                done,
            }
        }
        Some(search) => search_for(build, node, train, search, &given).await?,
    };
    let mut lines = chosen.lines;
    let (done, learnt_from) = if train.refit {
        let more = with_validation(build, node, train, given).await?;
        build.shop.progress.note(node, "refitting the winner on train and validation");
        (run(build, node, train, chosen.params.clone(), more.clone(), true).await?, more)
    } else {
        (chosen.done, given)
    };
    let cached = done.cached && chosen.cached;
    if train.search.is_none() {
        lines.push(format!("done in {}{}", duration_text(done.result.usage.wall_ms), metrics_text(&done)));
    }
    if train.refit {
        lines.push(format!("refit on train and validation in {}", duration_text(done.result.usage.wall_ms)));
    }
    lines.extend(done.result.remarks.iter().cloned());
    build.shop.progress.finished(node, &lines, cached, done.result.usage.wall_ms);
    let mut outcome = super::lock(&build.outcome);
    outcome.training = Some(done.result.key);
    outcome.params = chosen.params.clone();
    drop(outcome);
    Ok(TrainMade { result: done.result, params: chosen.params, trials: chosen.trials, learnt_from })
}

struct Chosen {
    done: Done,
    params: BTreeMap<String, Value>,
    trials: u32,
    /// Whether every trial came from the cache.
    cached: bool,
    lines: Vec<String>,
}

/// Runs all trials of `search`, as many at once as the engine allows, and chooses the winner.
async fn search_for(
    build: &Build,
    node: &Node,
    train: &Train,
    search: &Search,
    given: &BTreeMap<String, InputFile>,
) -> Result<Chosen, Stop> {
    let sampler = sampler(search.method);
    let count = sampler.trials(search)?;
    let mut running = FuturesUnordered::new();
    for index in 0..count {
        let point = sampler.point(search, index);
        running.push(async move {
            let text = params_text(&point);
            build.shop.progress.trial(index + 1, count, &text, TrialState::Began);
            let began = build.shop.engine.clock.now();
            let mut params = train.step.params.clone();
            params.extend(point);
            let done = run(build, node, train, params.clone(), given.clone(), false).await;
            let state = match &done {
                Ok(done) => {
                    let value = done.result.metrics.get(&search.metric);
                    let metric = value.map(|value| (search.metric.as_str(), *value));
                    TrialState::Finished { metric, goal: search.goal, cached: done.cached }
                }
                Err(_) => TrialState::Failed,
            };
            build.shop.progress.trial(index + 1, count, &text, state);
            build.tried(index, &params, &done, began);
            (index, params, done)
        });
    }
    let mut finished = Vec::new();
    let mut failed = Vec::new();
    while let Some((index, params, done)) = running.next().await {
        match done {
            Ok(done) => finished.push((Trial { index, params, metrics: done.result.metrics.clone() }, done)),
            Err(Stop::Fault(fault)) if fault.kind() == Kind::Step || fault.kind() == Kind::Timeout => {
                failed.push((index, fault));
            }
            Err(stop) => return Err(stop),
        }
    }
    failed.sort_by_key(|(index, _)| *index);
    if finished.is_empty() {
        let (_, first) = failed.swap_remove(0);
        let message = format!("all {count} trials failed; the first: {}", first.message());
        return Err(if count == 1 { first } else { first.with_message(message) }.into());
    }
    finished.sort_by_key(|(trial, _)| trial.index);
    let (trials, mut done): (Vec<_>, Vec<_>) = finished.into_iter().unzip();
    let best = winner(search, &trials)?;
    let cached = done.iter().all(|done| done.cached);
    let value = trials[best].metrics[&search.metric];
    let mut lines = vec![
        format!("{} of {count} trials, best {} {value:.4}", trials.len(), search.metric),
        format!("trial {}: {}", trials[best].index + 1, params_text(&trials[best].params)),
    ];
    lines.extend(
        failed.iter().map(|(index, fault)| format!("trial {} failed: {}", index + 1, fault.message())),
    );
    Ok(Chosen {
        params: trials[best].params.clone(),
        done: done.swap_remove(best),
        trials: count,
        cached,
        lines,
    })
}

async fn run(
    build: &Build,
    node: &Node,
    train: &Train,
    params: BTreeMap<String, Value>,
    inputs: BTreeMap<String, InputFile>,
    refit: bool,
) -> Result<Done, Stop> {
    let python = build.python(node).await?;
    let job = command_job(&build.shop.step_context(python), "train", &train.step, params, inputs).await?;
    let job = if refit { job.refit() } else { job };
    if !job.command.outputs.contains_key("model") {
        return Err(Fault::new(Kind::Config, "training has nowhere to leave its model")
            .hint("put `{model}` into `run` of [train]: an empty folder to fill")
            .into());
    }
    build.command(node, job).await
}

/// `given` with every train part replaced by train and validation together.
async fn with_validation(
    build: &Build,
    node: &Node,
    train: &Train,
    mut given: BTreeMap<String, InputFile>,
) -> Result<BTreeMap<String, InputFile>, Stop> {
    for placeholder in declared(&train.step.run)? {
        if let Placeholder::Data { name, part: Part::Train } = &placeholder {
            let key = format!("data.{name}.train");
            given.insert(key, derived::train_and_validation(build, node, name).await?);
        }
    }
    Ok(given)
}

/// `learning_rate 0.03, leaves 15`.
fn params_text(params: &BTreeMap<String, Value>) -> String {
    let text = |(name, value): (&String, &Value)| match value {
        Value::String(text) => format!("{name} {text}"),
        other => format!("{name} {other}"),
    };
    params.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn metrics_text(done: &Done) -> String {
    let shown = done.result.metrics.iter().take(4);
    shown.map(|(name, value)| format!(", {name} {value:.4}")).collect()
}
