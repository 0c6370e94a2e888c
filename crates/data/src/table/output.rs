//! Writing tables: under a temporary name, renamed when complete.

use std::fs::{File, Permissions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::Compression;
use datafusion::parquet::file::properties::WriterProperties;
use flate2::write::GzEncoder;
use modelyard_core::fault::Attempt;
use modelyard_core::table::{Column, Field, Table};
use modelyard_core::{Kind, Result};
use tempfile::NamedTempFile;

use crate::delimited::{TextFormat, write_field};
use crate::{bridge, cell, source};

/// Writes `table` to `path`, as Parquet or CSV by its name.
///
/// # Errors
/// A name of neither, a folder that is missing or can't be written.
pub fn write_table(path: &Path, table: &Table) -> Result<()> {
    let fields: Vec<Field> = table
        .columns()
        .map(|(name, column)| Field { name: name.to_owned(), data_type: column.data_type(), nullable: true })
        .collect();
    let mut writer = TableWriter::create(path, &fields)?;
    writer.write(table)?;
    writer.finish()
}

/// Writes a table in pieces, with memory for one piece.
pub struct TableWriter {
    output: Output,
    schema: SchemaRef,
}

impl TableWriter {
    /// Begins a file at `path`, Parquet or CSV by its name, of the columns `fields`.
    pub fn create(path: &Path, fields: &[Field]) -> Result<Self> {
        let schema = bridge::schema_of(fields);
        Ok(Self { output: Output::create(path, &schema)?, schema })
    }

    /// Adds rows; `chunk` has the columns given to [`TableWriter::create`], in that order.
    pub fn write(&mut self, chunk: &Table) -> Result<()> {
        match &mut self.output {
            Output::Text(text) => {
                for row in 0..chunk.rows() {
                    for (_, column) in chunk.columns() {
                        text.cell(column, row);
                    }
                    text.end_row()?;
                }
                Ok(())
            }
            Output::Parquet(parquet) => {
                let columns = chunk.columns().map(|(_, column)| bridge::array(column)).collect();
                parquet.write(&bridge::batch_of(self.schema.clone(), columns, chunk.rows())?)
            }
        }
    }

    /// Completes the file under its name. Without this nothing is left behind.
    pub fn finish(self) -> Result<()> {
        self.output.finish()
    }
}

/// A file being written.
pub(super) enum Output {
    Text(Box<TextOutput>),
    Parquet(Box<ParquetOutput>),
}

impl Output {
    pub(super) fn create(path: &Path, schema: &SchemaRef) -> Result<Self> {
        if source::is_parquet(path)? {
            return Ok(Self::Parquet(Box::new(ParquetOutput::create(path, schema)?)));
        }
        let names = schema.fields().iter().map(|field| field.name().as_str());
        Ok(Self::Text(Box::new(TextOutput::create(path, names)?)))
    }

    pub(super) fn finish(self) -> Result<()> {
        match self {
            Self::Text(text) => text.finish(),
            Self::Parquet(parquet) => parquet.finish(),
        }
    }
}

/// CSV, packed where the name ends in `.gz`.
pub(super) struct TextOutput {
    writer: TextWriter,
    path: PathBuf,
    pub(super) delimiter: u8,
    row: Vec<u8>,
    begun: bool,
    cell: Vec<u8>,
}

enum TextWriter {
    Plain(BufWriter<NamedTempFile>),
    Packed(Box<GzEncoder<BufWriter<NamedTempFile>>>),
}

impl TextOutput {
    pub(super) fn create<'a>(path: &Path, names: impl Iterator<Item = &'a str>) -> Result<Self> {
        let shown = path.to_string_lossy();
        let delimiter = TextFormat::default().delimiter_of(&shown)?;
        let file = BufWriter::with_capacity(1 << 16, temporary(path)?);
        let writer = if shown.ends_with(".gz") {
            TextWriter::Packed(Box::new(GzEncoder::new(file, flate2::Compression::default())))
        } else {
            TextWriter::Plain(file)
        };
        let mut output = Self {
            writer,
            path: path.to_owned(),
            delimiter,
            row: Vec::new(),
            begun: false,
            cell: Vec::new(),
        };
        for name in names {
            output.field(name.as_bytes());
        }
        output.end_row()?;
        Ok(output)
    }

    /// Adds a value to the row. A text that is empty but there is `""`.
    pub(super) fn cell(&mut self, column: &Column, row: usize) {
        let mut cell = std::mem::take(&mut self.cell);
        cell.clear();
        cell::write(column, row, &mut cell);
        match column {
            Column::String(values) if values[row].as_deref() == Some("") => self.encoded(b"\"\""),
            Column::String(_) => self.field(&cell),
            _ => self.encoded(&cell),
        }
        self.cell = cell;
    }

    fn field(&mut self, text: &[u8]) {
        self.separate();
        write_field(text, self.delimiter, &mut self.row);
    }

    /// Adds one or more fields that are encoded already.
    pub(super) fn encoded(&mut self, text: &[u8]) {
        self.separate();
        self.row.extend_from_slice(text);
    }

    fn separate(&mut self) {
        if self.begun {
            self.row.push(self.delimiter);
        }
        self.begun = true;
    }

    pub(super) fn end_row(&mut self) -> Result<()> {
        // An empty line would be no row.
        if self.row.is_empty() {
            self.row.extend_from_slice(b"\"\"");
        }
        self.row.push(b'\n');
        let path = &self.path;
        match &mut self.writer {
            TextWriter::Plain(writer) => writer.write_all(&self.row),
            TextWriter::Packed(writer) => writer.write_all(&self.row),
        }
        .attempt(Kind::Data, || cannot_write(path))?;
        self.row.clear();
        self.begun = false;
        Ok(())
    }

    fn finish(self) -> Result<()> {
        let failed = || cannot_write(&self.path);
        let buffered = match self.writer {
            TextWriter::Plain(writer) => writer,
            TextWriter::Packed(writer) => writer.finish().attempt(Kind::Data, failed)?,
        };
        let file =
            buffered.into_inner().map_err(std::io::IntoInnerError::into_error).attempt(Kind::Data, failed)?;
        persist(file, &self.path)
    }
}

