//! `modelyard environments stop` and `start`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use modelyard_core::deploy::EnvironmentId;
use modelyard_core::ports::{Home, LockGuard};
use modelyard_core::{Fault, Kind, Result};
use modelyard_deploy::target::{self, Target};
use modelyard_lifecycle::deploy::environments::{self, Condition};
use modelyard_lifecycle::deploy::reconcile::{alone, told, wanted};
use serde_json::json;

use crate::cli::conduct::{self, Live};
use crate::cli::{Context, print, replicas, serve, session, text};

#[derive(clap::Args)]
pub(super) struct Stop {
    /// NAME in the project of the working folder, or PROJECT/NAME
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,
    /// Leave it to the server, and do not wait until its replicas have ended
    #[arg(long, conflicts_with = "wait")]
    no_wait: bool,
    /// What it does anyway
    #[arg(long, hide = true)]
    wait: bool,
}

#[derive(clap::Args)]
pub(super) struct Start {
    /// NAME in the project of the working folder, or PROJECT/NAME
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,
    /// Wait until its replicas answer again
    #[arg(long)]
    wait: bool,
}

/// Longer than a replica takes to load a large model.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often what is waited for is looked at.
const LOOKED: Duration = Duration::from_millis(100);

pub(super) async fn stop(args: Stop, ctx: &Context) -> Result<ExitCode> {
    let (home, id) = session::environment(ctx, &args.environment).await?;
    let changed = environments::set_running(&home, &id, false, &session::acting(ctx)).await?;
    let target = replicas::target(&session::absolute(&session::home_folder(ctx)?))?;
    let ran = running(&*target, &id).await?;
    let lock = alone::try_alone(&home).await?;
    let waits = lock.is_none() && args.no_wait;
    if !waits {
        let live = Live::new(ctx);
        let mut interrupted = std::pin::pin!(serve::asked_to_end()?);
        let ended = tokio::select! {
            ended = until_ended(&home, &id, &*target, lock, &live) => ended,
            () = &mut interrupted => Err(Fault::new(Kind::Cancelled, "stopped waiting; its replicas are ending").hint(
                format!("`modelyard environments stop {}` waits for them again", id.name),
            )),
        };
        live.end();
        ended?;
    }
    if ctx.json {
        print::json(&json!({"environment": id.to_string(), "running": false, "changed": changed}));
        return Ok(ExitCode::SUCCESS);
    }
    let name = &id.name;
    print::result(match (waits && ran > 0, changed || ran > 0) {
        (true, _) => format!("{name} is being stopped: {} to end", text::plural(ran as u64, "replica")),
        (false, true) => format!(
            "{name} is stopped; its history stays, and `modelyard environments start {name}` brings it back"
        ),
        (false, false) => format!("{name} was stopped already"),
    });
    Ok(ExitCode::SUCCESS)
}

/// Waits until no process of `id` is left. Where no server ends them, or it ends itself meanwhile, this command does.
async fn until_ended(
    home: &Home,
    id: &EnvironmentId,
    target: &dyn Target,
    lock: Option<Box<dyn LockGuard>>,
    live: &Live,
) -> Result<()> {
    let mine = lock.is_some();
    // A server forgets those that it has ended.
    let looked = async {
        loop {
            let left = target.status(id).await?;
            if left.is_empty() && !mine {
                return Ok(());
            }
            let left = text::plural(left.len() as u64, "replica");
            live.waits("stopping", format!("{left} to end, after what it took is answered"));
            tokio::time::sleep(LOOKED).await;
        }
    };
    let ended = async {
        let _lock = match lock {
            Some(lock) => lock,
            None => alone::stand_in(home).await?,
        };
        let environment = environments::find(home, id).await?;
        told(target, &environment, &wanted(&environment, conduct::program(home).await?)?).await
    };
    tokio::select! {
        looked = looked => looked,
        ended = ended => ended,
    }
}

/// How many processes of `id` there are.
async fn running(target: &dyn Target, id: &EnvironmentId) -> Result<usize> {
    let status = target.status(id).await?;
    let runs = |condition: &target::Condition| matches!(condition, target::Condition::Running { .. });
    Ok(status.iter().filter(|replica| runs(&replica.condition)).count())
}

pub(super) async fn start(args: Start, ctx: &Context) -> Result<ExitCode> {
    let (home, id) = session::environment(ctx, &args.environment).await?;
    let changed = environments::set_running(&home, &id, true, &session::acting(ctx)).await?;
    // Where no server carries it out, this command does.
    let lock = alone::try_alone(&home).await?;
    let unwatched = lock.is_some();
    if unwatched {
        let target = replicas::target(&session::absolute(&session::home_folder(ctx)?))?;
        let program = conduct::program(&home).await?;
        target.apply(&wanted(&environments::find(&home, &id).await?, program)?).await?;
    }
    // A server that starts need not wait for what this command waits for.
    drop(lock);
    if args.wait {
        until_answers(&home, &id, ctx).await?;
    }
    if ctx.json {
        print::json(&json!({"environment": id.to_string(), "running": true, "changed": changed}));
        return Ok(ExitCode::SUCCESS);
    }
    let name = &id.name;
    print::result(if changed { format!("{name} is started") } else { format!("{name} was started already") });
    if unwatched && !ctx.quiet {
        print::remark(
            "nothing watches the replicas until `modelyard server` starts: one that ends stays ended",
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn until_answers(home: &Home, id: &EnvironmentId, ctx: &Context) -> Result<()> {
    let live = Live::new(ctx);
    live.waits("starting", "until its replicas answer".to_owned());
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let shown = environments::show(home, id, ctx.clock.now()).await?;
        if matches!(shown.listed.condition, Condition::Ready | Condition::Empty) {
            live.end();
            return Ok(());
        }
        tokio::time::sleep(LOOKED).await;
    }
    live.end();
    Err(Fault::new(Kind::Timeout, format!("the replicas of `{}` do not answer", id.name))
        .hint(format!("modelyard environments show {}", id.name)))
}
