//! SQL over sources: one query, read-only, that answers the same whenever it is asked.
//!
//! What makes it so: functions that change by themselves are refused ([`check`]); everything runs
//! in one partition, in the order of the sources' files and rows, inputs of a `union` one after
//! the other ([`tally`]); identifiers mean what is written. Nothing but the named sources can be
//! read. DataFusion is only used in this folder.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::TableReference;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::context::{SessionConfig, SessionContext};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::collect;
use datafusion::sql::parser::Statement;
use futures::FutureExt;
use modelyard_core::data::Loss;
use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};

mod check;
mod explain;
mod log;
mod tally;

pub(crate) use explain::duplicate;
pub use log::query_log;

/// A query and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Query<'a> {
    pub(crate) text: &'a str,
    /// `None`: in `modelyard.toml`.
    pub(crate) file: Option<&'a str>,
}

/// A table that queries can name.
pub(crate) struct NamedTable {
    pub(crate) name: String,
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
}

pub(crate) struct Answer {
    /// Arrow's own types; the caller makes them canonical.
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    /// Rows that each filter and join took in and gave out, in the order they run.
    pub(crate) losses: Vec<Loss>,
}

/// Answers `query` over `tables`.
///
/// # Errors
/// More than one statement, anything but a query, a function that changes by itself, a column
/// without a name; what the query names and the tables don't have, with the nearest name; a value
/// that can't be computed.
pub(crate) fn run(query: Query<'_>, tables: Vec<NamedTable>) -> Result<Answer> {
    // A thread of its own: the caller may be inside a runtime, which can't be blocked on again.
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .name("sql".to_owned())
            // DataFusion recurses through plans; the stack of an unoptimised build is large.
            .stack_size(64 << 20)
            .spawn_scoped(scope, || answer(query, tables))
            .attempt(Kind::Internal, || "cannot start a thread for the query".to_owned())?;
        worker.join().unwrap_or_else(|_| Err(Fault::new(Kind::Internal, "the query engine panicked")))
    })
}

fn answer(query: Query<'_>, tables: Vec<NamedTable>) -> Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .attempt(Kind::Internal, || "cannot start the query engine".to_owned())?;
    let context = SessionContext::new_with_config(config());
    let mut names = Vec::new();
    for table in tables {
        let provider = MemTable::try_new(table.schema, vec![table.batches])
            .attempt(Kind::Internal, || format!("cannot offer `{}` to the query", table.name))?;
        context
            .register_table(TableReference::bare(table.name.as_str()), Arc::new(provider))
            .attempt(Kind::Internal, || format!("cannot offer `{}` to the query", table.name))?;
        names.push(table.name);
    }
    let state = context.state();
    let statement = check::parse(query)?;
    check::immutable(query, &statement, &state)?;
    check::named_columns(query, &statement)?;
    runtime.block_on(async {
        let explain = |error: DataFusionError| explain::planning(query, &statement, error, &names);
        let statement = Statement::Statement(Box::new(statement.clone().into()));
        let plan = state.statement_to_plan(statement).await.map_err(explain)?;
        only_a_query(&plan)?;
        let schema: SchemaRef = Arc::new(plan.schema().as_arrow().clone());
        let plan = state.optimize(&plan).map_err(explain)?;
        check::ordered_aggregates(&plan)?;
        let (plan, tallies) = tally::watch(plan).map_err(explain)?;
        let plan = tally::plan(&plan, &tallies, &state).await.map_err(explain)?;
        let batches = collect(plan, context.task_ctx()).map(|done| done.map_err(explain::running)).await?;
        Ok(Answer { schema, batches, losses: tallies.losses() })
    })
}

fn config() -> SessionConfig {
    let mut config =
        SessionConfig::new().with_target_partitions(1).with_batch_size(8192).with_information_schema(false);
    let options = config.options_mut();
    options.sql_parser.enable_ident_normalization = false;
    options.sql_parser.collect_spans = true;
    // A filter learnt from the other side of a join drops rows before they are counted.
    options.optimizer.enable_dynamic_filter_pushdown = false;
    options.optimizer.enable_join_dynamic_filter_pushdown = false;
    options.optimizer.enable_topk_dynamic_filter_pushdown = false;
    options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    config
}

/// The parser lets nothing else through; this holds should it ever learn to.
fn only_a_query(plan: &LogicalPlan) -> Result<()> {
    match plan {
        LogicalPlan::Ddl(_) | LogicalPlan::Dml(_) | LogicalPlan::Copy(_) | LogicalPlan::Statement(_) => {
            Err(Fault::new(Kind::Config, "the SQL of a data set is one query"))
        }
        _ => Ok(()),
    }
}
