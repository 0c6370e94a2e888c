//! `modelyard audit`: who changed what, and whether the log of it is whole.

mod change;

use std::process::ExitCode;

use modelyard_core::audit::{AuditEntry, AuditFilter};
use modelyard_core::{Result, Timestamp};
use modelyard_track::audit::{self, Altered};
use serde_json::{Value, json};

use super::table::{Column, Table};
use super::{Context, place, print, text};

/// List what changed, the newest first, or verify that nobody rewrote it
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
    /// Check that no entry was changed, removed or reordered, and that the home is what they say; exit code
    /// 1 where one was
    #[arg(long, conflicts_with_all = ["subject", "limit"])]
    verify: bool,
}

#[derive(clap::Subcommand)]
enum Command {
    /// As without a word
    #[command(hide = true)]
    List(List),
}

#[derive(clap::Args)]
struct List {
    /// Only what happened to this: MODEL, MODEL@VERSION, PROJECT, ENVIRONMENT or PROJECT/ENVIRONMENT
    #[arg(value_name = "SUBJECT")]
    subject: Option<String>,
    /// How many at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    limit: usize,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Some(Command::List(args)) => list(args, ctx).await,
        None if args.verify => verify(ctx).await,
        None => list(args.list, ctx).await,
    }
}

async fn list(args: List, ctx: &Context) -> Result<ExitCode> {
    let home = place::open(ctx).await?.home;
    let filter = AuditFilter { about: args.subject, limit: Some(args.limit), ..AuditFilter::default() };
    let entries = home.audit.list(&filter).await?;
    if ctx.json {
        let documents: Vec<Value> = entries
            .iter()
            .map(|entry| {
                json!({
                    "number": entry.number,
                    "at": entry.at,
                    "actor": entry.actor,
                    "event": entry.event,
                    "subject": entry.subject,
                    "details": entry.details,
                    "previous": entry.previous,
                    "digest": entry.digest(),
                })
            })
            .collect();
        print::json(&json!(documents));
        return Ok(ExitCode::SUCCESS);
    }
    if entries.is_empty() {
        print::result("Nothing was registered, applied or released yet.");
        if !ctx.quiet {
            print::remark(
                "next: modelyard run registers a version, modelyard apply the project's environments",
            );
        }
        return Ok(ExitCode::SUCCESS);
    }
    print::result(text_of(&entries, ctx.clock.now()));
    Ok(ExitCode::SUCCESS)
}

/// A line an entry, below it its cause and what it changed.
fn text_of(entries: &[AuditEntry], now: Timestamp) -> String {
    let mut table = Table::new([
        Column::right("entry", 6),
        Column::left("when", 8),
        Column::left("subject", Column::KEEP),
        Column::left("what", 9),
        Column::left("by", 7),
        Column::left("digest", 3),
    ]);
    for entry in entries {
        table.row([
            entry.number.to_string(),
            text::when(entry.at, now),
            entry.subject.clone(),
            what(entry),
            entry.actor.clone(),
            entry.digest().short(),
        ]);
    }
    let table = table.text();
    let mut lines = table.lines();
    let mut text: String = lines.next().unwrap_or_default().to_owned();
    for (line, entry) in lines.zip(entries) {
        text.push('\n');
        text.push_str(line);
        for below in change::lines(&entry.details) {
            text.push_str("\n       ");
            text.push_str(&below);
        }
    }
    text
}

/// What happened, in words where the event is known.
fn what(entry: &AuditEntry) -> String {
    match entry.event.as_str() {
        "model.version.registered" => {
            let metric = entry.details["metric"].as_array();
            let metric = metric.and_then(|pair| Some((pair.first()?.as_str()?, pair.get(1)?.as_f64()?)));
            let metric = metric.map(|(name, value)| format!(", {name} {}", text::score(value)));
            format!("registered{}", metric.unwrap_or_default())
        }
        "model.alias.set" => {
            let alias = entry.details["alias"].as_str().unwrap_or("an alias");
            match entry.details["before"].as_u64() {
                Some(before) => format!("{alias}, before @{before}"),
                None => alias.to_owned(),
            }
        }
        "model.version.approved" => "approved".to_owned(),
        "model.version.rejected" => "rejected".to_owned(),
        "project.applied" | "environment.applied" => "applied".to_owned(),
        event => event.to_owned(),
    }
}

async fn verify(ctx: &Context) -> Result<ExitCode> {
    let home = place::open(ctx).await?.home;
    let verdict = audit::verify(&home).await?;
    if ctx.json {
        print::json(&json!(verdict));
    } else {
        let entries = text::count(verdict.entries);
        let head = verdict.head.map(|head| format!(", head {}", head.short())).unwrap_or_default();
        if let Some(number) = verdict.broken_at {
            print::result(format!(
                "chain broken at entry {number}: it was changed, removed or cut off ({entries} entries{head})"
            ));
        } else if verdict.altered.is_empty() {
            print::result(format!("chain verified: {entries} entries{head}"));
        }
        for altered in &verdict.altered {
            let Altered { document, entry } = altered;
            print::result(match entry {
                0 => format!("altered: {document}: no entry knows it"),
                entry => format!("altered: {document}: it is not what entry {entry} says"),
            });
        }
    }
    Ok(if verdict.intact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
