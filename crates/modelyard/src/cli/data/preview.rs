//! `modelyard data preview`: what the SQL of a data set yields on a sample. Nothing is kept.

use std::process::ExitCode;

use modelyard_core::config::Make;
use modelyard_core::fault::Attempt;
use modelyard_core::table::Table as Rows;
use modelyard_core::{Fault, Kind, Result};
use modelyard_data::{Ingest, Preview};
use serde_json::{Map, Value, json};

use super::super::table::{Column, Table};
use super::super::{Context, print, text};
use crate::config;

/// Rows that are shown.
const SHOWN: usize = 10;

/// Run a data set's SQL on a sample of its sources, and keep nothing
#[derive(clap::Args)]
pub(super) struct Args {
    /// The data set [default: the only one]
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// How many rows are taken from each source file
    #[arg(long, value_name = "N", default_value_t = 1000)]
    rows: usize,
}

pub(super) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let loaded = config::load(&config::locate(ctx.project.as_deref())?)?;
    let known: Vec<String> = loaded.project.data.keys().cloned().collect();
    let name = match (&args.name, known.as_slice()) {
        (Some(name), _) if known.contains(name) => name.clone(),
        (Some(name), _) => return Err(super::ingest::unknown_data_set(name, &known)),
        (None, [only]) => only.clone(),
        (None, _) => {
            return Err(Fault::new(Kind::Usage, "the project has several data sets")
                .hint(format!("name one of {}", known.join(", "))));
        }
    };
    if let Make::Run(_) = &loaded.project.data[&name].make {
        return Err(Fault::new(
            Kind::Usage,
            format!("`{name}` is made by a command, which runs on whole sources alone"),
        )
        .hint(format!("modelyard data ingest {name}")));
    }
    let root = loaded.root.clone();
    let previewed = name.clone();
    let preview = tokio::task::spawn_blocking(move || {
        let request = Ingest {
            name: &previewed,
            root: &root,
            dataset: &loaded.project.data[&previewed],
            target: None,
            previous: None,
            table: None,
        };
        modelyard_data::preview(&request, args.rows)
    })
    .await
    .attempt(Kind::Internal, || format!("the preview of `{name}` was cut short"))??;
    if ctx.json {
        print::json(&document(&name, &preview));
    } else {
        print::result(shown(&name, &preview, args.rows));
    }
    Ok(ExitCode::SUCCESS)
}

fn document(name: &str, preview: &Preview) -> Value {
    let rows: Vec<Value> = (0..preview.rows.rows())
        .map(|row| {
            let cells = preview.rows.columns().map(|(name, column)| (name.to_owned(), column.json(row)));
            Value::Object(cells.collect::<Map<_, _>>())
        })
        .collect();
    json!({
        "name": name,
        "schema": preview.schema,
        "rows": rows,
        "losses": preview.losses,
        "remarks": preview.remarks,
    })
}

fn shown(name: &str, preview: &Preview, sample: usize) -> String {
    let rows = &preview.rows;
    let mut lines = vec![format!(
        "{name}   {}, {}; a sample, nothing was kept\n  at most {} of each source file",
        text::plural(rows.rows() as u64, "row"),
        text::plural(preview.schema.len() as u64, "column"),
        text::plural(sample as u64, "row"),
    )];
    lines.push(format!("\n{}", table(rows)));
    let more = rows.rows().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!("and {} more; all of them with --json", text::plural(more as u64, "row")));
    }
    let types: Vec<_> =
        preview.schema.iter().map(|field| format!("{} {}", field.name, field.data_type.name())).collect();
    lines.push(format!("\ntypes: {}", types.join(", ")));
    lines.extend(preview.remarks.iter().map(|remark| format!("remark: {remark}")));
    lines.join("\n")
}

/// The first rows; of many columns the first ones.
fn table(rows: &Rows) -> String {
    let columns = rows.columns().zip((1..Column::KEEP).rev().chain(std::iter::repeat(0)));
    let mut table = Table::new(columns.map(|((name, column), importance)| {
        use modelyard_core::table::DataType::{Float, Int};
        match column.data_type() {
            Int | Float => Column::right(name, importance),
            _ => Column::left(name, importance),
        }
    }));
    for row in 0..rows.rows().min(SHOWN) {
        table.row(rows.columns().map(|(_, column)| column.text(row).unwrap_or_else(|| "–".to_owned())));
    }
    table.text()
}
