//! The rows of a window and their labels, version by version.

use std::collections::BTreeMap;

use modelyard_core::deploy::EnvironmentId;
use modelyard_core::monitor::MonitorSpec;
use modelyard_core::ports::Home;
use modelyard_core::table::{Column, DataType, Table};
use modelyard_core::{Digest, Result, Timestamp};
use serde_json::Value;

use super::rows::{By, Piece, Rows, Wanted};

/// Labels that are asked for at once.
const IDS_A_TIME: usize = 500;

pub(crate) struct Gathered {
    /// By number.
    pub(crate) versions: Vec<OfVersion>,
    /// Requests that no version was asked.
    pub(crate) unasked: u64,
    pub(crate) remarks: Vec<String>,
}

pub(crate) struct OfVersion {
    pub(crate) number: u32,
    pub(crate) package: Digest,
    pub(crate) rows: Table,
    /// Of those, the ones that came after the window was closed.
    pub(crate) late: u64,
}

/// Reads the window `from` … `to`, which was `closed` when segments up to that one were known.
///
/// # Errors
/// If the home can't be read; segments that are damaged are passed over and told among the remarks.
pub(crate) async fn gather(
    home: &Home,
    id: &EnvironmentId,
    spec: &MonitorSpec,
    (from, to): (Timestamp, Timestamp),
    closed: Option<u64>,
) -> Result<Gathered> {
    // Rows of one that was compacted are as old as those that it was made of.
    let segments = home.log.segments(id, 0).await?;
    let compacted: BTreeMap<u64, u64> =
        segments.iter().filter_map(|segment| Some((segment.number, segment.content.compacted?))).collect();
    let by = spec.time.clone().map_or(By::Arrival, By::Time);
    let mut rows = Rows::of(home, id, Wanted { by, from, to, columns: None }).await?;
    let mut versions: BTreeMap<(u32, Digest), OfVersion> = BTreeMap::new();
    let mut unasked = 0;
    while let Some(Piece { segment, version, package, table }) = rows.next().await? {
        let (Some(number), Some(package)) = (version, package) else {
            unasked += table.rows() as u64;
            continue;
        };
        let of_version = versions.entry((number, package)).or_insert_with(|| OfVersion {
            number,
            package,
            rows: Table::new(),
            late: 0,
        });
        let came = compacted.get(&segment).copied().unwrap_or(segment);
        if closed.is_some_and(|closed| came > closed) {
            of_version.late += table.rows() as u64;
        }
        append(&mut of_version.rows, table);
    }
    let mut remarks: Vec<String> =
        rows.damaged().iter().map(|fault| format!("rows were lost: {}", fault.message())).collect();
    if rows.untimed() > 0 {
        remarks.push(format!("{} rows without a time are in no window", rows.untimed()));
    }
    Ok(Gathered { versions: versions.into_values().collect(), unasked, remarks })
}

/// The labels that count of `rows`, by prediction id.
///
/// # Errors
/// If the home can't be read.
pub(crate) async fn labels(home: &Home, id: &EnvironmentId, rows: &Table) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    let Some(Column::String(ids)) = rows.column("prediction_id") else { return Ok(found) };
    let ids: Vec<String> = ids.iter().flatten().cloned().collect();
    for some in ids.chunks(IDS_A_TIME) {
        let labels = home.labels.labels_of(id, some).await?;
        found.extend(labels.into_iter().map(|(id, label)| (id, label.label.label)));
    }
    Ok(found)
}

/// Adds `piece` to `table`. A column that one of them lacks is missing there; one of two types becomes text, so that
/// it is found to have changed.
fn append(table: &mut Table, piece: Table) {
    if table.names().is_empty() {
        *table = piece;
        return;
    }
    let same = table.names() == piece.names()
        && table
            .columns()
            .zip(piece.columns())
            .all(|((_, one), (_, other))| one.data_type() == other.data_type());
    if same {
        table.append(piece);
        return;
    }
    let (before, more) = (table.rows(), piece.rows());
    let mut joined = Table::new();
    let new = piece.names().iter().filter(|name| table.column(name).is_none());
    for name in table.names().iter().chain(new) {
        let (first, second) = (table.column(name), piece.column(name));
        let of = |column: Option<&Column>| column.map(Column::data_type);
        let wanted = match (of(first), of(second)) {
            (Some(one), Some(other)) if one != other => DataType::String,
            (Some(one), _) | (None, Some(one)) => one,
            (None, None) => continue,
        };
        let mut column = filled(first, before, wanted);
        column.append(filled(second, more, wanted));
        joined.push(name.clone(), column);
    }
    *table = joined;
}

/// `column` as `wanted`; nothing but missing values where there is none.
fn filled(column: Option<&Column>, rows: usize, wanted: DataType) -> Column {
    match column {
        Some(column) if column.data_type() == wanted => column.clone(),
        Some(column) => Column::String((0..rows).map(|row| column.text(row)).collect()),
        None => match wanted {
            DataType::Bool => Column::Bool(vec![None; rows]),
            DataType::Int => Column::Int(vec![None; rows]),
            DataType::Float => Column::Float(vec![None; rows]),
            DataType::String => Column::String(vec![None; rows]),
            DataType::Timestamp => Column::Timestamp(vec![None; rows]),
            DataType::Date => Column::Date(vec![None; rows]),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_other_columns_and_types_are_joined() {
        let mut table = Table::new();
        table.push("a", Column::Int(vec![Some(1)]));
        table.push("b", Column::Int(vec![Some(2)]));
        let mut piece = Table::new();
        piece.push("b", Column::String(vec![Some("x".to_owned())]));
        piece.push("c", Column::Bool(vec![Some(true)]));
        append(&mut table, piece);
        assert_eq!(table.names(), ["a", "b", "c"]);
        assert_eq!(table.column("a"), Some(&Column::Int(vec![Some(1), None])));
        let texts = vec![Some("2".to_owned()), Some("x".to_owned())];
        assert_eq!(table.column("b"), Some(&Column::String(texts)));
        assert_eq!(table.column("c"), Some(&Column::Bool(vec![None, Some(true)])));
    }
}
