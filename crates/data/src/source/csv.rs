//! Delimited text: `.csv`, `.tsv`, `.txt`, each also packed as `.gz`.

use datafusion::arrow::array::RecordBatch;
use modelyard_core::config::Source;
use modelyard_core::table::{Column, Field, Table};
use modelyard_core::{Result, table};

use super::{ColumnSurvey, FileSurvey, SourceFilePath, SourceKind, open};
use crate::bridge;
use crate::cell::{self, Types};
use crate::delimited::{Records, TextFormat, places};

pub(super) struct Csv;

/// Rows of a batch.
const CHUNK: usize = 8192;

impl SourceKind for Csv {
    fn endings(&self) -> &'static [&'static str] {
        &[".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz"]
    }

    fn survey(&self, file: &SourceFilePath, source: &Source, limit: Option<usize>) -> Result<FileSurvey> {
        let format = format_of(source);
        let mut records = Records::of(open(file)?, &file.relative, &format)?;
        let mut columns: Vec<ColumnSurvey> = records.names().iter().cloned().map(ColumnSurvey::new).collect();
        let mut rows = 0;
        while limit.is_none_or(|limit| rows < limit as u64) && records.advance()? {
            rows += 1;
            for (column, text) in columns.iter_mut().zip(records.record()) {
                look(column, text, &format, &records);
            }
        }
        Ok(FileSurvey { columns, rows, unsupported: Vec::new() })
    }

    fn read(
        &self,
        file: &SourceFilePath,
        source: &Source,
        columns: &[Field],
        limit: Option<usize>,
    ) -> Result<Vec<RecordBatch>> {
        let mut rows = Rows::new(
            Records::of(open(file)?, &file.relative, &format_of(source))?,
            columns,
            format_of(source),
        )?;
        let mut batches = Vec::new();
        let mut left = limit.unwrap_or(usize::MAX);
        while left > 0 {
            let table = rows.read(CHUNK.min(left), |_| {})?;
            if table.rows() == 0 {
                break;
            }
            left -= table.rows();
            batches.push(bridge::batch(&table)?);
        }
        Ok(batches)
    }
}

fn format_of(source: &Source) -> TextFormat {
    TextFormat { delimiter: source.delimiter, header: source.header, nulls: source.nulls.clone() }
}

fn look(column: &mut ColumnSurvey, text: &[u8], format: &TextFormat, records: &Records) {
    if format.is_null(text) {
        column.nulls += 1;
        return;
    }
    let types = cell::types_of(text);
    let witness = || format!("`{}` in line {} of `{}`", shorten(text), records.line(), records.shown());
    if types.allow(table::DataType::Float) {
        column.numbers += u64::from(types != Types::ALL);
    } else {
        column.odd += 1;
        if column.first_odd.is_none() {
            column.first_odd = Some(witness());
        }
    }
    column.narrow(types, witness);
}

/// A cell for a message.
fn shorten(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The rows of a file as tables of known columns.
pub(crate) struct Rows {
    records: Records,
    columns: Vec<Field>,
    places: Vec<usize>,
    format: TextFormat,
}

impl Rows {
    /// Of the file's columns those of `columns`, in that order.
    pub(crate) fn new(records: Records, columns: &[Field], format: TextFormat) -> Result<Self> {
        let wanted: Vec<String> = columns.iter().map(|field| field.name.clone()).collect();
        let places = places(&records, &wanted)?;
        Ok(Self { records, columns: columns.to_vec(), places, format })
    }

    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// The next `count` rows, fewer at the end. `each` sees every record.
    ///
    /// # Errors
    /// A value that is none of its column's type, with file and line.
    pub(crate) fn read(&mut self, count: usize, mut each: impl FnMut(&::csv::ByteRecord)) -> Result<Table> {
        let mut values: Vec<Column> =
            self.columns.iter().map(|field| Column::empty(field.data_type)).collect();
        let mut rows = 0;
        while rows < count && self.records.advance()? {
            rows += 1;
            let record = self.records.record();
            for ((column, field), place) in values.iter_mut().zip(&self.columns).zip(&self.places) {
                let text = &record[*place];
                if self.format.is_null(text) {
                    cell::push_null(column);
                } else if !cell::push(column, text) {
                    return Err(self.wrong_value(field, text));
                }
            }
            each(record);
        }
        let mut table = Table::new();
        for (field, column) in self.columns.iter().zip(values) {
            table.push(&field.name, column);
        }
        Ok(table)
    }

    fn wrong_value(&self, field: &Field, text: &[u8]) -> modelyard_core::Fault {
        let (line, name) = (self.records.line(), &field.name);
        if std::str::from_utf8(text).is_err() {
            return self
                .records
                .fault(format!("column `{name}` in line {line} is not UTF-8: `{}`", shorten(text)))
                .hint("save the file as UTF-8");
        }
        let kind = field.data_type.name();
        self.records
            .fault(format!("column `{name}` in line {line} is `{}`, which is no {kind}", shorten(text)))
            .hint("if it stands for a missing value, list it in `nulls`")
    }
}
