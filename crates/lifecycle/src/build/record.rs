//! Runs: what a build leaves behind to look up later.

use modelyard_core::action::{ActionResult, Trust, Usage};
use modelyard_core::config::{Make, Step};
use modelyard_core::id::RunId;
use modelyard_core::ports::LockGuard;
use modelyard_core::run::{Run, RunKind, RunStatus, lock_name};
use modelyard_core::{Fault, Kind, Result};
use modelyard_pipeline::{Node, Stop};

use super::{Build, Made, StepOutcome};
use crate::outcome::Outcome;
use crate::{seal, snapshot, source_control};

/// A pipeline run that has begun. While its lock is held it counts as running.
pub(super) struct Recorded {
    run: Run,
    _alive: Box<dyn LockGuard>,
}

impl Build {
    pub(super) async fn begin_record(&self) -> Result<Recorded> {
        let home = self.shop.home();
        let alive = home.locks.lock(&lock_name(self.run)).await?;
        let mut run = self.new_run(self.run, RunKind::Pipeline, "run", None);
        if let Some(node) = self.graph().order().iter().find(|node| self.command_of(node).is_some()) {
            self.shop.lock(node).await?;
        }
        run.snapshot = Some(snapshot::take(&self.shop).await?);
        run.tags.insert("command".into(), self.shop.settings.command.clone());
        run.source = match &self.shop.settings.triggered {
            Some(triggered) => {
                run.tags.insert("causes".into(), triggered.causes.clone());
                triggered.source.clone()
            }
            None => source_control::commit(&*home.blobs, &self.shop.root).await?,
        };
        home.runs.save(&run).await?;
        Ok(Recorded { run, _alive: alive })
    }

    pub(super) async fn end_record(
        &self,
        recorded: Recorded,
        outcome: &Outcome,
        fault: Option<&Fault>,
    ) -> Result<()> {
        let mut run = recorded.run;
        run.ended_at = Some(self.shop.engine.clock.now());
        run.status = status(fault);
        run.error = fault.map(Fault::report);
        run.params.clone_from(&outcome.params);
        run.trust = Some(self.trust());
        run.outcome = serde_json::to_value(outcome).unwrap_or_default();
        self.shop.home().runs.save(&run).await
    }

    /// Makes `node` and records the run of each of its actions. Answers whether all were cached.
    pub(super) async fn make_recorded(&self, node: &Node) -> Result<(Made, bool)> {
        let began = self.shop.engine.clock.now();
        let made = self.make(node).await;
        let fault = match &made {
            Err(Stop::Fault(fault)) => Some(fault),
            _ => None,
        };
        let results: Vec<_> = self.results().into_iter().filter(|(of, _)| of == node).collect();
        let mut run = self.new_run(
            RunId::new(&*self.shop.engine.clock),
            RunKind::Step,
            &node.to_string(),
            Some(self.run),
        );
        run.started_at = began;
        run.ended_at = Some(self.shop.engine.clock.now());
        run.status = status(fault);
        run.error = fault.map(Fault::report);
        run.log = fault.and_then(Fault::log);
        if let Ok(Made::Step(made)) = &made
            && let StepOutcome::Failed { report, log } = &made.outcome
        {
            run.status = RunStatus::Failed;
            run.error = Some(report.clone());
            run.log = *log;
        }
        run.cached =
            run.status == RunStatus::Finished && results.iter().all(|(_, result)| result.finished_at < began);
        let deciding = match &made {
            Ok(Made::Train(made)) => Some(&made.result),
            _ => results.last().map(|(_, result)| result),
        };
        if let Some(result) = deciding {
            describe(&mut run, result);
            run.usage = Some(total_usage(results.iter().map(|(_, result)| result)));
        }
        let cached = run.cached;
        self.shop.home().runs.save(&run).await?;
        if *node == Node::Train {
            self.record_trials(&run).await?;
        }
        match made {
            Ok(made) => Ok((made, cached)),
            Err(Stop::Fault(fault)) if fault.log().is_some() => {
                Err(fault.detail("log", format!("modelyard logs {}", run.id)))
            }
            Err(Stop::Fault(fault)) => Err(fault),
            Err(stop) => Err(super::unexpected(node, &stop)),
        }
    }

    /// The user's command that makes `node`, if there is one.
    fn command_of(&self, node: &Node) -> Option<&Step> {
        let project = &self.shop.project;
        match node {
            Node::Data(name) => match &project.data[name].make {
                Make::Run(step) => Some(step),
                Make::AsIs | Make::Sql { .. } => None,
            },
            Node::Step(name) => project.steps.get(name),
            Node::Train => project.train.as_ref().map(|train| &train.step),
            Node::Package | Node::Test | Node::Register => None,
        }
    }

    /// How far the results so far can be relied on together.
    pub(super) fn trust(&self) -> Trust {
        let mut trust = combined_trust(self.results().iter().map(|(_, result)| result));
        let steps = self.graph().order().into_iter().filter_map(|node| self.command_of(&node));
        let open = seal::open_rows(&self.shop.project, &self.shop.sources, steps);
        trust.sealed &= open.is_empty();
        trust.reasons.extend(open);
        trust
    }

    pub(super) fn new_run(&self, id: RunId, kind: RunKind, name: &str, parent: Option<RunId>) -> Run {
        let now = self.shop.engine.clock.now();
        Run::begun(id, &self.shop.project.name, kind, name, parent, now)
    }
}

pub(super) fn status(fault: Option<&Fault>) -> RunStatus {
    match fault {
        None => RunStatus::Finished,
        Some(fault) if fault.kind() == Kind::Cancelled => RunStatus::Cancelled,
        Some(_) => RunStatus::Failed,
    }
}

pub(super) fn describe(run: &mut Run, result: &ActionResult) {
    run.key = Some(result.key);
    run.params.clone_from(&result.action.params);
    run.metrics.clone_from(&result.metrics);
    run.usage = Some(result.usage);
    run.trust = Some(result.trust.clone());
    run.log = result.log;
}

fn total_usage<'a>(results: impl Iterator<Item = &'a ActionResult>) -> Usage {
    results.fold(Usage::default(), |total, result| Usage {
        wall_ms: total.wall_ms + result.usage.wall_ms,
        cpu_ms: total.cpu_ms + result.usage.cpu_ms,
        peak_memory_bytes: total.peak_memory_bytes.max(result.usage.peak_memory_bytes),
    })
}

/// As good as the weakest of `results`.
fn combined_trust<'a>(results: impl Iterator<Item = &'a ActionResult>) -> Trust {
    results.fold(Trust::full(), |mut all, result| {
        all.enforced &= result.trust.enforced;
        all.inputs_complete &= result.trust.inputs_complete;
        all.sealed &= result.trust.sealed;
        for reason in &result.trust.reasons {
            if !all.reasons.contains(reason) {
                all.reasons.push(reason.clone());
            }
        }
        all
    })
}
