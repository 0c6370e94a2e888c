//! Beginning a deployment or a release, and carrying it through where nobody else does.

use std::process::ExitCode;

use modelyard_core::deploy::{Environment, EnvironmentId, ReleaseKind, ReleaseStatus, StrategyKind};
use modelyard_core::model::ModelRef;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::deploy::apply::applied;
use modelyard_lifecycle::deploy::environments;
use modelyard_lifecycle::deploy::release::{self, Asked, Begun};
use serde_json::json;

use crate::cli::conduct::{self, Conduct};
use crate::cli::{Context, apply, print, replicas, session};

pub(in crate::cli) struct Wanted<'a> {
    pub(in crate::cli) environment: &'a str,
    pub(in crate::cli) model: Option<ModelRef>,
    pub(in crate::cli) kind: ReleaseKind,
    pub(in crate::cli) strategy: Option<StrategyKind>,
    pub(in crate::cli) wait: bool,
}

pub(in crate::cli) async fn run(wanted: Wanted<'_>, ctx: &Context) -> Result<ExitCode> {
    // Of another project what it applied itself counts; of this one what the file says, which is applied
    // once nothing speaks against the release.
    let (conduct, proposal) = if wanted.environment.contains('/') {
        (Conduct::new(ctx, wanted.environment).await?, None)
    } else {
        let (home, proposal) = apply::proposed(ctx).await?;
        let id = EnvironmentId { project: proposal.project.clone(), name: wanted.environment.to_owned() };
        (Conduct::of(ctx, home, id).await?, Some(proposal))
    };
    let (home, id) = (&conduct.home, &conduct.id);
    let (environment, holds) = match &proposal {
        Some(proposal) => (proposal.environment(id)?.clone(), proposal.model().to_owned()),
        None => (environments::find(home, id).await?, applied(home, &id.project).await?.model),
    };
    needs_no_server(&conduct, &wanted, &environment)?;
    let version = release::wanted_version(home, id, &holds, wanted.model.as_ref()).await?;
    let machine = conduct::machine(home, version.runtime == "onnx").await?;
    release::allowed(home, &environment, &version, machine, ctx.clock.now()).await?;
    if let Some(proposal) = &proposal {
        apply::as_needed(home, proposal, ctx).await?;
        if !conduct.has_server() {
            replicas::end_removed(home, &proposal.project, ctx).await?;
        }
    }
    let listen = environment.spec.listen.clone();
    let asked = Asked {
        environment: conduct.id.clone(),
        model: wanted.model,
        kind: wanted.kind,
        strategy: wanted.strategy,
        cause: "asked for".to_owned(),
    };
    let begun = release::begin(&conduct.home, &*ctx.clock, machine, &asked, &session::actor()).await?;
    let mut release = match begun {
        Begun::Release(release) => release,
        Begun::Already(version) => {
            let title = format!("{}@{}", version.name, version.number);
            if ctx.json {
                print::json(&json!({ "release": null, "serves": title, "listen": listen }));
            } else if !ctx.quiet {
                print::result(format!("{title} serves {} already.", conduct.id.name));
            }
            return Ok(ExitCode::SUCCESS);
        }
    };
    let id = conduct.id.clone();
    if conduct.has_server() && !wanted.wait {
        if release::missing(&conduct.home, &environment, &release).await?.is_none() {
            // The server goes on with it in a moment.
            release.status = ReleaseStatus::Loading;
        }
        conduct::show(ctx, &id, &release, &listen);
        return Ok(ExitCode::SUCCESS);
    }
    let ended = conduct.follow(release.id, wanted.wait).await?;
    conduct::show(ctx, &id, &ended, &listen);
    debug_assert!(!matches!(ended.status, ReleaseStatus::Failed | ReleaseStatus::RolledBack));
    Ok(ExitCode::SUCCESS)
}

/// A strategy that goes on over time is not begun where nobody would go on with it.
fn needs_no_server(conduct: &Conduct<'_>, wanted: &Wanted<'_>, environment: &Environment) -> Result<()> {
    if conduct.has_server() || wanted.kind == ReleaseKind::Deploy {
        return Ok(());
    }
    let kind = wanted.strategy.unwrap_or(environment.spec.strategy.kind);
    if !release::needs_a_server(environment, kind) {
        return Ok(());
    }
    let name = &conduct.id.name;
    Err(Fault::new(
        Kind::Release,
        format!(
            "cannot begin a {} release to `{name}`: no server runs that would go on with it",
            kind.as_str()
        ),
    )
    .hint("start `modelyard server` in another terminal, or release with --strategy all-at-once"))
}