/// Parquet with fixed properties.
pub(super) struct ParquetOutput {
    writer: ArrowWriter<File>,
    file: NamedTempFile,
    path: PathBuf,
}

impl ParquetOutput {
    fn create(path: &Path, schema: &SchemaRef) -> Result<Self> {
        let failed = || cannot_write(path);
        let file = temporary(path)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by("modelyard".to_owned())
            .build();
        let handle = file.reopen().attempt(Kind::Data, failed)?;
        let writer =
            ArrowWriter::try_new(handle, schema.clone(), Some(properties)).attempt(Kind::Data, failed)?;
        Ok(Self { writer, file, path: path.to_owned() })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).attempt(Kind::Data, || cannot_write(&self.path))?;
        // A row group is cut by its size, so that wide tables need no more memory than long ones.
        const ROW_GROUP_BYTES: usize = 64 << 20;
        if self.writer.in_progress_size() > ROW_GROUP_BYTES {
            self.writer.flush().attempt(Kind::Data, || cannot_write(&self.path))?;
        }
        Ok(())
    }

    fn finish(self) -> Result<()> {
        self.writer.close().attempt(Kind::Data, || cannot_write(&self.path))?;
        persist(self.file, &self.path)
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write `{}`", path.display())
}

/// A file beside `path`, gone when dropped.
fn temporary(path: &Path) -> Result<NamedTempFile> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".").suffix(".part");
    #[cfg(unix)]
    let permissions: Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    #[cfg(unix)]
    builder.permissions(permissions);
    builder.tempfile_in(folder).attempt(Kind::Data, || cannot_write(path))
}

fn persist(file: NamedTempFile, path: &Path) -> Result<()> {
    file.persist(path).map_err(|error| error.error).attempt(Kind::Data, || cannot_write(path))?;
    Ok(())
}
