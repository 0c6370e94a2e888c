//! `modelyard environments show`.

use std::process::ExitCode;

use modelyard_core::deploy::Phase;
use modelyard_core::fault::Attempt;
use modelyard_core::{Kind, Result};
use modelyard_lifecycle::deploy::environments::{self, Shown};
use serde_json::{Value, json};

use super::list::remark;
use crate::cli::table::{Column, Table};
use crate::cli::{Context, print, session, settings, text};

/// Show what an environment serves, by which rules, and its replicas
#[derive(clap::Args)]
pub(crate) struct Args {
    /// NAME, or PROJECT/NAME
    environment: String,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let (home, id) = session::environment(ctx, &args.environment).await?;
    let shown = environments::show(&home, &id, ctx.clock.now()).await?;
    if ctx.json {
        print::json(&json!(shown));
        return Ok(ExitCode::SUCCESS);
    }
    let listed = &shown.listed;
    let mut head = format!("{id}: {}", listed.condition.as_str());
    if let Some(url) = shown.url.as_ref().filter(|_| listed.replicas_ready > 0) {
        head = format!("{head}, answers at {url}");
    }
    print::result(head);
    if let Some(remark) = remark(&home, listed, ctx).await? {
        print::result(remark);
    }
    if let Some(freeze) = &shown.freeze {
        let until = freeze.until.map(|until| format!(" until {until}")).unwrap_or_default();
        print::result(format!("frozen by {}{until}", freeze.by));
    }
    if let Some(release) = &listed.release {
        print::result(format!("release under way: {release}"));
    }
    section("versions", &versions(&shown));
    section("replicas", &replicas(&shown, ctx));
    section("rules", &rules(&shown.settings)?);
    Ok(ExitCode::SUCCESS)
}

fn section(title: &str, text: &str) {
    if !text.is_empty() {
        print::result(format!("\n{title}"));
        for line in text.lines() {
            print::result(format!("  {line}"));
        }
    }
}

fn versions(shown: &Shown) -> String {
    let mut table = Table::new([
        Column::left("", Column::KEEP),
        Column::left("", Column::KEEP),
        Column::left("", 5),
        Column::right("share", 6),
    ]);
    for version in &shown.placed {
        let share = match version.phase {
            Phase::Serve => format!("{} %", text::number(version.weight * 100.0)),
            _ => String::new(),
        };
        let name = format!("{}@{}", version.model, version.version);
        table.row([name.as_str(), version.role.as_str(), version.phase.as_str(), share.as_str()]);
    }
    table.text()
}

fn replicas(shown: &Shown, ctx: &Context) -> String {
    let mut table = Table::new([
        Column::right("", Column::KEEP),
        Column::left("", 8),
        Column::left("pid", 5),
        Column::right("requests", 6),
        Column::right("failed", 6),
        Column::right("memory", 4),
        Column::left("reported", 3),
    ]);
    for instance in &shown.instances {
        table.row([
            instance.replica.to_string(),
            if instance.live { "live" } else { "gone" }.to_owned(),
            instance.pid.to_string(),
            text::count(instance.requests),
            text::count(instance.failed_requests),
            text::bytes(instance.memory_bytes),
            text::when(instance.reported_at, ctx.clock.now()),
        ]);
    }
    let mut lines = table.text();
    for instance in &shown.instances {
        for (package, reason) in &instance.failed {
            lines.push_str(&format!("\nreplica {} could not take in {package}: {reason}", instance.replica));
        }
    }
    lines
}

/// As they stand in `modelyard.toml`.
fn rules(settings: &Value) -> Result<String> {
    let spec = serde_json::from_value(settings.clone())
        .attempt(Kind::Internal, || "cannot read the environment's settings".to_owned())?;
    let mut table = Table::new([Column::left("", Column::KEEP), Column::left("", Column::KEEP)]);
    for (key, value) in settings::lines(&spec) {
        table.row([key, format!("= {value}")]);
    }
    Ok(table.text())
}
