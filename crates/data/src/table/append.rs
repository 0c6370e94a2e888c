//! A file's rows, each with columns added: batch prediction.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};
use modelyard_core::config::Source;
use modelyard_core::table::{DataType, Field, Table};
use modelyard_core::{Fault, Kind, Result};

use super::output::Output;
use super::plain_source;
use super::reader::{ParquetInput, open_text};
use crate::delimited::{TextFormat, write_field};
use crate::source::Rows;
use crate::{bridge, source};

/// Copies a table file, adding columns that are computed from some of its own: `read`, compute,
/// `write`, and so on; at the end `finish`. Memory for one piece, whatever the file's size. CSV,
/// packed CSV and Parquet in and out, by the files' names.
///
/// The other columns pass as they are: from CSV to CSV as text, from Parquet to Parquet with
/// their own types. From CSV to Parquet they get the types inferred from all their rows, for which
/// the file is read once before.
pub struct Append {
    input: Input,
    output: Output,
    schema: SchemaRef,
    expected: Vec<String>,
    kept: Kept,
    chunk_rows: usize,
}

enum Input {
    Text(Rows),
    Parquet(ParquetInput),
}

/// What was read and not yet written.
enum Kept {
    Nothing,
    /// The rows as encoded fields, and where each ends.
    Text {
        bytes: Vec<u8>,
        ends: Vec<usize>,
    },
    Batch(RecordBatch),
}

impl Kept {
    fn rows(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Text { ends, .. } => ends.len(),
            Self::Batch(batch) => batch.num_rows(),
        }
    }
}

impl Append {
    /// Opens `input` for the columns `expected`, `chunk_rows` at a time, and begins `output`,
    /// which gets all columns of `input` and then `added`.
    ///
    /// # Errors
    /// Files that can't be read or written; a missing column; an added one that is there already.
    pub fn open(
        input: &Path,
        output: &Path,
        expected: &[Field],
        added: &[Field],
        format: &TextFormat,
        chunk_rows: usize,
    ) -> Result<Self> {
        let to_parquet = source::is_parquet(output)?;
        let (reader, own) = if source::is_parquet(input)? {
            let reader = ParquetInput::open(input, expected, true, chunk_rows)?;
            let own = reader.schema();
            if !to_parquet {
                text_columns(&own)?;
            }
            (Input::Parquet(reader), own)
        } else if to_parquet {
            let fields = typed_columns(input, expected, format)?;
            // What is missing is said by name.
            open_text(input, expected, format)?;
            (Input::Text(open_text(input, &fields, format)?), bridge::schema_of(&fields))
        } else {
            let rows = open_text(input, expected, format)?;
            let names = rows.records().names().iter();
            let own = bridge::arrow_schema(names.map(|name| (name.as_str(), DataType::String)));
            (Input::Text(rows), own)
        };
        if let Some(taken) = added.iter().find(|field| own.field_with_name(&field.name).is_ok()) {
            return Err(Fault::new(
                Kind::Data,
                format!(
                    "`{}` has a column `{}`, as the one to be added is called",
                    input.display(),
                    taken.name
                ),
            )
            .hint("rename it, or leave it out"));
        }
        let mut fields: Vec<Arc<ArrowField>> = own.fields().iter().cloned().collect();
        fields.extend(bridge::schema_of(added).fields().iter().cloned());
        let schema: SchemaRef = Arc::new(Schema::new(fields));
        let output = Output::create(output, &schema)?;
        let expected = expected.iter().map(|field| field.name.clone()).collect();
        Ok(Self { input: reader, output, schema, expected, kept: Kept::Nothing, chunk_rows })
    }

