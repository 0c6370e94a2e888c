//! `modelyard predictions query`: SQL over the inference log.

use std::process::ExitCode;

use modelyard_core::table::{DataType, Table as Rows};
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::deploy::environments;
use modelyard_lifecycle::monitor::query;
use serde_json::{Map, Value};

use crate::cli::table::{Column, Table};
use crate::cli::{Context, moment, print, session, text};

/// Rows that are shown on a screen.
const SHOWN: usize = 100;

/// Ask the inference log with SQL: tables `predictions`, `labels` and `figures`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// One query, as `select status, count(*) from predictions group by status`
    #[arg(value_name = "SQL")]
    sql: String,
    /// The environment whose log it is, NAME or PROJECT/NAME
    #[arg(long, value_name = "ENVIRONMENT", default_value = "production")]
    environment: String,
    /// Requests that came from then on alone: a moment, `2026-11-24 10:05` or `2h ago`
    #[arg(long, value_name = "WHEN")]
    from: Option<String>,
    /// Requests that came before then alone
    #[arg(long, value_name = "WHEN")]
    to: Option<String>,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let (home, id) = session::environment(ctx, &args.environment).await?;
    environments::find(&home, &id).await?;
    let now = ctx.clock.now();
    let read = |text: Option<String>| {
        text.map(|text| moment::parse(&text, now))
            .transpose()
            .map_err(|wanted| Fault::new(Kind::Usage, wanted))
    };
    let answer = query::query(&home, &id, &args.sql, read(args.from)?, read(args.to)?).await?;
    if !ctx.quiet {
        for fault in &answer.damaged {
            print::remark(format!("remark: {}", fault.report()));
        }
    }
    if ctx.json {
        print::json(&document(&answer.rows));
        return Ok(ExitCode::SUCCESS);
    }
    print::result(table(&answer.rows));
    let more = answer.rows.rows().saturating_sub(SHOWN);
    if more > 0 && !ctx.quiet {
        print::remark(format!("and {} more; all of them with --json", text::plural(more as u64, "row")));
    }
    Ok(ExitCode::SUCCESS)
}

/// A list of objects, a row each.
fn document(rows: &Rows) -> Value {
    let object = |row: usize| {
        let cells = rows.columns().map(|(name, column)| (name.to_owned(), column.json(row)));
        Value::Object(cells.collect::<Map<_, _>>())
    };
    (0..rows.rows()).map(object).collect()
}

fn table(rows: &Rows) -> String {
    let columns = rows.columns().zip((1..Column::KEEP).rev().chain(std::iter::repeat(0)));
    let mut table = Table::new(columns.map(|((name, column), importance)| match column.data_type() {
        DataType::Int | DataType::Float => Column::right(name, importance),
        _ => Column::left(name, importance),
    }));
    for row in 0..rows.rows().min(SHOWN) {
        table.row(rows.columns().map(|(_, column)| column.text(row).unwrap_or_else(|| "–".to_owned())));
    }
    table.text()
}
