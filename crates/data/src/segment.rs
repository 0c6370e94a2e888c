//! Segments of the inference log: Parquet files whose names say nothing, small ones by the thousand.
//!
//! Written for size: every column in a dictionary as long as that pays, then zstd; ids, which have no two alike,
//! as differences from the one before.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::arrow::arrow_writer::ArrowWriterOptions;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::schema::types::ColumnPath;
use modelyard_core::fault::Attempt;
use modelyard_core::table::{DataType, Field, Table};
use modelyard_core::{Kind, Result};

use crate::bridge;
use crate::table::ParquetInput;

/// Writes a segment in pieces.
pub struct SegmentWriter {
    writer: ArrowWriter<File>,
    schema: SchemaRef,
    shown: String,
}

impl SegmentWriter {
    /// Begins a new file at `path` of the columns `fields`. Values of those that `is_unlike` says are mostly
    /// different from each other.
    ///
    /// # Errors
    /// If the file is there already or can't be written.
    pub fn create(path: &Path, fields: &[Field], is_unlike: impl Fn(&Field) -> bool) -> Result<Self> {
        let shown = path.display().to_string();
        let failed = || cannot_write(&shown);
        let schema = bridge::schema_of(fields);
        let file = File::create_new(path).attempt(Kind::Store, failed)?;
        // Arrow's own schema would be a good part of a small file, and the columns' types say it all.
        let options = ArrowWriterOptions::new()
            .with_properties(properties(fields.iter().filter(|field| is_unlike(field)))?)
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, Arc::clone(&schema), options)
            .attempt(Kind::Internal, failed)?;
        Ok(Self { writer, schema, shown })
    }

    /// Adds rows; `piece` has the columns that the file was begun with, in their order.
    ///
    /// # Errors
    /// If the file can't be written: a full disk.
    pub fn write(&mut self, piece: Table) -> Result<()> {
        let rows = piece.rows();
        let columns = piece.columns().map(|(_, column)| bridge::array(column)).collect();
        let batch = bridge::batch_of(Arc::clone(&self.schema), columns, rows)?;
        self.writer.write(&batch).attempt(Kind::Store, || cannot_write(&self.shown))
    }

    /// Completes the file.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn finish(self) -> Result<()> {
        self.writer.close().attempt(Kind::Store, || cannot_write(&self.shown))?;
        Ok(())
    }
}

fn cannot_write(shown: &str) -> String {
    format!("cannot write `{shown}`")
}

fn properties<'a>(unlike: impl Iterator<Item = &'a Field>) -> Result<WriterProperties> {
    let level = ZstdLevel::try_new(1).attempt(Kind::Internal, || "cannot pack segments".to_owned())?;
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_created_by("modelyard".to_owned());
    for field in unlike {
        let column_path = ColumnPath::new(vec![field.name.clone()]);
        let encoding = match field.data_type {
            DataType::String => Encoding::DELTA_BYTE_ARRAY,
            DataType::Int | DataType::Timestamp | DataType::Date => Encoding::DELTA_BINARY_PACKED,
            DataType::Float => Encoding::BYTE_STREAM_SPLIT,
            DataType::Bool => Encoding::PLAIN,
        };
        properties = properties
            .set_column_dictionary_enabled(column_path.clone(), false)
            .set_column_encoding(column_path, encoding);
    }
    Ok(properties.build())
}

/// The columns of the segment at `path`.
///
/// # Errors
/// If it can't be read as one.
pub fn segment_fields(path: &Path) -> Result<Vec<Field>> {
    let failed = || format!("cannot read `{}`", path.display());
    let file = File::open(path).attempt(Kind::Data, failed)?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).attempt(Kind::Data, failed)?;
    let fields = builder.schema().fields().iter().filter_map(|field| {
        let data_type = bridge::core_type(field.data_type())?;
        Some(Field { name: field.name().clone(), data_type, nullable: true })
    });
    Ok(fields.collect())
}

/// Reads a segment in pieces.
pub struct SegmentReader(ParquetInput);

impl SegmentReader {
    /// Opens `path` for the columns `fields`, `rows` at a time.
    ///
    /// # Errors
    /// If it can't be read as a segment, or lacks one of them.
    pub fn open(path: &Path, fields: &[Field], rows: usize) -> Result<Self> {
        ParquetInput::open(path, fields, false, rows).map(Self)
    }

    /// The next rows; `None` at the end.
    ///
    /// # Errors
    /// If the file is damaged.
    pub fn read(&mut self) -> Result<Option<Table>> {
        Ok(self.0.next()?.map(|(table, _)| table))
    }
}
