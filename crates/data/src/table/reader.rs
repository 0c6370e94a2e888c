//! Reading tables in pieces, with the types that are expected.

use std::fs::File;
use std::path::Path;

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use modelyard_core::fault::Attempt;
use modelyard_core::table::{Field, Table};
use modelyard_core::{Fault, Kind, Result};

use crate::delimited::{Records, TextFormat};
use crate::source::Rows;
use crate::{bridge, names, source};

/// Reads certain columns of a table file, some rows at a time, with memory for those alone.
///
/// ```no_run
/// # use modelyard_core::table::Field;
/// # fn each(path: &std::path::Path, columns: &[Field]) -> modelyard_core::Result<()> {
/// let mut reader = modelyard_data::TableReader::open(path, columns, &Default::default(), 10_000)?;
/// while let Some(table) = reader.read()? {
///     println!("{} more rows", table.rows());
/// }
/// # Ok(())
/// # }
/// ```
pub struct TableReader {
    input: Input,
    rows: usize,
}

impl TableReader {
    /// Opens `path` for the columns `expected`, `rows` at a time. `format` matters for CSV alone.
    ///
    /// # Errors
    /// A file that can't be read; columns that are missing, with the nearest name.
    pub fn open(path: &Path, expected: &[Field], format: &TextFormat, rows: usize) -> Result<Self> {
        let input = if source::is_parquet(path)? {
            Input::Parquet(ParquetInput::open(path, expected, false, rows)?)
        } else {
            Input::Text(open_text(path, expected, format)?)
        };
        Ok(Self { input, rows })
    }

    /// The next rows, with the expected columns in the expected order and types; `None` at the
    /// end. A piece may be shorter than asked for.
    ///
    /// # Errors
    /// A value that is none of its column's type, with file and line.
    pub fn read(&mut self) -> Result<Option<Table>> {
        let table = match &mut self.input {
            Input::Text(rows) => rows.read(self.rows, |_| {})?,
            Input::Parquet(parquet) => match parquet.next()? {
                Some((table, _)) => table,
                None => return Ok(None),
            },
        };
        Ok((table.rows() > 0).then_some(table))
    }
}

enum Input {
    Text(Rows),
    Parquet(ParquetInput),
}

pub(super) fn open_text(path: &Path, expected: &[Field], format: &TextFormat) -> Result<Rows> {
    let records = Records::open(path, &path.display().to_string(), format)?;
    Rows::new(records, expected, format.clone())
}

/// A Parquet file, batch by batch.
pub(crate) struct ParquetInput {
    reader: ParquetRecordBatchReader,
    expected: Vec<Field>,
    shown: String,
}

impl ParquetInput {
    /// Opens `path` for the columns `expected`; with `all` the batches hold the others too.
    pub(crate) fn open(path: &Path, expected: &[Field], all: bool, rows: usize) -> Result<Self> {
        let shown = path.display().to_string();
        let failed = || format!("cannot read `{shown}`");
        let file = File::open(path).attempt(Kind::Data, failed)?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).attempt(Kind::Data, failed)?;
        let known: Vec<&str> = builder.schema().fields().iter().map(|field| field.name().as_str()).collect();
        let missing: Vec<&str> =
            expected.iter().map(|field| field.name.as_str()).filter(|name| !known.contains(name)).collect();
        if let [first, ..] = missing[..] {
            let noun = if missing.len() == 1 { "column" } else { "columns" };
            let fault = Fault::new(Kind::Data, format!("`{shown}` has no {noun} {}", names::list(&missing)));
            return Err(names::suggest(fault, first, known));
        }
        let wanted = |name: &str| all || expected.iter().any(|field| field.name == name);
        let roots: Vec<usize> = (0..known.len()).filter(|place| wanted(known[*place])).collect();
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let reader =
            builder.with_projection(mask).with_batch_size(rows).build().attempt(Kind::Data, failed)?;
        Ok(Self { reader, expected: expected.to_vec(), shown })
    }

    pub(super) fn schema(&self) -> datafusion::arrow::datatypes::SchemaRef {
        datafusion::arrow::array::RecordBatchReader::schema(&self.reader)
    }

    pub(crate) fn next(&mut self) -> Result<Option<(Table, RecordBatch)>> {
        let Some(batch) = self.reader.next() else { return Ok(None) };
        let batch = batch.attempt(Kind::Data, || format!("cannot read `{}`", self.shown))?;
        let typed = bridge::typed_batch(&batch, &self.expected, &self.shown)?;
        Ok(Some((bridge::table(&typed), batch)))
    }
}
