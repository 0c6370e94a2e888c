//! Between Arrow and the core nouns. Nothing outside this crate sees Arrow.
//!
//! A batch is *canonical* when its columns have the six types of [`arrow_type`], floats hold no
//! NaN and one zero, and times lie between the years 1 and 9999.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch,
    RecordBatchOptions, StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::{CastOptions, cast_with_options, concat_batches};
use datafusion::arrow::datatypes::{
    DataType as ArrowType, Date32Type, Field as ArrowField, Float64Type, Int64Type, Schema, SchemaRef,
    TimeUnit, TimestampMicrosecondType,
};
use modelyard_core::fault::Attempt;
use modelyard_core::table::{Column, DataType, Field, Table};
use modelyard_core::{Fault, Kind, Result};

use crate::cell::{Types, canonical_float};

pub(crate) fn arrow_type(data_type: DataType) -> ArrowType {
    match data_type {
        DataType::Bool => ArrowType::Boolean,
        DataType::Int => ArrowType::Int64,
        DataType::Float => ArrowType::Float64,
        DataType::String => ArrowType::Utf8,
        DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Date => ArrowType::Date32,
    }
}

/// The type that a column of `arrow` becomes; `None` for lists, structs, binary and the like.
pub(crate) fn core_type(arrow: &ArrowType) -> Option<DataType> {
    Some(match arrow {
        ArrowType::Boolean => DataType::Bool,
        integer if integer.is_integer() => DataType::Int,
        float if float.is_floating() => DataType::Float,
        ArrowType::Decimal32(..)
        | ArrowType::Decimal64(..)
        | ArrowType::Decimal128(..)
        | ArrowType::Decimal256(..) => DataType::Float,
        ArrowType::Utf8 | ArrowType::LargeUtf8 | ArrowType::Utf8View => DataType::String,
        ArrowType::Dictionary(_, values) => return core_type(values),
        ArrowType::Timestamp(..) => DataType::Timestamp,
        ArrowType::Date32 | ArrowType::Date64 => DataType::Date,
        _ => return None,
    })
}

/// A type that is none of a table's, in a word.
pub(crate) fn type_name(arrow: &ArrowType) -> String {
    match arrow {
        ArrowType::List(_)
        | ArrowType::LargeList(_)
        | ArrowType::FixedSizeList(..)
        | ArrowType::ListView(_)
        | ArrowType::LargeListView(_) => "list".to_owned(),
        ArrowType::Struct(_) => "struct".to_owned(),
        ArrowType::Map(..) => "map".to_owned(),
        ArrowType::Binary
        | ArrowType::LargeBinary
        | ArrowType::BinaryView
        | ArrowType::FixedSizeBinary(_) => "binary".to_owned(),
        ArrowType::Time32(_) | ArrowType::Time64(_) => "time of day".to_owned(),
        ArrowType::Interval(_) => "interval".to_owned(),
        ArrowType::Duration(_) => "duration".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}

/// An Arrow schema of canonical types; every column may hold nulls.
pub(crate) fn arrow_schema<'a>(columns: impl IntoIterator<Item = (&'a str, DataType)>) -> SchemaRef {
    let fields: Vec<ArrowField> = columns
        .into_iter()
        .map(|(name, data_type)| ArrowField::new(name, arrow_type(data_type), true))
        .collect();
    Arc::new(Schema::new(fields))
}

pub(crate) fn schema_of(fields: &[Field]) -> SchemaRef {
    arrow_schema(fields.iter().map(|field| (field.name.as_str(), field.data_type)))
}

/// Casts `array` to the canonical form of `data_type`.
///
/// # Errors
/// A value that `data_type` can't hold: an unsigned integer beyond 63 bits, an instant outside
/// the years 1 to 9999.
pub(crate) fn canonical(name: &str, array: &ArrayRef, data_type: DataType) -> Result<ArrayRef> {
    let failed = || format!("cannot read column `{name}` as {}", data_type.name());
    let wanted = match (data_type, array.data_type()) {
        // Through the zone's UTC instants; dropping the zone afterwards keeps them.
        (DataType::Timestamp, ArrowType::Timestamp(_, Some(zone))) => {
            ArrowType::Timestamp(TimeUnit::Microsecond, Some(zone.clone()))
        }
        (DataType::Int, from) if from.is_floating() => {
            let floats = canonical(name, array, DataType::Float)?;
            if floats.as_primitive::<Float64Type>().iter().flatten().any(|value| value.fract() != 0.0) {
                return Err(Fault::new(Kind::Data, failed()).because("it holds fractions"));
            }
            ArrowType::Int64
        }
        _ => arrow_type(data_type),
    };
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let array = cast_with_options(array, &wanted, &options).attempt(Kind::Data, failed)?;
    match data_type {
        DataType::Float => {
            let floats = array.as_primitive::<Float64Type>();
            Ok(Arc::new(floats.iter().map(|value| value.and_then(canonical_float)).collect::<Float64Array>()))
        }
        DataType::Timestamp => {
            let instants = array.as_primitive::<TimestampMicrosecondType>();
            if instants.iter().flatten().any(|micros| !YEARS_1_TO_9999.contains(&micros)) {
                return Err(Fault::new(Kind::Data, failed())
                    .because("it holds an instant outside the years 1 to 9999"));
            }
            Ok(Arc::new(instants.clone().with_data_type(arrow_type(DataType::Timestamp))))
        }
        _ => Ok(array),
    }
}

