//! `modelyard data list`: every version of every data set.

use std::process::ExitCode;

use modelyard_core::Result;
use serde_json::json;

use super::super::table::{Column, Table};
use super::super::{Context, place, print, text};

/// List data versions, the newest first
#[derive(clap::Args)]
pub(super) struct Args {
    /// Of this data set alone
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(super) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let place = place::open(ctx).await?;
    let project = place.project()?;
    let versions = place.home.data.list(project, args.name.as_deref()).await?;
    if ctx.json {
        let documents: Vec<_> = versions
            .iter()
            .map(|version| {
                json!({
                    "name": version.data.name,
                    "number": version.number,
                    "digest": version.data.digest,
                    "rows": version.data.rows,
                    "columns": version.data.schema.len(),
                    "sources": version.data.sources.len(),
                    "split": version.data.split.iter().map(|(part, content)| (part.name(), content.rows)).collect::<std::collections::BTreeMap<_, _>>(),
                    "created_at": version.created_at,
                })
            })
            .collect();
        print::json(&json!(documents));
        return Ok(ExitCode::SUCCESS);
    }
    if versions.is_empty() {
        let of = args.name.map(|name| format!(" of `{name}`")).unwrap_or_default();
        print::result(format!("No data{of} was ingested yet.\nnext: modelyard data ingest"));
        return Ok(ExitCode::SUCCESS);
    }
    let now = ctx.clock.now();
    let mut table = Table::new([
        Column::left("data", Column::KEEP),
        Column::right("rows", 9),
        Column::right("columns", 5),
        Column::right("sources", 4),
        Column::left("train / validation / test", 6),
        Column::left("made", 7),
        Column::left("digest", 3),
    ]);
    for version in &versions {
        let data = &version.data;
        let parts: Vec<_> = modelyard_core::data::Part::ALL
            .iter()
            .map(|part| data.split.get(part).map_or("–".to_owned(), |content| text::count(content.rows)))
            .collect();
        table.row([
            format!("{}@{}", data.name, version.number),
            text::count(data.rows),
            data.schema.len().to_string(),
            data.sources.len().to_string(),
            parts.join(" / "),
            text::when(version.created_at, now),
            data.digest.short(),
        ]);
    }
    print::result(table.text());
    Ok(ExitCode::SUCCESS)
}
