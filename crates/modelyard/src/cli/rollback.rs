//! `modelyard rollback`: what served before serves again.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use modelyard_core::deploy::{EnvironmentId, Release, ReleaseKind, ReleaseStatus};
use modelyard_core::ports::Home;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::deploy::{View, environments, release};
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

/// A replica looks ten times a second; one that does not follow by then is not there.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let conduct = Conduct::new(ctx, &args.environment).await?;
    let (home, id) = (conduct.home.clone(), conduct.id.clone());
    if args.drill {
        return drill(&home, &id, ctx).await;
    }
    let (back, took) = go_back(&home, &id, "asked for", ctx).await?;
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

/// What was recorded, and how long it took until every replica followed; `None` where none answers.
async fn go_back(
    home: &Home,
    id: &EnvironmentId,
    cause: &str,
    ctx: &Context,
) -> Result<(Release, Option<Duration>)> {
    let began = Instant::now();
    let release = release::roll_back(home, &*ctx.clock, id, cause, &session::actor()).await?;
    if !release.status.has_ended() {
        return Ok((release, None));
    }
    let environment = environments::find(home, id).await?;
    let generation = environment.state.generation;
    while began.elapsed() < PATIENCE {
        let view = View::of(home.observations.reports(id).await?, ctx.clock.now());
        if view.live.is_empty() {
            return Ok((release, None));
        }
        if view.live.iter().all(|report| report.generation >= generation) {
            return Ok((release, Some(began.elapsed())));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(Fault::new(Kind::Timeout, format!("a replica of `{}` does not follow", id.name))
        .hint(format!("modelyard environments show {}", id.name)))
}

async fn drill(home: &Home, id: &EnvironmentId, ctx: &Context) -> Result<ExitCode> {
    let environment = environments::find(home, id).await?;
    if environment.release.is_some() {
        return Err(Fault::new(
            Kind::Release,
            format!("cannot drill a rollback of `{}` while a release is under way", id.name),
        )
        .hint(format!("modelyard release status {}", id.name)));
    }
    let (back, away) = go_back(home, id, "drill: back", ctx).await?;
    if back.status != ReleaseStatus::Done {
        return Err(Fault::new(
            Kind::Release,
            format!("the version before is no longer warm in `{}`; it is being loaded", id.name),
        )
        .hint(format!("modelyard release status {}", id.name)));
    }
    let (forth, home_again) = go_back(home, id, "drill: forth again", ctx).await?;
    let (Some(away), Some(home_again)) = (away, home_again) else {
        return Err(Fault::new(
            Kind::Release,
            format!("no replica of `{}` answers: nothing was measured", id.name),
        )
        .hint("modelyard server"));
    };
    release::note_drill(home, &back, away.as_millis() as u64, ctx.clock.now()).await?;
    release::note_drill(home, &forth, home_again.as_millis() as u64, ctx.clock.now()).await?;
    if ctx.json {
        print::json(&json!({
            "back_to": release::title(&back),
            "back_ms": away.as_millis() as u64,
            "forth_to": release::title(&forth),
            "forth_ms": home_again.as_millis() as u64,
        }));
    } else if !ctx.quiet {
        print::result(format!(
            "{}: back to {} in {}, forth to {} in {}.",
            id.name,
            release::title(&back),
            text(away),
            release::title(&forth),
            text(home_again)
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn text(took: Duration) -> String {
    duration_text(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}
