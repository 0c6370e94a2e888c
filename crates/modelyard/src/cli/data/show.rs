//! `modelyard data show`: what a data version is made of.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::data::NumberedVersion;
use serde_json::json;

use super::super::table::{Column, Table};
use super::super::{Context, place, print, text};

/// Show a data version: columns, split, sources, rows lost
#[derive(clap::Args)]
pub(super) struct Args {
    /// NAME (the newest) or NAME@NUMBER [default: the only data set]
    #[arg(value_name = "DATA")]
    what: Option<String>,
}

pub(super) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let place = place::open(ctx).await?;
    let version = super::find(&place, args.what.as_deref()).await?;
    if ctx.json {
        print::json(&json!(version));
    } else {
        print::result(shown(&version, ctx));
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(version: &NumberedVersion, ctx: &Context) -> String {
    let data = &version.data;
    let title = format!("{}@{}", data.name, version.number);
    let mut lines = vec![format!(
        "{title}   {}, {}, made {}",
        text::plural(data.rows, "row"),
        text::plural(data.schema.len() as u64, "column"),
        text::when(version.created_at, ctx.clock.now())
    )];
    lines.push(format!("  digest     {}", data.digest.short()));
    for (part, content) in &data.split {
        lines.push(format!("  {:<10} {}", part.name(), text::plural(content.rows, "row")));
    }
    for loss in &data.losses {
        let (what, count) = if loss.rows_out > loss.rows_in {
            ("added", loss.rows_out - loss.rows_in)
        } else {
            ("lost", loss.rows_in - loss.rows_out)
        };
        lines.push(format!(
            "  {:<10} {} on {} {what} {}",
            "rows",
            loss.operation,
            loss.on,
            text::plural(count, "row")
        ));
    }
    for remark in &data.remarks {
        lines.push(format!("  {:<10} {remark}", "remark"));
    }
    let mut sources = Table::new([
        Column::left("source", Column::KEEP),
        Column::right("rows", 8),
        Column::right("files", 7),
        Column::right("size", 6),
        Column::left("path", 5),
    ]);
    for source in &data.sources {
        sources.row([
            source.name.clone(),
            text::count(source.rows),
            text::count(source.files.len() as u64),
            text::bytes(source.files.iter().map(|file| file.size_bytes).sum()),
            source.path.clone(),
        ]);
    }
    let mut columns = Table::new([
        Column::left("column", Column::KEEP),
        Column::left("type", 9),
        Column::left("", 8),
        Column::left("role", 7),
    ]);
    for field in &data.schema {
        let roles = &data.roles;
        let role = [
            (roles.id.as_deref() == Some(&field.name), "id"),
            (roles.time.as_deref() == Some(&field.name), "time"),
            (roles.private.contains(&field.name), "private"),
        ];
        let role: Vec<_> = role.into_iter().filter(|(is, _)| *is).map(|(_, role)| role).collect();
        let nullable = if field.nullable { "may be missing" } else { "" };
        columns.row([field.name.as_str(), field.data_type.name(), nullable, &role.join(", ")]);
    }
    lines.push(format!("\n{}", sources.text()));
    lines.push(format!("\n{}", columns.text()));
    if !ctx.quiet {
        lines.push(format!("\nnext: modelyard data profile {title}"));
    }
    lines.join("\n")
}
