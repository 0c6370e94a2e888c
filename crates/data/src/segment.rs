//! Segments of the inference log: Parquet files whose names say nothing, small ones by the thousand.
//!
//! Written for size: every column in a dictionary as long as that pays, then zstd; ids, which have no two alike,
//! as differences from the one before.

use std::fs::File;
use std::path::Path;

use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::basic::{Compression, Encoding, ZstdLevel};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};
use datafusion::parquet::schema::types::ColumnPath;
use modelyard_core::fault::Attempt;
use modelyard_core::table::{DataType, Field, Table};
use modelyard_core::{Kind, Result};

use crate::bridge;
use crate::table::ParquetInput;

/// Writes `table` to a new file at `path`. Values of the columns `unlike` are mostly different from each other.
///
/// # Errors
/// If the file is there already or can't be written: a full disk.
pub fn write_segment(path: &Path, table: &Table, unlike: &[&str]) -> Result<()> {
    let failed = || format!("cannot write `{}`", path.display());
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).attempt(Kind::Internal, failed)?))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_created_by("modelyard".to_owned());
    for (name, column) in table.columns().filter(|(name, _)| unlike.contains(name)) {
        let column_path = ColumnPath::new(vec![name.to_owned()]);
        let encoding = match column.data_type() {
            DataType::String => Encoding::DELTA_BYTE_ARRAY,
            DataType::Int | DataType::Timestamp | DataType::Date => Encoding::DELTA_BINARY_PACKED,
            DataType::Float => Encoding::BYTE_STREAM_SPLIT,
            DataType::Bool => Encoding::PLAIN,
        };
        properties = properties
            .set_column_dictionary_enabled(column_path.clone(), false)
            .set_column_encoding(column_path, encoding);
    }
    let batch = bridge::batch(table)?;
    let file = File::create_new(path).attempt(Kind::Store, failed)?;
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties.build()))
        .attempt(Kind::Internal, failed)?;
    writer.write(&batch).attempt(Kind::Store, failed)?;
    writer.close().attempt(Kind::Store, failed)?;
    Ok(())
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
