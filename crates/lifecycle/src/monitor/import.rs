//! Labels of a file: by the ids of predictions, or by what the rows themselves are called, the roles `id` and `time`.

use std::collections::HashMap;
use std::path::Path;

use modelyard_core::data::Roles;
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::monitor::log::stored_name;
use modelyard_core::monitor::{Added, NewLabel};
use modelyard_core::ports::Home;
use modelyard_core::table::{Column, Table};
use modelyard_core::{Clock, Fault, Kind, Result, Timestamp};
use modelyard_data::read_table;
use serde_json::Value;

use super::feedback::{Kept, Known, Truth};
use super::rows::{By, Rows, Wanted, instant};

/// Labels of one transaction.
const AT_ONCE: usize = 20_000;

/// Where the label and what it belongs to stand.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    pub label: Option<String>,
    pub id: Option<String>,
    pub target: Option<String>,
    pub roles: Roles,
}

/// A file that was read: each label with what tells its prediction.
pub struct FileRead {
    labels: Vec<(Whose, Value)>,
    /// Columns that tell it.
    roles: Roles,
}

enum Whose {
    Prediction(String),
    Row(RowKey),
}

/// Text of the role `id`, and the instant of the role `time`, where there is one.
type RowKey = (String, Option<i64>);

/// What became of a file.
#[derive(Clone, Copy, Debug)]
pub struct Imported {
    pub rows: u64,
    pub kept: Kept,
    /// Rows without a prediction that they could be the label of: left out.
    pub without: u64,
}

/// Reads `file`; rows with an empty label say nothing and are passed over.
///
/// # Errors
/// If columns are missing, or a label is none of the model's: with its row. Nothing is kept then.
pub fn read(file: &Path, columns: &Columns, truth: &Truth) -> Result<FileRead> {
    let table = read_table(file, None)?;
    let names = table.names();
    let has = |name: &&str| names.iter().any(|known| known == name);
    let cannot =
        |message: String| Fault::new(Kind::Data, format!("cannot import `{}`: {message}", file.display()));
    let label = match &columns.label {
        Some(name) => Some(name.as_str()),
        None => ["label"].into_iter().chain(columns.target.as_deref()).find(has),
    };
    let label = label.filter(|name| has(name)).ok_or_else(|| {
        cannot(match &columns.label {
            Some(name) => format!("it has no column `{name}`"),
            None => "it has no column with labels".to_owned(),
        })
        .hint(format!("name it with --label; there are {}", names.join(", ")))
    })?;
    let whose = whose(&table, columns).ok_or_else(|| {
        cannot("nothing in it says whose labels they are".to_owned()).hint(
            "it needs a column `prediction_id` (or another, named with --id), or those with the data set's roles `id` and `time`",
        )
    })?;
    let values = table.column(label).unwrap_or(&Column::String(Vec::new())).clone();
    let mut labels = Vec::with_capacity(table.rows());
    for (row, whose) in (0..table.rows()).zip(whose) {
        let value = values.json(row);
        if value.is_null() {
            continue;
        }
        let whose = whose.ok_or_else(|| cannot(format!("row {} does not say whose label it is", row + 1)))?;
        let value = truth.read(&value).map_err(|message| {
            cannot(format!("row {}, column `{label}`: {message}", row + 1)).hint("nothing was imported")
        })?;
        labels.push((whose, value));
    }
    Ok(FileRead { labels, roles: columns.roles.clone() })
}

/// Whose label each row holds; `None` where no column tells.
fn whose(table: &Table, columns: &Columns) -> Option<Vec<Option<Whose>>> {
    let rows = 0..table.rows();
    if let Some(ids) = table.column(columns.id.as_deref().unwrap_or("prediction_id")) {
        return Some(rows.map(|row| ids.text(row).map(Whose::Prediction)).collect());
    }
    let ids = table.column(columns.roles.id.as_deref()?)?;
    let times = columns.roles.time.as_deref().map(|time| table.column(time));
    // A row is told by both where it has both.
    let times = match times {
        Some(times) => Some(times?),
        None => None,
    };
    Some(
        rows.map(|row| Some(Whose::Row((ids.text(row)?, times.and_then(|times| instant(times, row))))))
            .collect(),
    )
}

/// Keeps what was read as labels of `environment`.
///
/// # Errors
/// If a row happens in the future, or the home can't be read or written. What was kept before stays: the same file
/// may be imported again.
pub async fn keep(
    home: &Home,
    environment: &EnvironmentId,
    read: FileRead,
    clock: &dyn Clock,
) -> Result<Imported> {
    let now = clock.now().micros();
    let times = read.labels.iter().filter_map(|(whose, _)| match whose {
        Whose::Row((_, time)) => *time,
        Whose::Prediction(_) => None,
    });
    if let Some(future) = times.into_iter().find(|time| *time > now) {
        let at = Timestamp::from_micros(future);
        return Err(Fault::new(Kind::Data, format!("cannot import labels of {at}: it lies in the future"))
            .hint("nobody knows by now what will be: look at the file's column of times"));
    }
    let rows = read.labels.len() as u64;
    let by_row = match read.labels.iter().any(|(whose, _)| matches!(whose, Whose::Row(_))) {
        true => predictions(home, environment, &read.roles).await?,
        false => HashMap::new(),
    };
    let mut without = 0;
    let mut labels = Vec::with_capacity(read.labels.len());
    for (whose, label) in read.labels {
        match whose {
            Whose::Prediction(id) => labels.push(NewLabel { id, label }),
            Whose::Row(key) => match by_row.get(&key) {
                Some(id) => labels.push(NewLabel { id: id.clone(), label }),
                None => without += 1,
            },
        }
    }
    let known = Known::new(home, environment, None);
    let ids: Vec<String> = labels.iter().map(|label| label.id.clone()).collect();
    let mut added = Vec::with_capacity(labels.len());
    for some in labels.chunks(AT_ONCE) {
        added.extend(home.labels.add_labels(environment, some, clock.now()).await?);
    }
    let labels: Added = added.into_iter().collect();
    let unknown = known.unknown(&ids).await?;
    Ok(Imported { rows, kept: Kept { labels, unknown, figures: 0 }, without })
}

/// The first prediction of each row that the log has.
async fn predictions(
    home: &Home,
    environment: &EnvironmentId,
    roles: &Roles,
) -> Result<HashMap<RowKey, String>> {
    let id = stored_name(roles.id.as_deref().unwrap_or_default()).into_owned();
    let time = roles.time.as_deref().map(|time| stored_name(time).into_owned());
    let columns = ["prediction_id".to_owned(), id.clone()].into_iter().chain(time.clone());
    let wanted = Wanted {
        by: By::Arrival,
        from: Timestamp::from_micros(i64::MIN / 2),
        to: Timestamp::from_micros(i64::MAX / 2),
        columns: Some(columns.collect()),
    };
    let mut rows = Rows::of(home, environment, wanted).await?;
    let mut found = HashMap::new();
    while let Some(piece) = rows.next().await? {
        let table = piece.table;
        let (Some(Column::String(predictions)), Some(ids)) =
            (table.column("prediction_id"), table.column(&id))
        else {
            continue;
        };
        let times = time.as_deref().and_then(|time| table.column(time));
        for (row, prediction) in predictions.iter().enumerate() {
            if let (Some(prediction), Some(id)) = (prediction, ids.text(row)) {
                let key = (id, times.and_then(|times| instant(times, row)));
                found.entry(key).or_insert_with(|| prediction.clone());
            }
        }
    }
    Ok(found)
}
