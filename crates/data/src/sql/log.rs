//! SQL over the inference log: its segments as one table, which no memory needs to hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::MemTable;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::error::DataFusionError;
use datafusion::execution::context::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use modelyard_core::fault::Attempt;
use modelyard_core::table::{Column, DataType, Field, Table};
use modelyard_core::{Fault, Kind, Result};

use super::{Query, check, explain};
use crate::{bridge, segment};

/// The table that the segments are.
const PREDICTIONS: &str = "predictions";

/// Answers `sql`, one query, over the segments `files` as the table `predictions` and over `tables` by their
/// names.
///
/// Segments have the columns of the versions that answered: the table has all of them, null where a version has
/// none; integers and fractions of one name are fractions, other differences texts. Where there is no segment the
/// table has the columns `without` and no rows.
///
/// # Errors
/// Anything but one query, with a caret where it fails; a segment that can't be read.
pub fn query_log(
    sql: &str,
    files: &[PathBuf],
    without: &[Field],
    tables: Vec<(String, Table)>,
) -> Result<Table> {
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .name("sql".to_owned())
            .stack_size(64 << 20)
            .spawn_scoped(scope, || answer(Query { text: sql, file: None }, files, without, tables))
            .attempt(Kind::Internal, || "cannot start a thread for the query".to_owned())?;
        worker.join().unwrap_or_else(|_| Err(Fault::new(Kind::Internal, "the query engine panicked")))
    })
}

fn answer(
    query: Query<'_>,
    files: &[PathBuf],
    without: &[Field],
    tables: Vec<(String, Table)>,
) -> Result<Table> {
    let ast = check::parse(query)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_stack_size(64 << 20)
        .enable_all()
        .build()
        .attempt(Kind::Internal, || "cannot start the query engine".to_owned())?;
    let mut config = SessionConfig::new().with_target_partitions(1);
    config.options_mut().sql_parser.enable_ident_normalization = false;
    config.options_mut().sql_parser.collect_spans = true;
    let context = SessionContext::new_with_config(config);
    let mut names = vec![PREDICTIONS.to_owned()];
    register(&context, PREDICTIONS, predictions(files, without)?)?;
    for (name, table) in tables {
        register(&context, &name, in_memory(&table)?)?;
        names.push(name);
    }
    let batches = runtime.block_on(async {
        let explain = |error: DataFusionError| explain::planning(query, &ast, error, &names);
        let statement = Statement::Statement(Box::new(ast.clone().into()));
        let plan = context.state().statement_to_plan(statement).await.map_err(explain)?;
        super::only_a_query(&plan)?;
        let frame = context.execute_logical_plan(plan).await.map_err(explain)?;
        let schema = Arc::clone(frame.schema().inner());
        let batches = frame.collect().await.map_err(explain::running)?;
        bridge::concat(&schema, &batches)
    })?;
    let mut table = Table::new();
    for (field, array) in batches.schema_ref().fields().iter().zip(batches.columns()) {
        let name = field.name();
        let data_type = match bridge::core_type(field.data_type()) {
            Some(data_type) => data_type,
            None if field.data_type().is_null() => DataType::String,
            None => {
                let found = bridge::type_name(field.data_type());
                return Err(Fault::new(
                    Kind::Usage,
                    format!("the SQL yields the column `{name}` of type {found}"),
                )
                .hint("take its parts, or `cast(… as varchar)`"));
            }
        };
        table.push(name, bridge::column(&bridge::canonical(name, array, data_type)?));
    }
    Ok(table)
}

fn register(context: &SessionContext, name: &str, table: Arc<dyn TableProvider>) -> Result<()> {
    context
        .register_table(TableReference::bare(name), table)
        .attempt(Kind::Internal, || format!("cannot offer `{name}` to the query"))?;
    Ok(())
}

fn in_memory(table: &Table) -> Result<Arc<dyn TableProvider>> {
    let batch = bridge::batch(table)?;
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]])
        .attempt(Kind::Internal, || "cannot offer a table to the query".to_owned())?;
    Ok(Arc::new(table))
}

fn predictions(files: &[PathBuf], without: &[Field]) -> Result<Arc<dyn TableProvider>> {
    if files.is_empty() {
        let mut table = Table::new();
        without.iter().for_each(|field| table.push(&field.name, Column::empty(field.data_type)));
        return in_memory(&table);
    }
    let failed = || "cannot offer the inference log to the query".to_owned();
    let paths = files.iter().map(|file| url(file)).collect::<Result<Vec<_>>>()?;
    let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension("");
    let config = ListingTableConfig::new_with_multi_paths(paths)
        .with_listing_options(options)
        .with_schema(bridge::schema_of(&union(files)?));
    Ok(Arc::new(ListingTable::try_new(config).attempt(Kind::Internal, failed)?))
}

fn url(file: &Path) -> Result<ListingTableUrl> {
    // As an address it is no pattern, whatever the home is called.
    let escaped: String = file.to_string_lossy().chars().map(escape).collect();
    ListingTableUrl::parse(format!("file://{escaped}"))
        .attempt(Kind::Internal, || format!("cannot name `{}` to the query", file.display()))
}

/// What has a meaning of its own in an address is written as its number.
fn escape(character: char) -> String {
    match character {
        '/' | '-' | '_' | '.' => character.to_string(),
        letter if letter.is_ascii_alphanumeric() => letter.to_string(),
        other => {
            let mut bytes = [0; 4];
            other.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}")).collect()
        }
    }
}

/// The columns of all segments, in the order in which they first appear.
fn union(files: &[PathBuf]) -> Result<Vec<Field>> {
    let mut fields: Vec<Field> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for file in files {
        for field in segment::segment_fields(file)? {
            match places.get(&field.name) {
                None => {
                    places.insert(field.name.clone(), fields.len());
                    fields.push(field);
                }
                Some(place) => {
                    let known = &mut fields[*place].data_type;
                    *known = wider(*known, field.data_type);
                }
            }
        }
    }
    Ok(fields)
}

fn wider(one: DataType, other: DataType) -> DataType {
    match (one, other) {
        _ if one == other => one,
        (DataType::Int, DataType::Float) | (DataType::Float, DataType::Int) => DataType::Float,
        (DataType::Date, DataType::Timestamp) | (DataType::Timestamp, DataType::Date) => DataType::Timestamp,
        _ => DataType::String,
    }
}
