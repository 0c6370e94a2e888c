//! `modelyard rollback`: what served before serves again.

use std::process::ExitCode;
use std::time::Duration;

use modelyard_core::Result;
use modelyard_core::deploy::{EnvironmentId, ReleaseKind};
use modelyard_core::ports::Home;
use modelyard_lifecycle::deploy::environments;
use modelyard_lifecycle::deploy::release::{self, Drill};
use modelyard_lifecycle::duration_text;
use serde_json::json;

use super::conduct::{self, Conduct};
use super::{Context, print, session};

/// Put back what served before; it is still warm, so this takes under a second
#[derive(clap::Args)]
pub(crate) struct Args {
    /// NAME in the project of the working folder, or PROJECT/NAME
    #[arg(value_name = "ENVIRONMENT", default_value = "production")]
    environment: String,
    /// Go back and forth again, and record how long each takes
    #[arg(long)]
    drill: bool,
    /// Wait until every replica has followed
    #[arg(long)]
    wait: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let conduct = Conduct::new(ctx, &args.environment).await?;
    let (home, id) = (conduct.home.clone(), conduct.id.clone());
    if args.drill {
        return drill(&home, &id, ctx).await;
    }
    let (back, took) =
        release::roll_back_until_followed(&home, &*ctx.clock, &id, "asked for", &session::actor()).await?;
    let listen = environments::find(&home, &id).await?.spec.listen;
    if !back.status.has_ended() {
        // It left the replicas meanwhile: it has to be loaded first.
        let ended =
            if !conduct.has_server() || args.wait { conduct.follow(back.id, args.wait).await? } else { back };
        conduct::show(ctx, &id, &ended, &listen);
        return Ok(ExitCode::SUCCESS);
    }
    if ctx.json {
        print::json(&json!({
            "release": back,
            "serves": home_serves(&home, &id).await?,
            "followed_ms": took.map(|took| took.as_millis() as u64),
        }));
    } else if !ctx.quiet {
        let serves = home_serves(&home, &id).await?.unwrap_or_else(|| "nothing".to_owned());
        let ended = match back.kind {
            ReleaseKind::Rollback => String::new(),
            _ => format!("The release of {} is ended. ", release::title(&back)),
        };
        print::result(match took {
            Some(took) => format!("{ended}{serves} serves {} again, after {}.", id.name, text(took)),
            None => format!("{ended}{serves} is wanted in {} again; no replica answers.", id.name),
        });
    }
    Ok(ExitCode::SUCCESS)
}

async fn home_serves(home: &Home, id: &EnvironmentId) -> Result<Option<String>> {
    let environment = environments::find(home, id).await?;
    Ok(environment.state.stable().map(|placed| format!("{}@{}", placed.model, placed.number)))
}

async fn drill(home: &Home, id: &EnvironmentId, ctx: &Context) -> Result<ExitCode> {
    let drill = release::drill(home, &*ctx.clock, id, &session::actor()).await?;
    if ctx.json {
        print::json(&json!(drill));
    } else if !ctx.quiet {
        let Drill { back_to, back_ms, forth_to, forth_ms } = drill;
        print::result(format!(
            "{}: back to {back_to} in {}, forth to {forth_to} in {}.",
            id.name,
            duration_text(back_ms),
            duration_text(forth_ms)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn text(took: Duration) -> String {
    duration_text(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}
