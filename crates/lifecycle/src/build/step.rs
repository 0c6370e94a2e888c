//! A custom step: an ordinary command before registering.

use modelyard_core::{Fault, Kind};
use modelyard_pipeline::{Node, Stop, command_job};

use super::{Build, StepMade, StepOutcome, inputs};
use crate::progress::duration_text;

pub(super) async fn make(build: &Build, node: &Node, name: &str) -> Result<StepMade, Stop> {
    let step = &build.shop.project.steps[name];
    let inputs = inputs::of_step(build, node, step).await?;
    let python = build.python(node).await?;
    let job = command_job(&build.shop.step_context(python), name, step, step.params.clone(), inputs).await?;
    let done = match build.command(node, job).await {
        Ok(done) => done,
        Err(Stop::Fault(fault))
            if may_fail(build, node) && matches!(fault.kind(), Kind::Step | Kind::Timeout) =>
        {
            let lines = vec![format!("failed, and the line goes on: {}", fault.message())];
            build.shop.progress.finished(node, &lines, false, 0);
            return Ok(StepMade {
                outcome: StepOutcome::Failed { report: fault.report(), log: fault.log() },
            });
        }
        Err(Stop::Fault(fault)) if step.gate && fault.kind() == Kind::Step => {
            return Err(gate_failed(name, fault).into());
        }
        Err(stop) => return Err(stop),
    };
    let result = done.result;
    let mut lines = vec![format!("done in {}", duration_text(result.usage.wall_ms))];
    lines.extend(result.metrics.iter().map(|(name, value)| format!("{name} {value:.4}")));
    lines.extend(result.remarks.iter().cloned());
    build.shop.progress.finished(node, &lines, done.cached, result.usage.wall_ms);
    Ok(StepMade { outcome: StepOutcome::Done(Box::new(result)) })
}

/// The fault of a step that is a gate: nothing is registered, as with every other gate.
fn gate_failed(name: &str, fault: Fault) -> Fault {
    let gate = Fault::new(Kind::Gate, format!("the gate `{name}` failed; nothing was registered"));
    let log = fault.log();
    let gate = gate.because(fault.report());
    match log {
        Some(log) => gate.with_log(log),
        None => gate,
    }
}

/// Whether the line goes on without `node`: there is one that goes on to registering, `node` is no
/// gate, and only registering waits for it. A step that was asked for by name has to work.
fn may_fail(build: &Build, node: &Node) -> bool {
    let Node::Step(name) = node else { return false };
    let gate = build.shop.project.steps.get(name).is_none_or(|step| step.gate);
    let graph = build.graph();
    let needed = graph
        .order()
        .iter()
        .any(|other| *other != Node::Register && graph.needs(other).any(|need| need == node));
    graph.contains(&Node::Register) && !gate && !needed
}
