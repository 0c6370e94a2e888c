//! `modelyard apply`: the project's environments and snapshot become what the server acts on.

use std::io::IsTerminal;
use std::process::ExitCode;

use modelyard_core::deploy::Applied;
use modelyard_core::ports::Home;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::Workshop;
use modelyard_lifecycle::deploy::apply::{self, Act, Difference, Proposal};
use modelyard_lifecycle::deploy::reconcile::alone;
use serde_json::{Value, json};

use super::{Context, print, replicas, session, settings, text};

/// Write environments, monitor and triggers into the home, after showing what would change
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask; outside a terminal nobody is asked
    #[arg(long, short)]
    yes: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let shop = shop(ctx).await?;
    let proposal = apply::propose(&shop).await?;
    if ctx.json {
        let document = json!({
            "project": proposal.project, "first": proposal.first, "changes": proposal.changes, "applied": !args.dry_run,
        });
        if !args.dry_run {
            write(&shop, &proposal, ctx).await?;
        }
        print::json(&document);
        return Ok(ExitCode::SUCCESS);
    }
    show(&proposal);
    if proposal.changes.is_empty() && !proposal.first {
        return Ok(ExitCode::SUCCESS);
    }
    if args.dry_run {
        print::result("\nNothing was changed: this was a dry run.");
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !agreed()? {
        print::result("Nothing was changed.");
        return Ok(ExitCode::SUCCESS);
    }
    let applied = write(&shop, &proposal, ctx).await?;
    print::result("\nApplied.");
    if !ctx.quiet
        && let Some(first) = first(applied)
    {
        print::result(format!("next: modelyard deploy {first} {}", applied.model));
    }
    Ok(ExitCode::SUCCESS)
}

/// Applies `proposal`; where no server does it, the replicas of environments that are no more are ended here.
async fn write<'a>(shop: &Workshop, proposal: &'a Proposal, ctx: &Context) -> Result<&'a Applied> {
    let applied = apply::apply(shop.home(), proposal, &session::acting(ctx)).await?;
    if let Some(_lock) = alone::try_alone(shop.home()).await? {
        replicas::end_removed(shop.home(), &proposal.project, ctx).await?;
    }
    Ok(applied)
}

/// Where a version goes first: an environment that another requires, else any.
fn first(applied: &Applied) -> Option<&String> {
    let required = applied.environments.values().find_map(|spec| spec.requires.as_ref());
    required.or_else(|| applied.environments.keys().next())
}

/// What applying the project of the working folder would change, and its home: `deploy` and `release` act on
/// what the file says now.
///
/// # Errors
/// As [`apply::propose`].
pub(crate) async fn proposed(ctx: &Context) -> Result<(Home, Proposal)> {
    let shop = shop(ctx).await?;
    let proposal = apply::propose(&shop).await?;
    Ok((shop.home().clone(), proposal))
}

/// Applies `proposal` where it differs from what was applied, and says so.
///
/// # Errors
/// As [`apply::apply`].
pub(crate) async fn as_needed(home: &Home, proposal: &Proposal, ctx: &Context) -> Result<()> {
    if proposal.first || !proposal.changes.is_empty() {
        apply::apply(home, proposal, &session::acting(ctx)).await?;
        if !ctx.quiet && !ctx.json {
            for line in lines(proposal) {
                print::remark(format!("applied: {}", line.trim_start()));
            }
        }
    }
    Ok(())
}

/// The project's workshop, for looking only.
async fn shop(ctx: &Context) -> Result<Workshop> {
    let session = session::project(ctx).await?;
    session::looking(session, ctx.clock.clone())
}

/// Asks in a terminal; a script is not asked.
fn agreed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(true);
    }
    print::question("\nApply? [y/N] ");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| Fault::new(Kind::Usage, "cannot read the answer").because(error))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

fn show(proposal: &Proposal) {
    if proposal.changes.is_empty() {
        print::result(if proposal.first {
            format!("{} has no environments; its snapshot is applied.", proposal.project)
        } else {
            format!("{} is as applied: nothing to change.", proposal.project)
        });
        return;
    }
    print::result(format!("{} would change:", proposal.project));
    for line in lines(proposal) {
        print::result(line);
    }
}

/// A line a difference; a new environment is one line with what it is.
fn lines(proposal: &Proposal) -> Vec<String> {
    proposal.changes.iter().map(line).collect()
}

fn line(change: &Difference) -> String {
    let sign = match change.act {
        Act::Add => '+',
        Act::Change => '~',
        Act::Remove => '-',
    };
    let mut what = change.kind.to_owned();
    if !change.name.is_empty() {
        what = format!("{what} {}", change.name);
    }
    let written = |value: &Value| match change.kind {
        "environment" => settings::written(&change.key, value),
        _ => None,
    };
    if !change.key.is_empty() {
        let key = written(&change.after).or_else(|| written(&change.before)).map(|(key, _)| key);
        what = format!("{what} {}", key.as_ref().unwrap_or(&change.key));
    }
    let value = |value: &Value| written(value).map_or_else(|| text::value(value), |(_, text)| text);
    let values = match (change.kind, change.act, change.key.as_str()) {
        ("file", _, _) => String::new(),
        ("environment", Act::Add, "") => summary(&change.after),
        ("environment", Act::Remove, "") => "is stopped; its history stays".to_owned(),
        (_, Act::Add, _) => value(&change.after),
        (_, Act::Remove, _) => format!("was {}", value(&change.before)),
        _ => format!("{} → {}", value(&change.before), value(&change.after)),
    };
    format!("  {sign} {what}  {values}").trim_end().to_owned()
}

/// What tells a new environment from others.
fn summary(spec: &Value) -> String {
    let word = |pointer: &str| spec.pointer(pointer).map(text::value).unwrap_or_default();
    let mut parts = vec![format!("at {}", word("/listen")), word("/strategy/kind")];
    if spec["requires"].is_string() {
        parts.push(format!("after {}", word("/requires")));
    }
    if spec["tests"]["on"] == true {
        parts.push("tested".to_owned());
    }
    parts.join(", ")
}
