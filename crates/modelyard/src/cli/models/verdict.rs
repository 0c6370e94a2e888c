//! `modelyard models approve` and `reject`: what a person says of a version.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::deploy::{Approval, Verdict};
use modelyard_core::model::ModelRef;
use modelyard_lifecycle::deploy::approval;
use serde_json::json;

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
    if ctx.json {
        print::json(&json!(given));
    } else if !ctx.quiet {
        let before = match given.before {
            Some(before) if before != verdict => format!("; before {} had {} it", actor.name, word(before)),
            Some(_) => "; as before".to_owned(),
            None => String::new(),
        };
        let title = format!("{}@{}", given.model, given.number);
        print::result(format!("{title} is {} by {}{before}", word(verdict), actor.name));
        print::result(format!("  so far: {}", standing(&given.approvals)));
    }
    Ok(ExitCode::SUCCESS)
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