const YEARS_1_TO_9999: std::ops::Range<i64> = -62_135_596_800_000_000..253_402_300_800_000_000;

/// `batch` with the columns of `fields`, by name, each in canonical form.
pub(crate) fn canonical_batch(batch: &RecordBatch, fields: &[Field]) -> Result<RecordBatch> {
    let mut columns = Vec::with_capacity(fields.len());
    for field in fields {
        let array = batch.column_by_name(&field.name).ok_or_else(|| {
            Fault::new(Kind::Internal, format!("column `{}` is not in the batch", field.name))
        })?;
        columns.push(canonical(&field.name, array, field.data_type)?);
    }
    batch_of(schema_of(fields), columns, batch.num_rows())
}

/// As [`canonical_batch`], of a file called `shown`, whose columns may have other types: any value
/// has a text, an integer is a number, a date its midnight, and floats that are all whole are
/// integers (pandas makes floats of integers where some are missing).
pub(crate) fn typed_batch(batch: &RecordBatch, fields: &[Field], shown: &str) -> Result<RecordBatch> {
    for field in fields {
        let has = batch.column_by_name(&field.name).and_then(|array| core_type(array.data_type()));
        let fits = has.is_some_and(|has| {
            Types::of(has).allow(field.data_type)
                || (has, field.data_type) == (DataType::Float, DataType::Int)
        });
        if !fits {
            let (name, found) = (&field.name, has.map_or("missing", DataType::name));
            return Err(Fault::new(
                Kind::Data,
                format!("column `{name}` of `{shown}` is {found}, not {}", field.data_type.name()),
            ));
        }
    }
    canonical_batch(batch, fields).map_err(|fault| fault.detail("file", shown))
}

/// A batch, also of no columns.
pub(crate) fn batch_of(schema: SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema, columns, &options)
        .attempt(Kind::Internal, || "cannot put columns together".to_owned())
}

/// All rows of `batches` in one batch.
pub(crate) fn concat(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<RecordBatch> {
    concat_batches(schema, batches)
        .attempt(Kind::Data, || "cannot hold the table's rows in memory".to_owned())
}

/// The values of a canonical array.
pub(crate) fn column(array: &dyn Array) -> Column {
    match array.data_type() {
        ArrowType::Boolean => Column::Bool(array.as_boolean().iter().collect()),
        ArrowType::Int64 => Column::Int(array.as_primitive::<Int64Type>().iter().collect()),
        ArrowType::Float64 => Column::Float(array.as_primitive::<Float64Type>().iter().collect()),
        ArrowType::Date32 => Column::Date(array.as_primitive::<Date32Type>().iter().collect()),
        ArrowType::Timestamp(..) => {
            Column::Timestamp(array.as_primitive::<TimestampMicrosecondType>().iter().collect())
        }
        _ => Column::String(array.as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect()),
    }
}

/// The table of a canonical batch.
pub(crate) fn table(batch: &RecordBatch) -> Table {
    let mut table = Table::new();
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        table.push(field.name(), column(array));
    }
    table
}

pub(crate) fn array(column: &Column) -> ArrayRef {
    match column {
        Column::Bool(values) => Arc::new(values.iter().copied().collect::<BooleanArray>()),
        Column::Int(values) => Arc::new(values.iter().copied().collect::<Int64Array>()),
        Column::Float(values) => {
            Arc::new(values.iter().map(|value| value.and_then(canonical_float)).collect::<Float64Array>())
        }
        Column::String(values) => Arc::new(values.iter().map(Option::as_deref).collect::<StringArray>()),
        Column::Timestamp(values) => Arc::new(values.iter().copied().collect::<TimestampMicrosecondArray>()),
        Column::Date(values) => Arc::new(values.iter().copied().collect::<Date32Array>()),
    }
}

pub(crate) fn batch(table: &Table) -> Result<RecordBatch> {
    let schema = arrow_schema(table.columns().map(|(name, column)| (name, column.data_type())));
    batch_of(schema, table.columns().map(|(_, column)| array(column)).collect(), table.rows())
}

/// The columns of a canonical batch, `nullable` as its values say.
pub(crate) fn fields(batch: &RecordBatch) -> Vec<Field> {
    let columns = batch.schema_ref().fields().iter().zip(batch.columns());
    columns
        .filter_map(|(field, array)| {
            Some(Field {
                name: field.name().clone(),
                data_type: core_type(field.data_type())?,
                nullable: array.null_count() > 0,
            })
        })
        .collect()
}
