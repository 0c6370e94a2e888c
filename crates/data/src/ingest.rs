//! Ingestion: from a data set's sources to the parts of a data version.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use datafusion::arrow::array::{BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use modelyard_core::config::{DataSet, TableFormat};
use modelyard_core::data::{Loss, Part, Profile, Roles, SourceState};
use modelyard_core::fault::Attempt;
use modelyard_core::table::{DataType, Field};
use modelyard_core::{Digest, Fault, Kind, Result, canonical};
use serde::Serialize;

use crate::make::{self, Made};
use crate::profile::column_profile;
use crate::{bridge, checks, names, order, split, table};

/// Raised when the same sources may yield another result than before: part of ingestion's key.
pub const RESULT_VERSION: u32 = 1;

/// What to ingest.
#[derive(Clone, Copy)]
pub struct Ingest<'a> {
    /// The data set's name.
    pub name: &'a str,
    /// The project's folder, to which paths are relative.
    pub root: &'a Path,
    pub dataset: &'a DataSet,
    /// The project's target, where this data set has to have it.
    pub target: Option<&'a str>,
    /// The sources of the data set's *first* version: their types are kept as far as the values
    /// allow. (Of the first, not of the last, so that the same sources always give the same.)
    pub previous: Option<&'a [SourceState]>,
    /// The table that the command of a `run` data set has made: `.parquet` or `.csv`.
    pub table: Option<&'a Path>,
}

/// What was ingested: a data version but for the blobs.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingested {
    /// Logical: of schema, rows and split.
    pub digest: Digest,
    pub schema: Vec<Field>,
    pub rows: u64,
    pub roles: Roles,
    /// Parts that have rows.
    pub parts: BTreeMap<Part, PartFile>,
    /// Of all rows.
    pub profile: Profile,
    pub sources: Vec<SourceState>,
    pub losses: Vec<Loss>,
    pub remarks: Vec<String>,
}

/// The rows of one part, in canonical order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartFile {
    pub parquet: PathBuf,
    /// The same rows, where the data set says `format = "csv"`.
    pub csv: Option<PathBuf>,
    /// Logical: of columns and rows.
    pub digest: Digest,
    pub rows: u64,
}

/// Reads the sources, makes the table, checks it, splits it and writes each part's rows to
/// `PART.parquet` (and `PART.csv`) in the folder `out`, which exists.
///
/// The same sources give the same digests, in whatever process and however often: rows are put in
/// canonical order (the role `time` first, or the column of a `time` split, then all columns;
/// missing first), whatever order the query leaves them in.
///
/// # Errors
/// Everything that can be wrong with sources, query, checks and split, each with its place. What
/// was written before is left in `out`; nothing is complete without the answer.
pub fn ingest(request: &Ingest<'_>, out: &Path) -> Result<Ingested> {
    let made = make::make(request, None)?;
    let Made { table, sources, losses, mut remarks } = made;
    let roles = &request.dataset.roles;
    known_names(request, &table)?;
    if table.num_rows() == 0 {
        return Err(no_rows(request.name, &losses));
    }
    let table = order::sort(&table, roles.time.as_deref().or_else(|| time_column(request.dataset)))?;
    checks::check(request.name, &table, &request.dataset.checks, roles)?;
    let parts = split::assign(&table, &request.dataset.split, roles)?;
    let table = without(&table, split::dropped(&request.dataset.split))?;
    remarks.extend(remarks_on(request, &table));
    let mut files = BTreeMap::new();
    for part in Part::ALL {
        let mask: BooleanArray = parts.iter().map(|of| Some(*of == part)).collect();
        let rows = filter_record_batch(&table, &mask)
            .attempt(Kind::Data, || format!("cannot take the rows of {}", part.name()))?;
        if rows.num_rows() > 0 {
            files.insert(part, write_part(out, part, &rows, request.dataset.format)?);
        }
    }
    let schema = bridge::fields(&table);
    Ok(Ingested {
        digest: digest(&schema, &files),
        rows: table.num_rows() as u64,
        roles: roles.clone(),
        parts: files,
        profile: profile(&table, &roles.private),
        schema,
        sources,
        losses,
        remarks,
    })
}

/// What makes a data version: column names and types, and the rows of each part.
fn digest(schema: &[Field], parts: &BTreeMap<Part, PartFile>) -> Digest {
    #[derive(Serialize)]
    struct Identity<'a> {
        version: u32,
        columns: Vec<(&'a str, DataType)>,
        parts: BTreeMap<Part, Digest>,
    }
    let identity = Identity {
        version: 1,
        columns: schema.iter().map(|field| (field.name.as_str(), field.data_type)).collect(),
        parts: parts.iter().map(|(part, file)| (*part, file.digest)).collect(),
    };
    canonical::digest("modelyard data v1", &identity)
}