    /// The next rows, of the expected columns; `None` at the end.
    ///
    /// # Errors
    /// A value that is none of its column's type, with file and line.
    ///
    /// # Panics
    /// If rows were read that [`Append::write`] has not had yet: a fault of the caller.
    pub fn read(&mut self) -> Result<Option<Table>> {
        assert!(self.kept.rows() == 0, "every piece that was read is written before the next");
        let table = match (&mut self.input, &self.output) {
            (Input::Text(rows), Output::Text(output)) => {
                let delimiter = output.delimiter;
                let (mut bytes, mut ends) = match std::mem::replace(&mut self.kept, Kept::Nothing) {
                    Kept::Text { bytes, ends } => (bytes, ends),
                    _ => (Vec::new(), Vec::new()),
                };
                let table = rows.read(self.chunk_rows, |record| {
                    for (place, field) in record.iter().enumerate() {
                        if place > 0 {
                            bytes.push(delimiter);
                        }
                        write_field(field, delimiter, &mut bytes);
                    }
                    ends.push(bytes.len());
                })?;
                self.kept = Kept::Text { bytes, ends };
                table
            }
            (Input::Text(rows), Output::Parquet(_)) => {
                let all = rows.read(self.chunk_rows, |_| {})?;
                self.kept = Kept::Batch(bridge::batch(&all)?);
                all.select(&self.expected)
                    .ok_or_else(|| Fault::new(Kind::Internal, "an expected column was not read"))?
            }
            (Input::Parquet(parquet), _) => match parquet.next()? {
                Some((table, batch)) => {
                    self.kept = Kept::Batch(batch);
                    table
                }
                None => return Ok(None),
            },
        };
        Ok((self.kept.rows() > 0).then_some(table))
    }

    /// Writes the rows that were read last with the columns `added`, in the order given to
    /// [`Append::open`].
    ///
    /// # Errors
    /// Another number of rows than were read; an output that can't be written.
    pub fn write(&mut self, added: &Table) -> Result<()> {
        if added.rows() != self.kept.rows() {
            let (read, computed) = (self.kept.rows(), added.rows());
            return Err(Fault::new(
                Kind::Internal,
                format!("{read} rows were read and columns for {computed} are to be added"),
            ));
        }
        match (&mut self.kept, &mut self.output) {
            (Kept::Nothing, _) => Ok(()),
            (Kept::Text { bytes, ends }, Output::Text(output)) => {
                let mut start = 0;
                for (row, end) in ends.iter().enumerate() {
                    output.encoded(&bytes[start..*end]);
                    for (_, column) in added.columns() {
                        output.cell(column, row);
                    }
                    output.end_row()?;
                    start = *end;
                }
                bytes.clear();
                ends.clear();
                Ok(())
            }
            (Kept::Batch(batch), Output::Text(output)) => {
                let own = bridge::table(&bridge::canonical_batch(batch, &text_columns(&batch.schema())?)?);
                for row in 0..added.rows() {
                    for (_, column) in own.columns().chain(added.columns()) {
                        output.cell(column, row);
                    }
                    output.end_row()?;
                }
                self.kept = Kept::Nothing;
                Ok(())
            }
            (Kept::Batch(batch), Output::Parquet(output)) => {
                let mut columns = batch.columns().to_vec();
                columns.extend(added.columns().map(|(_, column)| bridge::array(column)));
                output.write(&bridge::batch_of(self.schema.clone(), columns, added.rows())?)?;
                self.kept = Kept::Nothing;
                Ok(())
            }
            (Kept::Text { .. }, Output::Parquet(_)) => {
                Err(Fault::new(Kind::Internal, "text was kept for a Parquet file"))
            }
        }
    }

    /// Completes the output under its name. Without this nothing is left behind.
    pub fn finish(self) -> Result<()> {
        self.output.finish()
    }
}

/// All columns of a CSV: the expected types, inferred ones for the others.
fn typed_columns(input: &Path, expected: &[Field], format: &TextFormat) -> Result<Vec<Field>> {
    let source = Source {
        delimiter: format.delimiter,
        header: format.header,
        nulls: format.nulls.clone(),
        ..plain_source(input)
    };
    let mut fields = source::survey_file(input, &source)?;
    for field in &mut fields {
        if let Some(known) = expected.iter().find(|known| known.name == field.name) {
            field.data_type = known.data_type;
        }
    }
    Ok(fields)
}

/// The columns of a Parquet file as CSV can hold them.
fn text_columns(schema: &Schema) -> Result<Vec<Field>> {
    let mut fields = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let data_type = bridge::core_type(field.data_type()).ok_or_else(|| {
            let (name, kind) = (field.name(), bridge::type_name(field.data_type()));
            Fault::new(Kind::Data, format!("column `{name}` has the type {kind}, which CSV can't hold"))
                .hint("write a Parquet file instead")
        })?;
        fields.push(Field { name: field.name().clone(), data_type, nullable: true });
    }
    Ok(fields)
}
