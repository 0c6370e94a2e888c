//! `modelyard environments list`.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::deploy::Role;
use modelyard_lifecycle::deploy::environments::{self, Listed};
use serde_json::json;

use crate::cli::table::{Column, Table};
use crate::cli::{Context, print, session};

/// List the environments of all projects on this home
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_: Args, ctx: &Context) -> Result<ExitCode> {
    let home = session::home(ctx).await?;
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
        if let Some(wants) = &environment.wants {
            print::result(elsewhere(&environment.name, wants));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Of an environment whose replicas do not answer where its settings say.
pub(super) fn elsewhere(name: &str, wants: &str) -> String {
    format!("{name} wants {wants}, which it has not got: the server's log says why")
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
