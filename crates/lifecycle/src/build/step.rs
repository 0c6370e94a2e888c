//! A custom step: an ordinary command before registering.

use modelyard_core::Kind;
use modelyard_pipeline::{Node, Stop, command_job};

use super::{Build, StepMade, inputs};
use crate::progress::duration_text;

pub(super) async fn make(build: &Build, node: &Node, name: &str) -> Result<StepMade, Stop> {
    let step = &build.shop.project.steps[name];
    let inputs = inputs::of_step(build, node, step).await?;
    let python = build.shop.python(node).await?;
    let job = command_job(
        &build.shop.step_context(python, &build.shop.sealed_sources()),
        name,
        step,
        step.params.clone(),
        inputs,
    )
    .await?;
    let done = match build.command(node, job).await {
        Ok(done) => done,
        Err(Stop::Fault(fault)) if may_fail(build, node) && fault.kind() == Kind::Step => {
            let lines = vec![format!("failed, and the line goes on: {}", fault.message())];
            build.shop.progress.finished(node, &lines, false, 0);
            return Ok(StepMade { result: None });
        }
        Err(stop) => return Err(stop),
    };
    let result = done.result;
    let mut lines = vec![format!("done in {}", duration_text(result.usage.wall_ms))];
    lines.extend(result.metrics.iter().map(|(name, value)| format!("{name} {value:.4}")));
    lines.extend(result.remarks.iter().cloned());
    build.shop.progress.finished(node, &lines, done.cached, result.usage.wall_ms);
    Ok(StepMade { result: Some(result) })
}

/// Whether the line goes on without `node`: it is no gate, and only registering waits for it.
fn may_fail(build: &Build, node: &Node) -> bool {
    let Node::Step(name) = node else { return false };
    let gate = build.shop.project.steps.get(name).is_none_or(|step| step.gate);
    let graph = build.graph();
    let needed = graph
        .order()
        .iter()
        .any(|other| *other != Node::Register && graph.needs(other).any(|need| need == node));
    !gate && !needed
}
