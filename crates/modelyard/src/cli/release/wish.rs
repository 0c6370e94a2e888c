//! `modelyard release pause|resume|promote|abort`.

use std::process::ExitCode;
use std::time::Duration;

use modelyard_core::Result;
use modelyard_core::deploy::{ReleaseStatus, Wish};
use modelyard_lifecycle::deploy::{environments, release};

use crate::cli::conduct::{self, Conduct};
use crate::cli::{Context, session};

#[derive(clap::Args)]
pub(super) struct Args {
    /// NAME in the project of the working folder, or PROJECT/NAME
    #[arg(value_name = "ENVIRONMENT", default_value = "production")]
    environment: String,
    /// Wait for the release's end; exit code 16 if it fails or is rolled back
    #[arg(long)]
    wait: bool,
}

pub(super) async fn run(args: Args, wish: Wish, ctx: &Context) -> Result<ExitCode> {
    let conduct = Conduct::new(ctx, &args.environment).await?;
    let (home, id) = (conduct.home.clone(), conduct.id.clone());
    let environment = environments::find(&home, &id).await?;
    let listen = environment.spec.listen.clone();
    let under_way = release::under_way(&home, &environment).await?;
    // A release that waits for approval goes on by itself; without a server this command lets it.
    let waits = under_way.status == ReleaseStatus::Waiting && wish == Wish::Resume;
    let asked = match waits {
        true => under_way,
        false => release::wish(&home, &id, wish, &session::actor(), ctx.clock.now()).await?,
    };
    let alone = !conduct.has_server();
    if args.wait || (alone && wish != Wish::Pause) {
        let ended = conduct.follow(asked.id, args.wait).await;
        return match ended {
            // Ending it is what was asked for.
            Err(fault) if wish == Wish::Abort => {
                let ended = home.environments.release(asked.id).await?;
                match ended.filter(|ended| ended.status == ReleaseStatus::Aborted) {
                    Some(ended) => shown(ctx, &id, &ended, &listen),
                    None => Err(fault),
                }
            }
            Err(fault) => Err(fault),
            Ok(ended) => shown(ctx, &id, &ended, &listen),
        };
    }
    // The reconciler acts within a moment; what it made of it is worth that.
    let mut now = asked;
    for _ in 0..20 {
        if let Some(read) = home.environments.release(now.id).await? {
            now = read;
        }
        if now.wish.is_none() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    shown(ctx, &id, &now, &listen)
}

fn shown(
    ctx: &Context,
    id: &modelyard_core::deploy::EnvironmentId,
    release: &modelyard_core::deploy::Release,
    listen: &str,
) -> Result<ExitCode> {
    conduct::show(ctx, id, release, listen);
    Ok(ExitCode::SUCCESS)
}
