//! `modelyard show`: what a run was, step by step, and what came of it.

mod config;
pub(crate) mod document;
mod trials;

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::action::{Trust, Usage};
use modelyard_core::outcome::Outcome;
use modelyard_core::run::{Run, RunKind, RunStatus};
use modelyard_lifecycle::duration_text;
use modelyard_track::runs;

use super::place::{self, Place};
use super::table::{Column, Table};
use super::{Context, print, text};

/// Show a run: its steps, trials, gates, what it came to
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A run's id or its beginning, a step's name (its newest run), or NAME@VERSION (the run that
    /// made it) [default: the newest run]
    #[arg(value_name = "RUN|STEP")]
    what: Option<String>,
    /// Print the effective configuration of the run instead
    #[arg(long)]
    config: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let place = place::open(ctx).await?;
    let run = place.run(args.what.as_deref()).await?;
    if args.config {
        return config::print(&place, &run, ctx).await;
    }
    let shown = Shown::of(&place, run).await?;
    if ctx.json {
        print::json(&shown.document());
    } else {
        print::result(shown.text(ctx));
    }
    Ok(ExitCode::SUCCESS)
}

/// A run with its parts.
struct Shown {
    run: Run,
    outcome: Outcome,
    /// Of a pipeline run.
    steps: Vec<Run>,
    /// Of a search, the best first.
    trials: Vec<Run>,
    /// What the search compared them by.
    metric: Option<String>,
    config: Option<modelyard_core::config::Project>,
}

impl Shown {
    async fn of(place: &Place, run: Run) -> Result<Self> {
        let outcome = Outcome::of(&run)?;
        let parts = runs::parts(&place.home, &run).await?;
        let (mut trials, steps): (Vec<_>, Vec<_>) =
            parts.into_iter().partition(|part| part.kind == RunKind::Trial);
        for step in &steps {
            let parts = runs::parts(&place.home, step).await?;
            trials.extend(parts.into_iter().filter(|part| part.kind == RunKind::Trial));
        }
        let config = config::of(place, &run).await?;
        let search = config.as_ref().and_then(|project| project.train.as_ref()?.search.as_ref());
        if let Some(search) = search {
            trials::sort(&mut trials, search);
        }
        let metric = search.map(|search| search.metric.clone());
        Ok(Self { run, outcome, steps, trials, metric, config })
    }

    fn text(&self, ctx: &Context) -> String {
        let run = &self.run;
        let now = ctx.clock.now();
        let took = text::milliseconds(run.started_at, run.ended_at);
        let took = took.map(|took| format!(", took {}", duration_text(took))).unwrap_or_default();
        let cached = if run.cached && run.key.is_some() { ", from cache" } else { "" };
        let what = match run.kind {
            RunKind::Pipeline => String::new(),
            RunKind::Step => format!("step {} ", run.name),
            RunKind::Trial => format!("{} ", run.name),
        };
        let mut lines = vec![format!(
            "{}   {what}{} {}{took}{cached}",
            run.id,
            text::status(run.status),
            text::when(run.started_at, now)
        )];
        lines.extend(self.facts().into_iter().map(|(label, fact)| format!("  {label:<10} {fact}")));
        for block in
            [self.step_table(), trials::table(&self.trials, self.metric.as_deref()), self.gate_table()]
        {
            if !block.is_empty() {
                lines.push(String::new());
                lines.push(block);
            }
        }
        if let Some(error) = &run.error {
            lines.push(format!("\nerror: {error}"));
        }
        if !ctx.quiet
            && let Some(next) = self.next()
        {
            lines.push(format!("\n{next}"));
        }
        lines.join("\n")
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let (run, outcome) = (&self.run, &self.outcome);
        let mut facts = vec![("project", run.project.clone())];
        let mut add = |label, fact: Option<String>| facts.extend(fact.map(|fact| (label, fact)));
        add("command", run.tags.get("command").cloned());
        add("causes", run.tags.get("causes").cloned());
        add("part of", run.parent.map(|parent| parent.to_string()));
        add("source", run.source.as_ref().map(source));
        for (name, data) in &outcome.data {
            let (rows, sources) =
                (text::plural(data.rows, "row"), text::plural(data.sources as u64, "source"));
            add("data", Some(format!("{name}@{}, {rows} from {sources}", data.number)));
        }
        add("params", (!run.params.is_empty()).then(|| text::params(&run.params)));
        for (name, value) in &run.metrics {
            add("metric", Some(format!("{name} {}", text::score(*value))));
        }
        let runtime = outcome.runtime.as_ref().map(|runtime| format!(", {runtime}")).unwrap_or_default();
        add("package", outcome.package.map(|package| format!("{}{runtime}", package.short())));
        add("model", outcome.model.clone());
        add("key", run.key.map(|key| key.0.short()));
        if run.kind != RunKind::Pipeline {
            add("cost", run.usage.as_ref().map(cost));
        }
        for mark in run.trust.iter().flat_map(marks) {
            add("trust", Some(mark));
        }
        facts
    }

