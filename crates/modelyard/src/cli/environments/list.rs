//! `modelyard environments list`.

use std::process::ExitCode;
use std::time::Duration;

use modelyard_core::Result;
use modelyard_core::audit::AuditFilter;
use modelyard_core::deploy::Role;
use modelyard_core::ports::Home;
use modelyard_lifecycle::deploy::environments::{self, Condition, Listed};
use modelyard_lifecycle::deploy::reconcile::alone;
use serde_json::json;

use crate::cli::table::{Column, Table};
use crate::cli::{Context, print, session};

/// What was changed may take so long until replicas say so.
const BEGINS: Duration = Duration::from_secs(15);

/// List the environments of all projects on this home
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_: Args, ctx: &Context) -> Result<ExitCode> {
    let home = session::existing(ctx, &session::home_folder(ctx)?).await?;
    let listed = environments::list(&home, None, ctx.clock.now()).await?;
    if ctx.json {
        print::json(&json!(listed));
        return Ok(ExitCode::SUCCESS);
    }
    if listed.is_empty() {
        print::result("No environments yet.");
        if !ctx.quiet {
            print::remark("next: declare [environments.NAME] in modelyard.toml, then `modelyard apply`");
        }
        return Ok(ExitCode::SUCCESS);
    }
    print::result(table(&listed));
    for environment in &listed {
        if let Some(remark) = remark(&home, environment, ctx).await? {
            print::result(remark);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Of an environment whose replicas do not answer, or not where its settings say: whose turn it is.
pub(super) async fn remark(home: &Home, of: &Listed, ctx: &Context) -> Result<Option<String>> {
    let name = &of.name;
    let what = match (&of.wants, of.condition) {
        (Some(wants), _) => format!("{name} wants {wants}, which it has not got"),
        (None, Condition::Down) => format!("{name} has no replica that reports"),
        _ => return Ok(None),
    };
    if !alone::is_watched(home).await? {
        return Ok(Some(format!("{what}: no server runs that would see to it (modelyard server)")));
    }
    // What was applied or started a moment ago takes that moment.
    let last = AuditFilter {
        subjects: vec![format!("{}/{name}", of.project)],
        limit: Some(1),
        ..AuditFilter::default()
    };
    let changed = home.audit.list(&last).await?.first().map(|entry| entry.at);
    let is_new = changed.is_some_and(|at| ctx.clock.now().micros() - at.micros() < BEGINS.as_micros() as i64);
    Ok(Some(match is_new {
        true => format!("{what} yet: the server is at it"),
        false => format!("{what}: the server's log says why"),
    }))
}

fn table(listed: &[Listed]) -> String {
    let mut table = Table::new([
        Column::left("environment", Column::KEEP),
        Column::left("serves", Column::KEEP),
        Column::left("", 8),
        Column::left("at", 7),
        Column::left("release", 6),
        Column::left("replicas", 4),
    ]);
    for environment in listed {
        let several = environment.versions.len() > 1;
        let serves: Vec<String> = environment
            .versions
            .iter()
            .map(|version| {
                let name = format!("{}@{}", version.model, version.version);
                if version.role == Role::Shadow {
                    format!("{name} (shadow)")
                } else if several {
                    format!("{name} {} %", crate::cli::text::number(version.weight * 100.0))
                } else {
                    name
                }
            })
            .collect();
        let mut condition = environment.condition.as_str().to_owned();
        if environment.frozen {
            condition.push_str(", frozen");
        }
        table.row([
            format!("{}/{}", environment.project, environment.name),
            serves.join(", "),
            condition,
            environment.listen.clone(),
            environment.release.clone().unwrap_or_default(),
            format!("{}/{}", environment.replicas_ready, environment.replicas),
        ]);
    }
    table.text()
}
