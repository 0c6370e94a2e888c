//! `modelyard alerts show`: an alert, and who was told.

use std::process::ExitCode;

use modelyard_core::monitor::{Alert, AlertState, Delivery};
use modelyard_core::{Result, Timestamp};
use modelyard_lifecycle::monitor::alerts;
use serde_json::json;

use super::super::{Context, print, session, text};
use super::list::state;

/// Show an alert: since when it holds, who has seen to it, who was told
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The alert's id, or its first characters
    #[arg(value_name = "ALERT")]
    alert: String,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let home = session::home(ctx).await?;
    let id = alerts::named(&home, &args.alert).await?.id;
    let (alert, told) = alerts::find(&home, id).await?;
    if ctx.json {
        print::json(&json!({ "alert": alert, "deliveries": told }));
        return Ok(ExitCode::SUCCESS);
    }
    print::result(lines(&alert, &told, ctx.clock.now()).join("\n"));
    if !ctx.quiet && alert.state == AlertState::Opened {
        print::result(format!("\nnext: modelyard alerts acknowledge {id}"));
        print::result(format!("      modelyard alerts silence {id} --until 3d"));
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(alert: &Alert, told: &[Delivery], now: Timestamp) -> Vec<String> {
    let place = alert.environment.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
    let mut lines = vec![format!("{}{place}: {}", alert.project, alert.message)];
    let mut add = |label: &str, fact: String| lines.push(format!("  {label:<9} {fact}"));
    add("alert", format!("{}, {}", state(alert), alert.severity.as_str()));
    add("rule", format!("{} of {}, since {}", alert.rule, alert.subject, alert.since));
    let seen = if alert.seen > 1 { format!(", changed {} times", alert.seen - 1) } else { String::new() };
    add("opened", format!("{}{seen}", text::when(alert.opened_at, now)));
    if let Some((who, at)) = &alert.acknowledged {
        add("seen to", format!("by {who} {}", text::when(*at, now)));
    }
    if let Some(at) = alert.resolved_at {
        add("resolved", text::when(at, now));
    }
    if let Some(until) = alert.silenced_until.filter(|until| *until > now) {
        add("silenced", format!("until {until}"));
    }
    for delivery in told {
        let what = if delivery.what == AlertState::Resolved { "its end" } else { "its begin" };
        let became = match (delivery.delivered_at, delivery.due) {
            (Some(at), _) => format!("told {}", text::when(at, now)),
            (None, None) => "not told".to_owned(),
            (None, Some(due)) if due <= now => "to be told".to_owned(),
            (None, Some(due)) => format!("to be told at {due}"),
        };
        let error = delivery.last_error.as_ref().map(|error| {
            let attempts = text::plural(delivery.attempts.into(), "attempt");
            format!("; {attempts}, the last: {}", error.replace('\n', "; "))
        });
        add("told", format!("{}, {what}: {became}{}", delivery.sink, error.unwrap_or_default()));
    }
    lines
}
