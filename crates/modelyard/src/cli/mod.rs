//! The command line: one file a command, one line here each.
//!
//! Results go to stdout, progress and remarks to stderr; `--json` prints one document and nothing
//! else. To add a command: a file with `Args` and `run`, a variant of [`Command`], an arm in [`run`].

mod ahead;
mod alerts;
mod apply;
mod audit;
mod check;
mod ci;
mod completions;
mod conduct;
mod data;
mod deploy;
mod diff;
mod doctor;
mod duties;
mod environments;
pub(crate) mod exit;
mod feedback;
mod freeze;
mod graph;
mod history;
mod home;
mod live;
mod lock;
mod logs;
mod models;
mod moment;
mod monitor;
mod new;
mod place;
mod predict;
mod predictions;
pub(crate) mod print;
mod release;
mod replay;
mod replicas;
mod report;
mod reproduce;
mod rollback;
mod run;
mod runs;
mod schema;
mod serve;
mod server;
mod session;
mod settings;
mod show;
mod status;
mod table;
mod text;
mod training;
mod triggers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use modelyard_core::{Clock, Fault, Result};

use crate::clock::MachineClock;

/// The machine-learning lifecycle in one binary.
#[derive(Parser)]
#[command(name = "modelyard", version, about, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Args)]
struct Global {
    /// The project's folder, or its modelyard.toml [default: found by walking up]
    #[arg(long, short = 'C', global = true, value_name = "FOLDER", env = "MODELYARD_PROJECT")]
    project: Option<PathBuf>,
    /// The home that holds all state [default: .modelyard beside modelyard.toml]
    #[arg(long, global = true, value_name = "FOLDER", env = "MODELYARD_HOME")]
    home: Option<PathBuf>,
    /// Print one JSON document and nothing else
    #[arg(long, global = true)]
    json: bool,
    /// Print results and errors alone
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Subcommand)]
enum Command {
    New(new::Args),
    Run(run::Args),
    Status(status::Args),
    Graph(graph::Args),
    Reproduce(reproduce::Args),
    Serve(serve::Args),
    Server(server::Args),
    Predict(predict::Args),
    Predictions(predictions::Args),
    Feedback(feedback::Args),
    Logs(logs::Args),
    Show(show::Args),
    Diff(diff::Args),
    Data(data::Args),
    Runs(runs::Args),
    Models(models::Args),
    Report(report::Args),
    Apply(apply::Args),
    Environments(environments::Args),
    Deploy(deploy::Args),
    Release(release::Args),
    Rollback(rollback::Args),
    Alerts(alerts::Args),
    Replay(replay::Args),
    Monitor(monitor::Args),
    Freeze(freeze::Args),
    Unfreeze(freeze::Unfreeze),
    Triggers(triggers::Args),
    #[command(hide = true)]
    Training(training::Args),
    Lock(lock::Args),
    Home(home::Args),
    History(history::Args),
    Audit(audit::Args),
    Check(check::Args),
    Ci(ci::Args),
    Doctor(doctor::Args),
    Schema(schema::Args),
    Completions(completions::Args),
}

/// What every command is handed.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) project: Option<PathBuf>,
    pub(crate) home: Option<PathBuf>,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    /// Whether stderr may be coloured and redrawn.
    pub(crate) color: bool,
    pub(crate) clock: Arc<dyn Clock>,
}

pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let ctx = Context {
        project: cli.global.project,
        home: cli.global.home,
        json: cli.global.json,
        quiet: cli.global.quiet,
        color: std::env::var_os("NO_COLOR").is_none() && std::io::IsTerminal::is_terminal(&std::io::stderr()),
        clock: Arc::new(MachineClock::new()),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return fail(
                &ctx,
                &Fault::new(modelyard_core::Kind::Internal, "cannot start threads").because(error),
            );
        }
    };
    match runtime.block_on(run(cli.command, &ctx)) {
        Ok(code) => code,
        Err(fault) => fail(&ctx, &fault),
    }
}

async fn run(command: Command, ctx: &Context) -> Result<ExitCode> {
    match command {
        Command::New(args) => new::run(args, ctx).await,
        Command::Run(args) => run::run(args, ctx).await,
        Command::Status(args) => status::run(args, ctx).await,
        Command::Graph(args) => graph::run(args, ctx).await,
        Command::Reproduce(args) => reproduce::run(args, ctx).await,
        Command::Predict(args) => predict::run(args, ctx).await,
        Command::Predictions(args) => predictions::run(args, ctx).await,
        Command::Feedback(args) => feedback::run(args, ctx).await,
        Command::Serve(args) => serve::run(args, ctx).await,
        Command::Server(args) => server::run(args, ctx).await,
        Command::Logs(args) => logs::run(args, ctx).await,
        Command::Show(args) => show::run(args, ctx).await,
        Command::Diff(args) => diff::run(args, ctx).await,
        Command::Data(args) => data::run(args, ctx).await,
        Command::Runs(args) => runs::run(args, ctx).await,
        Command::Models(args) => models::run(args, ctx).await,
        Command::Report(args) => report::run(args, ctx).await,
        Command::Apply(args) => apply::run(args, ctx).await,
        Command::Environments(args) => environments::run(args, ctx).await,
        Command::Deploy(args) => deploy::run(args, ctx).await,
        Command::Release(args) => release::run(args, ctx).await,
        Command::Rollback(args) => rollback::run(args, ctx).await,
        Command::Alerts(args) => alerts::run(args, ctx).await,
        Command::Monitor(args) => monitor::run(args, ctx).await,
        Command::Freeze(args) => freeze::run(args, ctx).await,
        Command::Unfreeze(args) => freeze::unfreeze(args, ctx).await,
        Command::Replay(args) => replay::run(args, ctx).await,
        Command::Triggers(args) => triggers::run(args, ctx).await,
        Command::Training(args) => training::run(args, ctx).await,
        Command::Lock(args) => lock::run(args, ctx).await,
        Command::Home(args) => home::run(args, ctx).await,
        Command::History(args) => history::run(args, ctx).await,
        Command::Audit(args) => audit::run(args, ctx).await,
        Command::Ci(args) => ci::run(args, ctx).await,
        Command::Check(args) => check::run(args, ctx).await,
        Command::Doctor(args) => doctor::run(args, ctx).await,
        Command::Schema(args) => schema::run(args, ctx).await,
        Command::Completions(args) => completions::run(args, ctx).await,
    }
}

/// Prints `fault` and answers its exit code.
fn fail(ctx: &Context, fault: &Fault) -> ExitCode {
    if ctx.json {
        print::json(&error_document(fault));
    }
    let word = if ctx.color { "\x1b[1;31merror\x1b[0m" } else { "error" };
    print::remark(format!("{word}: {}", fault.report()));
    ExitCode::from(exit::code(fault.kind()))
}

/// `fault` as `--json` tells it. Details of one label (two checks of one column) share its text.
fn error_document(fault: &Fault) -> serde_json::Value {
    let mut details = std::collections::BTreeMap::<&str, String>::new();
    for (label, text) in fault.details() {
        let told = details.entry(label).or_default();
        if !told.is_empty() {
            told.push('\n');
        }
        told.push_str(text);
    }
    let mut causes = Vec::new();
    let mut cause = std::error::Error::source(fault);
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    serde_json::json!({
        "error": {
            "kind": fault.kind().as_str(),
            "message": fault.message(),
            "details": details,
            "causes": causes,
            "hint": fault.hint_text(),
        }
    })
}