    fn step_table(&self) -> String {
        let mut table = Table::new([
            Column::left("step", Column::KEEP),
            Column::left("status", Column::KEEP),
            Column::right("wall", 7),
            Column::right("CPU", 6),
            Column::right("memory", 5),
            Column::left("run", 8),
            Column::left("", 1),
        ]);
        for step in &self.steps {
            // A step without an action (registering) is done at every run.
            let cached = step.cached && step.key.is_some() && step.status == RunStatus::Finished;
            let status = if cached { "cached" } else { text::status(step.status) };
            let usage = step.usage.filter(|usage| *usage != Usage::default());
            // What Modelyard does itself is not measured apart from the rest of its process.
            let duration = |value: fn(&Usage) -> u64| {
                usage.as_ref().map(value).filter(|took| *took > 0).map(duration_text).unwrap_or_default()
            };
            let memory = usage.filter(|usage| usage.peak_memory_bytes > 0);
            table.row([
                step.name.clone(),
                status.to_owned(),
                duration(|usage| usage.wall_ms),
                duration(|usage| usage.cpu_ms),
                memory.map(|usage| text::bytes(usage.peak_memory_bytes)).unwrap_or_default(),
                step.id.to_string(),
                step.trust.iter().flat_map(marks).collect::<Vec<_>>().join("; "),
            ]);
        }
        table.text()
    }

    fn gate_table(&self) -> String {
        let mut table = Table::new([
            Column::left("gate", Column::KEEP),
            Column::left("", Column::KEEP),
            Column::left("wanted", Column::KEEP),
            Column::left("got", Column::KEEP),
            Column::left("", 1),
        ]);
        for gate in &self.outcome.gates {
            table.row([
                gate.name.as_str(),
                if gate.passed { "passed" } else { "failed" },
                &gate.wanted,
                &gate.got,
                gate.note.as_deref().unwrap_or_default(),
            ]);
        }
        table.text()
    }

    fn next(&self) -> Option<String> {
        let failed = self.steps.iter().find(|step| step.status == RunStatus::Failed && step.log.is_some());
        let commands: Vec<_> = [
            failed.map(|step| format!("modelyard logs {}", step.id)),
            (self.run.kind != RunKind::Pipeline && self.run.log.is_some())
                .then(|| format!("modelyard logs {}", self.run.id)),
            self.outcome.report.map(|_| format!("modelyard report {}", self.run.id)),
            self.outcome.model.as_ref().map(|model| format!("modelyard models show {model}")),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!commands.is_empty()).then(|| format!("next: {}", commands.join("\n      ")))
    }
}

/// `4f1c2aa on main, with uncommitted changes`.
fn source(commit: &modelyard_core::run::Commit) -> String {
    let id = commit.id.get(..8).unwrap_or(&commit.id);
    let branch = commit.branch.as_ref().map(|branch| format!(" on {branch}")).unwrap_or_default();
    let changed = if commit.difference.is_some() { ", with uncommitted changes" } else { "" };
    format!("commit {id}{branch}{changed}")
}

/// What keeps a result from being relied upon, in the words used everywhere.
pub(crate) fn marks(trust: &Trust) -> Vec<String> {
    let reasons =
        if trust.reasons.is_empty() { String::new() } else { format!(": {}", trust.reasons.join("; ")) };
    let mut marks = Vec::new();
    if !trust.inputs_complete {
        marks.push(format!("inputs not complete{reasons}"));
    } else if !trust.enforced {
        marks.push(format!("not enforced{reasons}"));
    }
    if !trust.sealed {
        // The reasons are told once.
        let reasons = match trust.reasons.as_slice() {
            reasons if marks.is_empty() && !reasons.is_empty() => format!(" ({})", reasons.join("; ")),
            _ => String::new(),
        };
        marks.push(format!("unsealed: a step could have read the test rows{reasons}"));
    }
    marks
}

fn cost(usage: &Usage) -> String {
    let memory = match usage.peak_memory_bytes {
        0 => String::new(),
        peak => format!(", {} of memory", text::bytes(peak)),
    };
    format!("{} wall, {} CPU{memory}", duration_text(usage.wall_ms), duration_text(usage.cpu_ms))
}
