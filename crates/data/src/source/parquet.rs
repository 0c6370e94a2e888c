//! Parquet: `.parquet`, `.pq`.

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use modelyard_core::config::Source;
use modelyard_core::fault::Attempt;
use modelyard_core::table::Field;
use modelyard_core::{Fault, Kind, Result};

use super::{ColumnSurvey, FileSurvey, SourceFilePath, SourceKind, open};
use crate::bridge;
use crate::cell::Types;

pub(super) struct Parquet;

impl SourceKind for Parquet {
    fn endings(&self) -> &'static [&'static str] {
        &[".parquet", ".pq"]
    }

    /// The types are the file's own, nulls as its statistics count them.
    fn survey(&self, file: &SourceFilePath, _source: &Source, _limit: Option<usize>) -> Result<FileSurvey> {
        let reader = builder(file)?;
        let mut survey = FileSurvey { columns: Vec::new(), rows: 0, unsupported: Vec::new() };
        for field in reader.schema().fields() {
            let name = field.name();
            if survey.columns.iter().any(|column| column.name == *name) {
                return Err(Fault::new(
                    Kind::Data,
                    format!("cannot read `{}`: two columns are called `{name}`", file.relative),
                ));
            }
            let Some(data_type) = bridge::core_type(field.data_type()) else {
                survey.unsupported.push((name.clone(), bridge::type_name(field.data_type())));
                continue;
            };
            let mut column = ColumnSurvey::new(name.clone());
            column.nulls = if field.is_nullable() { nulls(&reader, name) } else { 0 };
            column.narrow(Types::of(data_type), || format!("{} in `{}`", data_type.name(), file.relative));
            survey.columns.push(column);
        }
        let rows = reader.metadata().file_metadata().num_rows();
        survey.rows = u64::try_from(rows).unwrap_or(0);
        Ok(survey)
    }

    fn read(
        &self,
        file: &SourceFilePath,
        _source: &Source,
        columns: &[Field],
        limit: Option<usize>,
    ) -> Result<Vec<RecordBatch>> {
        let failed = || format!("cannot read `{}`", file.relative);
        let mut builder = builder(file)?;
        let roots = builder
            .schema()
            .fields()
            .iter()
            .enumerate()
            .filter(|(_, field)| columns.iter().any(|column| column.name == *field.name()))
            .map(|(place, _)| place);
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        if let Some(limit) = limit {
            builder = builder.with_limit(limit);
        }
        let reader =
            builder.with_projection(mask).with_batch_size(8192).build().attempt(Kind::Data, failed)?;
        let mut batches = Vec::new();
        for batch in reader {
            batches.push(bridge::typed_batch(&batch.attempt(Kind::Data, failed)?, columns, &file.relative)?);
        }
        Ok(batches)
    }
}

/// Missing values of a column; 1 where the file does not say.
fn nulls(reader: &ParquetRecordBatchReaderBuilder<std::fs::File>, name: &str) -> u64 {
    let groups = reader.metadata().row_groups().iter();
    let chunks =
        groups.flat_map(|group| group.columns()).filter(|chunk| chunk.column_path().string() == name);
    let counts: Option<Vec<u64>> =
        chunks.map(|chunk| chunk.statistics().and_then(|statistics| statistics.null_count_opt())).collect();
    counts.map_or(1, |counts| counts.iter().sum())
}

fn builder(file: &SourceFilePath) -> Result<ParquetRecordBatchReaderBuilder<std::fs::File>> {
    ParquetRecordBatchReaderBuilder::try_new(open(file)?)
        .attempt(Kind::Data, || format!("cannot read `{}` as Parquet", file.relative))
}
