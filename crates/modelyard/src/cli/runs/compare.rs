//! `modelyard runs compare`: several runs side by side.

use std::process::ExitCode;

use modelyard_core::{Fault, Kind, Result};
use modelyard_track::runs::{self, Comparison, Row};
use serde_json::{Value, json};

use super::super::place;
use super::super::table::{Column, Table};
use super::super::{Context, print, text};

/// Show runs side by side: parameters, metrics, data, code
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Ids or their beginnings, steps, or NAME@VERSION; at least two
    #[arg(value_name = "RUN", required = true, num_args = 2..)]
    runs: Vec<String>,
    /// What is the same in all, too
    #[arg(long, short)]
    all: bool,
}

pub(super) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let place = place::open(ctx).await?;
    let mut found: Vec<modelyard_core::run::Run> = Vec::new();
    for what in &args.runs {
        let run = place.run(Some(what)).await?;
        if found.iter().any(|other| other.id == run.id) {
            return Err(Fault::new(Kind::Usage, format!("`{what}` is the run {} once more", run.id))
                .hint("name runs that differ: `modelyard runs list`"));
        }
        found.push(run);
    }
    let comparison = runs::compare(&place.home, &found).await?;
    if ctx.json {
        print::json(&json!(comparison));
    } else {
        print::result(shown(&comparison, args.all));
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(comparison: &Comparison, all: bool) -> String {
    let mut lines: Vec<_> = comparison
        .runs
        .iter()
        .zip(1..)
        .map(|(run, number)| {
            format!("{number}  {}  {} {}", run.id, run.name, text::status(run.status)).trim_end().to_owned()
        })
        .collect();
    let parts = [
        ("params", &comparison.params),
        ("metrics", &comparison.metrics),
        ("data", &comparison.data),
        ("origin", &comparison.origin),
    ];
    for (title, rows) in parts {
        let mut columns = vec![Column::left(title, Column::KEEP)];
        // Of many runs those named first are shown, the others are in the JSON document.
        columns.extend(
            (1..=comparison.runs.len())
                .map(|number| Column::right(number.to_string(), Column::KEEP - number.min(200) as u8)),
        );
        let mut table = Table::new(columns);
        for row in rows.iter().filter(|row| all || row.differs) {
            let cells = row.values.iter().map(|value| cell(title, row, value));
            table.row([row.name.clone()].into_iter().chain(cells));
        }
        let text = table.text();
        if !text.is_empty() {
            lines.push(format!("\n{text}"));
        }
    }
    if !all && comparison.differences().next().is_none() {
        lines.push("\nThey differ in nothing that was recorded.".to_owned());
    }
    lines.join("\n")
}

fn cell(part: &str, row: &Row, value: &Value) -> String {
    match (part, value) {
        (_, Value::Null) => "–".to_owned(),
        ("metrics", value) => value.as_f64().map_or_else(|| text::value(value), text::score),
        ("data" | "origin", Value::String(id)) if row.name != "command" => short(id),
        (_, value) => {
            let whole = text::value(value);
            if whole.chars().count() <= 24 { whole } else { whole.chars().take(23).chain(['…']).collect() }
        }
    }
}

/// Digests and commits by their first eight digits; names as they are.
pub(crate) fn short(id: &str) -> String {
    let (digits, rest) = id.split_at(id.find(',').unwrap_or(id.len()));
    match digits.len() >= 40 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        true => format!("{}{rest}", &digits[..8]),
        false => id.to_owned(),
    }
}
