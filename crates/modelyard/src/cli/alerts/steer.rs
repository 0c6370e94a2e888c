//! `modelyard alerts acknowledge` and `silence`.

use std::process::ExitCode;

use modelyard_core::monitor::Alert;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::monitor::alerts;
use serde_json::json;

use super::super::{Context, moment, print, session};

/// Say that you have seen to an alert; it stays open until what it is about holds no more
#[derive(clap::Args)]
pub(crate) struct Acknowledge {
    /// The alert's id, or its first characters
    #[arg(value_name = "ALERT")]
    alert: String,
}

/// Let nobody be told of an alert, nor of the same one opening again, until an instant
#[derive(clap::Args)]
pub(crate) struct Silence {
    /// The alert's id, or its first characters
    #[arg(value_name = "ALERT")]
    alert: String,
    /// An instant (`2026-12-24 08:00`, UTC) or how long from now on (`3d`)
    #[arg(long, value_name = "WHEN", required_unless_present = "end")]
    until: Option<String>,
    /// End the silence
    #[arg(long, conflicts_with = "until")]
    end: bool,
}

pub(crate) async fn acknowledge(args: Acknowledge, ctx: &Context) -> Result<ExitCode> {
    let home = session::home(ctx).await?;
    let id = alerts::named(&home, &args.alert).await?.id;
    let alert = alerts::acknowledge(&home, &*ctx.clock, id, &session::actor()).await?;
    let by = alert.acknowledged.as_ref().map(|(who, _)| who.clone()).unwrap_or_default();
    say(ctx, &alert, &format!("{by} has seen to it: {}", alert.message));
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn silence(args: Silence, ctx: &Context) -> Result<ExitCode> {
    let now = ctx.clock.now();
    let instant = |text: &String| {
        moment::parse_ahead(text, now).map_err(|wanted| {
            Fault::new(Kind::Usage, format!("cannot read the time `{text}` of --until")).hint(wanted)
        })
    };
    let until = args.until.as_ref().map(instant).transpose()?;
    let home = session::home(ctx).await?;
    let id = alerts::named(&home, &args.alert).await?.id;
    let alert = alerts::silence(&home, &*ctx.clock, id, until, &session::actor()).await?;
    let silence = match until {
        Some(until) => format!("Nobody is told until {until}: {}", alert.message),
        None => format!("People are told again: {}", alert.message),
    };
    say(ctx, &alert, &silence);
    Ok(ExitCode::SUCCESS)
}

fn say(ctx: &Context, alert: &Alert, text: &str) {
    if ctx.json {
        print::json(&json!(alert));
    } else if !ctx.quiet {
        print::result(text);
    }
}
