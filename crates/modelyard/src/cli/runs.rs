//! `modelyard runs`: what ran, and how runs compare.

mod compare;

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::model::ModelRef;
use modelyard_core::outcome::Outcome;
use modelyard_core::run::{Run, RunFilter, RunKind, RunStatus};
use modelyard_lifecycle::duration_text;
use modelyard_track::runs;
use serde_json::{Value, json};

use super::place::{self, Place};
use super::show::{self, document};
use super::table::{Column, Table};
use super::{Context, print, text};
pub(crate) use compare::short;

/// List, show and compare what ran
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List runs, the newest first
    List(List),
    Show(show::Args),
    Compare(compare::Args),
}

#[derive(clap::Args)]
struct List {
    /// Steps and trials too
    #[arg(long, short)]
    all: bool,
    /// How many at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    limit: u32,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::List(args) => list(args, ctx).await,
        Command::Show(args) => show::run(args, ctx).await,
        Command::Compare(args) => compare::run(args, ctx).await,
    }
}

/// A run, what it came to, and the primary metric of the version it registered.
struct Listed {
    run: Run,
    outcome: Outcome,
    metric: Option<(String, f64)>,
}

async fn list(args: List, ctx: &Context) -> Result<ExitCode> {
    let place = place::open(ctx).await?;
    let filter = RunFilter {
        project: place.project.clone(),
        kind: (!args.all).then_some(RunKind::Pipeline),
        limit: Some(args.limit),
        ..RunFilter::default()
    };
    let mut listed = Vec::new();
    for run in place.home.runs.list(&filter).await? {
        let run = runs::settle(&place.home, run).await?;
        let outcome = Outcome::of(&run)?;
        let metric = metric(&place, &outcome).await?;
        listed.push(Listed { run, outcome, metric });
    }
    if ctx.json {
        let documents: Vec<Value> = listed.iter().map(Listed::document).collect();
        print::json(&json!(documents));
    } else if listed.is_empty() {
        print::result("Nothing has run yet.\nnext: modelyard run");
    } else {
        print::result(table(&listed, place.project.is_none(), ctx));
    }
    Ok(ExitCode::SUCCESS)
}

async fn metric(place: &Place, outcome: &Outcome) -> Result<Option<(String, f64)>> {
    let Some(model) = outcome.model.as_ref().and_then(|model| model.parse::<ModelRef>().ok()) else {
        return Ok(None);
    };
    Ok(place.home.models.resolve(&model).await?.and_then(|version| version.metric))
}

fn table(listed: &[Listed], with_project: bool, ctx: &Context) -> String {
    let now = ctx.clock.now();
    let mut table = Table::new([
        Column::left("run", Column::KEEP),
        Column::left("project", 8),
        Column::left("what", 9),
        Column::left("status", 9),
        Column::left("started", 7),
        Column::right("took", 4),
        Column::left("result", 8),
        Column::left("metric", 6),
    ]);
    let all_pipelines = listed.iter().all(|listed| listed.run.kind == RunKind::Pipeline);
    for listed in listed {
        let run = &listed.run;
        let cached = run.cached && run.key.is_some() && run.status == RunStatus::Finished;
        let took = text::milliseconds(run.started_at, run.ended_at).map(duration_text);
        let metric = listed.metric.as_ref().map(|(name, value)| format!("{name} {}", text::score(*value)));
        table.row([
            run.id.to_string(),
            if with_project { run.project.clone() } else { String::new() },
            if all_pipelines { String::new() } else { run.name.clone() },
            if cached { "cached" } else { text::status(run.status) }.to_owned(),
            text::when(run.started_at, now),
            took.unwrap_or_default(),
            listed.result(),
            metric.unwrap_or_default(),
        ]);
    }
    table.text()
}

/// Of an error what leaves the other columns their place; `show` has all of it.
fn beginning(error: &str) -> String {
    const SHOWN: usize = 19;
    match error.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &error[..end]),
        None => error.to_owned(),
    }
}

impl Listed {
    /// What it came to, in a few words.
    fn result(&self) -> String {
        let failed: Vec<_> =
            self.outcome.gates.iter().filter(|gate| !gate.passed).map(|gate| gate.name.as_str()).collect();
        match (&self.outcome.model, failed.as_slice()) {
            (Some(model), _) => model.clone(),
            (None, [_, ..]) => format!("gate failed: {}", failed.join(", ")),
            (None, []) if self.run.error.is_some() => {
                let error = self.run.error.as_deref().unwrap_or_default();
                beginning(error.lines().next().unwrap_or_default())
            }
            (None, []) if self.run.kind != RunKind::Pipeline => {
                // Of several the one on rows that it did not learn from.
                let metrics = &self.run.metrics;
                let validated = metrics.iter().find(|(name, _)| name.starts_with("validation."));
                let reported = validated.or_else(|| metrics.iter().next());
                reported.map(|(name, value)| format!("{name} {}", text::score(*value))).unwrap_or_default()
            }
            (None, []) => {
                let data = self.outcome.data.iter().map(|(name, data)| format!("{name}@{}", data.number));
                data.collect::<Vec<_>>().join(", ")
            }
        }
    }

    fn document(&self) -> Value {
        let mut document = document::run(&self.run, &self.outcome);
        let metric = self.metric.as_ref().map(|(name, value)| json!({"name": name, "value": value}));
        document.insert("metric".into(), json!(metric));
        Value::Object(document)
    }
}
