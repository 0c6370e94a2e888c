//! `modelyard data profile`: the statistics of a data version, a column a line.

use std::process::ExitCode;

use modelyard_core::data::{ColumnProfile, Profile};
use modelyard_core::fault::Attempt;
use modelyard_core::table::{DataType, date_text};
use modelyard_core::{Fault, Kind, Result, Timestamp};
use serde_json::json;

use super::super::table::{Column, Table};
use super::super::{Context, place, print, text};

/// Place of the quantile at 5, 50 and 95 % among those of a profile.
const SHOWN: [usize; 3] = [1, 3, 5];
/// Frequent values on a line.
const TOP: usize = 3;

/// Show the statistics of a data version's columns
#[derive(clap::Args)]
pub(super) struct Args {
    /// NAME (the newest) or NAME@NUMBER [default: the only data set]
    #[arg(value_name = "DATA")]
    what: Option<String>,
}

pub(super) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let place = place::open(ctx).await?;
    let version = super::find(&place, args.what.as_deref()).await?;
    let title = format!("{}@{}", version.data.name, version.number);
    let bytes = place.home.blobs.get(version.data.profile).await?.ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("the profile of {title} is not in the home any more"))
    })?;
    let profile: Profile = serde_json::from_slice(&bytes)
        .attempt(Kind::Store, || format!("cannot read the profile of {title}"))?;
    if ctx.json {
        print::json(&json!(profile));
    } else {
        print::result(format!("{title}   {}\n\n{}", text::plural(profile.rows, "row"), shown(&profile)));
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(profile: &Profile) -> String {
    let mut numbers = measured("number");
    let mut times = measured("time");
    let mut others = Table::new([
        Column::left("other", Column::KEEP),
        Column::left("type", 7),
        Column::right("missing", 9),
        Column::right("distinct", 8),
        Column::left("most frequent", 6),
    ]);
    for column in &profile.columns {
        let mut cells = vec![
            column.name.clone(),
            column.data_type.name().to_owned(),
            missing(column, profile.rows),
            text::count(column.distinct),
        ];
        let Some(found) = &column.numbers else {
            cells.push(frequent(column, profile.rows));
            others.row(cells);
            continue;
        };
        let value = |value: f64| value_text(value, column.data_type);
        let [low, median, high] =
            SHOWN.map(|place| found.quantiles.get(place).map(|found| value(*found)).unwrap_or_default());
        cells.extend([value(found.min), low, median, high, value(found.max)]);
        // The mean of instants says little, and their spread is no instant.
        if matches!(column.data_type, DataType::Timestamp | DataType::Date) {
            times.row(cells);
        } else {
            cells.extend([text::number(found.mean), text::number(found.standard_deviation)]);
            numbers.row(cells);
        }
    }
    let tables = [numbers.text(), times.text(), others.text()];
    tables.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// A table of columns that have a least and a greatest value.
fn measured(title: &str) -> Table {
    Table::new([
        Column::left(title, Column::KEEP),
        Column::left("type", 2),
        Column::right("missing", 9),
        Column::right("distinct", 3),
        Column::right("min", 7),
        Column::right("5 %", 4),
        Column::right("median", 8),
        Column::right("95 %", 4),
        Column::right("max", 7),
        Column::right("mean", 6),
        Column::right("std", 5),
    ])
}

fn missing(column: &ColumnProfile, rows: u64) -> String {
    match column.nulls {
        0 => "–".to_owned(),
        nulls => share(nulls, rows),
    }
}

/// `12 %`, with a decimal below ten.
fn share(count: u64, of: u64) -> String {
    let share = 100.0 * count as f64 / of.max(1) as f64;
    if share < 0.05 {
        return "<0.1 %".to_owned();
    }
    let places = usize::from(share < 9.95);
    format!("{share:.places$} %")
}

/// Times and dates as such: a profile counts them in microseconds and days.
fn value_text(value: f64, data_type: DataType) -> String {
    match data_type {
        DataType::Date => date_text(value as i32),
        DataType::Timestamp => {
            let text = Timestamp::from_micros(value as i64).to_string();
            text.get(..16).map(|minute| minute.replace('T', " ")).unwrap_or(text)
        }
        _ => text::number(value),
    }
}

/// `EWR 35 %, JFK 33 %, LGA 32 %`.
fn frequent(column: &ColumnProfile, rows: u64) -> String {
    let words: Vec<_> = column
        .top
        .iter()
        .take(TOP)
        .map(|top| {
            let value = if top.value.chars().count() > 14 {
                top.value.chars().take(13).chain(['…']).collect()
            } else {
                top.value.clone()
            };
            format!("{value} {}", share(top.count, rows))
        })
        .collect();
    words.join(", ")
}