fn write_part(out: &Path, part: Part, rows: &RecordBatch, format: TableFormat) -> Result<PartFile> {
    let parquet = out.join(format!("{}.parquet", part.name()));
    let written = table::write_batch(&parquet, rows)?;
    let csv = match format {
        TableFormat::Parquet => None,
        TableFormat::Csv => {
            let csv = out.join(format!("{}.csv", part.name()));
            table::write_batch(&csv, rows)?;
            Some(csv)
        }
    };
    Ok(PartFile { parquet, csv, digest: written.digest, rows: written.rows })
}

/// A column at a time, so that only one of them is there twice.
fn profile(table: &RecordBatch, private: &[String]) -> Profile {
    let columns = table.schema_ref().fields().iter().zip(table.columns()).map(|(field, array)| {
        let private = private.iter().any(|name| name == field.name());
        column_profile(field.name(), &bridge::column(array), private)
    });
    Profile { version: 1, rows: table.num_rows() as u64, columns: columns.collect() }
}

fn time_column(dataset: &DataSet) -> Option<&str> {
    match &dataset.split {
        modelyard_core::config::Split::Time { column, .. } => Some(column),
        _ => None,
    }
}

/// Every column that the configuration names has to be there.
fn known_names(request: &Ingest<'_>, table: &RecordBatch) -> Result<()> {
    let roles = &request.dataset.roles;
    let mut named: Vec<(&str, &str)> = Vec::new();
    named.extend(request.target.map(|target| ("target", target)));
    named.extend(roles.id.as_deref().map(|name| ("role `id`", name)));
    named.extend(roles.time.as_deref().map(|name| ("role `time`", name)));
    named.extend(roles.private.iter().map(|name| ("role `private`", name.as_str())));
    named.extend(split::columns(&request.dataset.split).into_iter().map(|name| ("split", name)));
    let schema = table.schema_ref();
    for (what, name) in named {
        if schema.field_with_name(name).is_err() {
            let fault = Fault::new(
                Kind::Config,
                format!(
                    "the {what} of data set `{}` names column `{name}`, which it does not have",
                    request.name
                ),
            );
            let known = schema.fields().iter().map(|field| field.name().as_str());
            return Err(names::suggest(fault, name, known));
        }
    }
    match (request.target, split::dropped(&request.dataset.split)) {
        (Some(target), Some(dropped)) if target == dropped => Err(Fault::new(
            Kind::Config,
            format!("column `{target}` of data set `{}` is the target and says the split", request.name),
        )),
        _ => Ok(()),
    }
}

fn without(table: &RecordBatch, dropped: Option<&str>) -> Result<RecordBatch> {
    let Some(dropped) = dropped else { return Ok(table.clone()) };
    let schema = table.schema_ref();
    let kept: Vec<usize> =
        (0..table.num_columns()).filter(|place| schema.field(*place).name() != dropped).collect();
    table.project(&kept).attempt(Kind::Internal, || format!("cannot leave out column `{dropped}`"))
}

/// What is no error and yet worth knowing.
fn remarks_on(request: &Ingest<'_>, table: &RecordBatch) -> Vec<String> {
    let mut remarks = Vec::new();
    for (field, array) in table.schema_ref().fields().iter().zip(table.columns()) {
        let name = field.name();
        let missing = datafusion::arrow::array::Array::null_count(array) as u64;
        if request.target == Some(name) && missing > 0 {
            remarks.push(format!("the target `{name}` is missing in {}", names::rows(missing)));
        }
        if let modelyard_core::table::Column::Float(values) = bridge::column(array) {
            let infinite = values.iter().flatten().filter(|value| value.is_infinite()).count() as u64;
            if infinite > 0 {
                remarks.push(format!("column `{name}` is infinite in {}", names::rows(infinite)));
            }
        }
    }
    remarks
}

fn no_rows(name: &str, losses: &[Loss]) -> Fault {
    let fault = Fault::new(Kind::Data, format!("data set `{name}` has no rows"));
    let fault =
        losses.iter().filter(|loss| loss.rows_in > 0 && loss.rows_out == 0).fold(fault, |fault, loss| {
            fault.detail(
                loss.operation.clone(),
                format!("{}: none of {} left", loss.on, names::rows(loss.rows_in)),
            )
        });
    if losses.is_empty() { fault } else { fault.hint("`modelyard data preview` runs the SQL on a sample") }
}
