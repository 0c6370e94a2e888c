//! `modelyard models approve` and `reject`: what a person says of a version. A release that waited for it goes
//! on, by the server, else by this command.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::deploy::{Approval, Release, Verdict};
use modelyard_core::model::ModelRef;
use modelyard_core::ports::Home;
use modelyard_lifecycle::deploy::approval::{self, Given};
use modelyard_lifecycle::deploy::{environments, release};
use serde_json::json;

use super::super::conduct::{self, Conduct};
use super::super::{Context, print, session};

/// The last word of each person counts; every one is kept in the audit log.
#[derive(clap::Args)]
pub(super) struct Args {
    /// NAME@VERSION or NAME@ALIAS
    #[arg(value_name = "MODEL")]
    model: ModelRef,
    /// Why, in a sentence
    #[arg(long, short = 'm', value_name = "TEXT")]
    comment: Option<String>,
}

pub(super) async fn run(args: Args, verdict: Verdict, ctx: &Context) -> Result<ExitCode> {
    let home = session::home(ctx).await?;
    let actor = session::acting(ctx);
    let given = approval::give(&home, &args.model, verdict, args.comment.as_deref(), &actor).await?;
    if !ctx.quiet && !ctx.json {
        let before = match given.before {
            Some(before) if before != verdict => format!("; before {} had {} it", actor.name, word(before)),
            Some(_) => "; as before".to_owned(),
            None => String::new(),
        };
        let title = format!("{}@{}", given.model, given.number);
        print::result(format!("{title} is {} by {}{before}", word(verdict), actor.name));
        print::result(format!("  so far: {}", standing(&given.approvals)));
    }
    let mut releases = Vec::new();
    if verdict == Verdict::Approved {
        for (release, missing) in release::waiting(&home, &given.model, given.number).await? {
            releases.push(go_on(ctx, &home, release, missing).await?);
        }
    }
    if ctx.json {
        let Given { model, number, approval, before, approvals } = given;
        print::json(&json!({
            "model": model, "number": number, "approval": approval, "before": before, "approvals": approvals,
            "releases": releases,
        }));
    }
    Ok(ExitCode::SUCCESS)
}

/// Carries a release on that waited for this; what became of it.
async fn go_on(ctx: &Context, home: &Home, release: Release, missing: Option<String>) -> Result<Release> {
    let id = release.environment.clone();
    let waits = |what: &str| {
        if !ctx.quiet && !ctx.json {
            print::result(format!("  its release to {} {what}", id.name));
        }
    };
    if let Some(missing) = missing {
        waits(&format!("still waits: {missing}"));
        return Ok(release);
    }
    // Only now: whoever approves at the same moment takes the one who holds the lock for a server.
    let environment = environments::find(home, &id).await?;
    let conduct = Conduct::of(ctx, home.clone(), id.clone()).await?;
    if conduct.has_server() {
        waits("goes on");
        return Ok(release);
    }
    if release::needs_a_server(&environment, release.strategy.kind) {
        waits("goes on once `modelyard server` runs");
        return Ok(release);
    }
    let ended = conduct.follow(release.id, false).await?;
    if !ctx.json {
        conduct::show(ctx, &id, &ended, &environment.spec.listen);
    }
    Ok(ended)
}

/// `approved by bob; rejected by eve: too slow`, of the last word of each person.
pub(in super::super) fn standing(approvals: &[Approval]) -> String {
    let of = |verdict| approvals.iter().filter(move |approval| approval.verdict == verdict);
    let mut parts = Vec::new();
    let approved: Vec<&str> = of(Verdict::Approved).map(|approval| approval.by.as_str()).collect();
    if !approved.is_empty() {
        parts.push(format!("approved by {}", approved.join(", ")));
    }
    for rejection in of(Verdict::Rejected) {
        let comment = rejection.comment.as_ref().map(|comment| format!(": {comment}"));
        parts.push(format!("rejected by {}{}", rejection.by, comment.unwrap_or_default()));
    }
    parts.join("; ")
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approved => "approved",
        Verdict::Rejected => "rejected",
    }
}
