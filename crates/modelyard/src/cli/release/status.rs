//! `modelyard release status`: where a release stands, and what it is judged on.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::deploy::{ReleaseStatus, StrategyKind};
use modelyard_lifecycle::deploy::environments;
use modelyard_lifecycle::deploy::judge::{Bounds, Comparison, Verdict};
use modelyard_lifecycle::deploy::moves::percent;
use modelyard_lifecycle::deploy::reconcile::alone;
use modelyard_lifecycle::deploy::release::{self, Look};
use serde_json::json;

use crate::cli::conduct::{latency, share};
use crate::cli::{Context, ahead, print, session, text};

/// Show the release under way in an environment, or the last one
#[derive(clap::Args)]
pub(super) struct Args {
    /// NAME in the project of the working folder, or PROJECT/NAME
    #[arg(value_name = "ENVIRONMENT", default_value = "production")]
    environment: String,
}

pub(super) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let (home, id) = session::environment(ctx, &args.environment).await?;
    let now = ctx.clock.now();
    let look = release::look(&home, &id, now).await?;
    if ctx.json {
        print::json(&json!(look));
        return Ok(ExitCode::SUCCESS);
    }
    let Some(look) = look else {
        print::result(format!("Nothing was released to {} yet.", id.name));
        if !ctx.quiet {
            let environment = environments::find(&home, &id).await?;
            print::remark(format!("next: {}", ahead::command(&args.environment, &environment.spec)));
        }
        return Ok(ExitCode::SUCCESS);
    };
    let release = &look.release;
    let ended = release.ended_at.map(|at| format!(", {}", text::when(at, now))).unwrap_or_default();
    let step = match (release.status.has_ended(), release.strategy.kind) {
        (false, StrategyKind::Canary) if look.comparison.is_some() => {
            format!(
                ", step {} of {} ({})",
                release.step + 1,
                release.strategy.weights.len(),
                percent(look.share)
            )
        }
        (false, _) if look.comparison.is_some() => format!(" ({})", percent(look.share)),
        _ => String::new(),
    };
    print::result(format!(
        "{} → {}   {}{step}, {}{ended}",
        release::title(release),
        id.name,
        release.strategy.kind.as_str(),
        release::status(release, look.missing.is_some())
    ));
    if let Some(missing) = &look.missing {
        print::result(format!("  waits      {missing}"));
    }
    if let Some(comparison) = &look.comparison {
        print::result(table(&look, comparison));
    }
    for decision in &release.decisions {
        let by = if decision.by == "modelyard" { String::new() } else { format!(", by {}", decision.by) };
        print::result(format!(
            "  {:<12} {}   {}{by}",
            text::when(decision.at, now),
            decision.what,
            decision.why
        ));
    }
    if !ctx.quiet && !release.status.has_ended() {
        let watched = alone::is_watched(&home).await?;
        print::remark(next(&look, &id.name, watched));
    }
    Ok(ExitCode::SUCCESS)
}

/// What a person can do.
fn next(look: &Look, name: &str, watched: bool) -> String {
    let title = release::title(&look.release);
    match (look.release.status, &look.missing) {
        (ReleaseStatus::Waiting, Some(_)) => {
            format!("next: modelyard models approve {title}, or modelyard release abort {name}")
        }
        // A server goes on with it in a moment.
        (ReleaseStatus::Waiting, None) if !watched => {
            format!("next: modelyard server, or modelyard release resume {name}: nothing is missing any more")
        }
        (ReleaseStatus::Paused | ReleaseStatus::Held, _) => {
            format!("next: modelyard release resume|promote|abort {name}")
        }
        (ReleaseStatus::Rolling, _) => format!("next: modelyard release pause|promote|abort {name}"),
        _ => format!("next: modelyard release abort {name}"),
    }
}

fn table(look: &Look, comparison: &Comparison) -> String {
    let incumbent = look.incumbent.map_or_else(String::new, |number| format!("incumbent @{number}"));
    let candidate = format!("candidate @{}", look.release.number);
    let (theirs, ours) = (&comparison.incumbent, &comparison.candidate);
    let p95 = |micros: Option<u64>| micros.map_or_else(|| "–".to_owned(), latency);
    let mut rows = vec![
        [String::new(), incumbent, candidate, String::new()],
        ["requests".into(), text::count(theirs.requests), text::count(ours.requests), String::new()],
        [
            "errors".into(),
            share(comparison.errors.incumbent),
            share(comparison.errors.candidate),
            verdict(&comparison.errors),
        ],
        ["p95".into(), p95(theirs.p95_us), p95(ours.p95_us), String::new()],
    ];
    let slow = match comparison.latency.above_us {
        Some(above) => format!("above {}", latency(above)),
        None => "slow".to_owned(),
    };
    rows.push([
        slow,
        share(comparison.latency.incumbent),
        share(comparison.latency.candidate),
        verdict(&comparison.latency),
    ]);
    let answers = match (&comparison.outputs.absurd, comparison.outputs.distance) {
        (Some(absurd), _) => absurd.clone(),
        (None, Some(distance)) if comparison.outputs.different => {
            format!("different: {} of them moved", percent(distance))
        }
        (None, Some(_)) => "not different".to_owned(),
        (None, None) => String::new(),
    };
    rows.push(["answers".into(), String::new(), String::new(), answers]);
    let lines: Vec<String> = rows
        .iter()
        .map(|[label, theirs, ours, verdict]| {
            format!("  {label:<14} {theirs:>14} {ours:>14}   {verdict}").trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

fn verdict(bounds: &Bounds) -> String {
    let difference = format!("needs < {} more", percent(bounds.margin));
    match bounds.verdict {
        None => "not judged".to_owned(),
        Some(Verdict::Worse) => {
            format!("worse ({} to {} more)", percent(bounds.lower), percent(bounds.upper))
        }
        Some(Verdict::NotWorse) => format!("not worse ({difference})"),
        Some(Verdict::Undecided) if bounds.candidate.is_none() => "nothing yet".to_owned(),
        Some(Verdict::Undecided) => {
            format!("undecided ({} to {}, {difference})", percent(bounds.lower), percent(bounds.upper))
        }
    }
}
