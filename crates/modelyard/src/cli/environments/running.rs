//! `modelyard environments stop` and `start`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use modelyard_core::deploy::EnvironmentId;
use modelyard_core::ports::Home;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::deploy::environments::{self, Condition};
use modelyard_lifecycle::deploy::reconcile::{alone, wanted};
use serde_json::json;

use crate::cli::{Context, conduct, print, replicas, session};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// NAME in the project of the working folder, or PROJECT/NAME
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,
    /// Wait until its replicas are gone, or answer again
    #[arg(long)]
    wait: bool,
}

/// Longer than a replica takes to end, or a large model to load.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) async fn run(args: Args, running: bool, ctx: &Context) -> Result<ExitCode> {
    let (home, id) = session::environment(ctx, &args.environment).await?;
    let changed = environments::set_running(&home, &id, running, &session::acting(ctx)).await?;
    // Where no server carries it out, this command does.
    let lock = alone::try_alone(&home).await?;
    let unwatched = lock.is_some();
    if unwatched {
        let target = replicas::target(&session::absolute(&session::home_folder(ctx)?))?;
        let program = conduct::machine(&home, false).await?.program;
        target.apply(&wanted(&environments::find(&home, &id).await?, program)?).await?;
    }
    // A server that starts need not wait for what this command waits for.
    drop(lock);
    if args.wait {
        settled(&home, &id, running, ctx).await?;
    }
    if ctx.json {
        print::json(&json!({"environment": id.to_string(), "running": running, "changed": changed}));
        return Ok(ExitCode::SUCCESS);
    }
    let name = &id.name;
    print::result(match (running, changed) {
        (true, true) => format!("{name} is started"),
        (true, false) => format!("{name} was started already"),
        (false, true) => format!(
            "{name} is stopped; its history stays, and `modelyard environments start {name}` brings it back"
        ),
        (false, false) => format!("{name} was stopped already"),
    });
    if running && unwatched && !ctx.quiet {
        print::remark(
            "nothing watches the replicas until `modelyard server` starts: one that ends stays ended",
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn settled(home: &Home, id: &EnvironmentId, running: bool, ctx: &Context) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let shown = environments::show(home, id, ctx.clock.now()).await?;
        let settled = match running {
            true => matches!(shown.listed.condition, Condition::Ready | Condition::Empty),
            false => !shown.instances.iter().any(|instance| instance.live),
        };
        if settled {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let what = if running { "answer" } else { "end" };
    Err(Fault::new(Kind::Timeout, format!("the replicas of `{}` do not {what}", id.name))
        .hint(format!("modelyard environments show {}", id.name)))
}
