//! `modelyard audit`: who changed what, and whether the log of it is whole.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::audit::AuditEntry;
use modelyard_track::audit;
use serde_json::{Value, json};

use super::table::{Column, Table};
use super::{Context, place, print, text};

/// List and verify the audit log
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    List(List),
    /// Check that no entry was changed, removed or cut off; exit code 1 where one was
    Verify,
}

/// List what changed, the newest first
#[derive(clap::Args)]
struct List {
    /// Only what happened to this model or version: NAME or NAME@VERSION
    #[arg(value_name = "SUBJECT")]
    subject: Option<String>,
    /// How many at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    limit: usize,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    match args.command {
        Command::List(args) => list(args, ctx).await,
        Command::Verify => verify(ctx).await,
    }
}

async fn list(args: List, ctx: &Context) -> Result<ExitCode> {
    let home = place::open(ctx).await?.home;
    let about = |entry: &AuditEntry| {
        args.subject.as_ref().is_none_or(|subject| {
            entry.subject == *subject
                || entry.subject.split_once('@').is_some_and(|(name, _)| name == subject)
        })
    };
    let mut entries = home.audit.entries().await?;
    entries.retain(about);
    entries.reverse();
    entries.truncate(args.limit);
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
        print::result("Nothing was registered or renamed yet.");
        return Ok(ExitCode::SUCCESS);
    }
    let now = ctx.clock.now();
    let mut table = Table::new([
        Column::right("entry", 6),
        Column::left("when", 8),
        Column::left("subject", Column::KEEP),
        Column::left("what", 9),
        Column::left("by", 7),
        Column::left("digest", 3),
    ]);
    for entry in &entries {
        table.row([
            entry.number.to_string(),
            text::when(entry.at, now),
            entry.subject.clone(),
            what(entry),
            entry.actor.clone(),
            entry.digest().short(),
        ]);
    }
    print::result(table.text());
    Ok(ExitCode::SUCCESS)
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
        print::result(match verdict.broken_at {
            None => format!("chain verified: {entries} entries{head}"),
            Some(number) => format!(
                "chain broken at entry {number}: it was changed, removed or cut off ({entries} entries{head})"
            ),
        });
    }
    Ok(if verdict.intact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
