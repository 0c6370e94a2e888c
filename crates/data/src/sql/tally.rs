//! Counts the rows that pass through a plan, and lays the inputs of a union one after the other.
//!
//! The optimised plan gets a node of ours before and after each filter and join, so that the
//! counts carry the words of the query rather than those of the physical plan. The same node
//! stands above each union: without it DataFusion reads a union's inputs as partitions, whose
//! rows arrive in any order, and sums of floats differ in their last bits.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchemaRef, Result as PlanResult, Statistics};
use datafusion::execution::context::{SessionState, TaskContext};
use datafusion::logical_expr::logical_plan::{Extension, Filter, Join};
use datafusion::logical_expr::{
    Expr, JoinType, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{
    CardinalityEffect, ChildrenPropertiesMode, ReplaceChildrenOptions,
};
use datafusion::physical_plan::statistics::{ChildStats, StatisticsArgs};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PlanProperties,
    SendableRecordBatchStream,
};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use datafusion::sql::unparser::expr_to_sql;
use futures::{StreamExt, TryStreamExt, stream};
use modelyard_core::data::Loss;

/// The counters of one plan.
#[derive(Debug, Default)]
pub(super) struct Tallies {
    counters: Vec<Arc<AtomicU64>>,
    losses: Vec<Watched>,
}

/// A filter or join, and the counters of the rows it takes in and gives out.
#[derive(Debug)]
struct Watched {
    operation: String,
    on: String,
    rows_in: usize,
    rows_out: usize,
}

impl Tallies {
    /// What was counted, once the plan has run.
    pub(super) fn losses(&self) -> Vec<Loss> {
        let count = |counter: usize| self.counters[counter].load(Ordering::Relaxed);
        self.losses
            .iter()
            .map(|watched| Loss {
                operation: watched.operation.clone(),
                on: watched.on.clone(),
                rows_in: count(watched.rows_in),
                rows_out: count(watched.rows_out),
            })
            .collect()
    }

    /// `plan` with a counter above it.
    fn count(&mut self, plan: Arc<LogicalPlan>) -> (LogicalPlan, usize) {
        let counter = self.counters.len();
        self.counters.push(Arc::default());
        (node(plan, Some(counter)), counter)
    }

    fn watch(&mut self, operation: &str, on: String, rows_in: usize, plan: LogicalPlan) -> LogicalPlan {
        let (plan, rows_out) = self.count(Arc::new(plan));
        self.losses.push(Watched { operation: operation.to_owned(), on, rows_in, rows_out });
        plan
    }
}

/// `plan` with counters, and the counters.
pub(super) fn watch(plan: LogicalPlan) -> PlanResult<(LogicalPlan, Tallies)> {
    let mut tallies = Tallies::default();
    let watched = plan.transform_up_with_subqueries(|plan| {
        Ok(match plan {
            LogicalPlan::Filter(filter) => {
                let on = text(&filter.predicate);
                let (input, rows_in) = tallies.count(filter.input);
                let filter = Filter::try_new(filter.predicate, Arc::new(input))?;
                Transformed::yes(tallies.watch("filter", on, rows_in, LogicalPlan::Filter(filter)))
            }
            LogicalPlan::Join(join) => Transformed::yes(watch_join(&mut tallies, join)),
            LogicalPlan::Union(_) => Transformed::yes(node(Arc::new(plan), None)),
            other => Transformed::no(other),
        })
    })?;
    Ok((watched.data, tallies))
}

/// A join loses or multiplies the rows of the side it keeps: the left one, but for a right join.
fn watch_join(tallies: &mut Tallies, mut join: Join) -> LogicalPlan {
    let keeps_right = matches!(
        join.join_type,
        JoinType::Right | JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark
    );
    let operation = match join.join_type {
        JoinType::Inner if join.on.is_empty() && join.filter.is_none() => "cross join",
        JoinType::Inner => "inner join",
        JoinType::Left => "left join",
        JoinType::Right => "right join",
        JoinType::Full => "full join",
        JoinType::LeftSemi | JoinType::RightSemi => "semi join",
        JoinType::LeftAnti | JoinType::RightAnti => "anti join",
        JoinType::LeftMark | JoinType::RightMark => "mark join",
    };
    let other = if keeps_right { &join.left } else { &join.right };
    let on = describe(other, &join);
    let (input, rows_in) = tallies.count(if keeps_right { join.right.clone() } else { join.left.clone() });
    if keeps_right {
        join.right = Arc::new(input);
    } else {
        join.left = Arc::new(input);
    }
    tallies.watch(operation, on, rows_in, LogicalPlan::Join(join))
}

/// `weather w on w.origin = f.origin`: the joined table, as far as it has a name, and the condition.
fn describe(other: &LogicalPlan, join: &Join) -> String {
    let conditions: Vec<String> = join
        .on
        .iter()
        .map(|(left, right)| format!("{} = {}", text(left), text(right)))
        .chain(join.filter.as_ref().map(text))
        .collect();
    let name = relation(other);
    match (name, conditions.is_empty()) {
        (Some(name), false) => format!("{name} on {}", conditions.join(" and ")),
        (Some(name), true) => name,
        (None, _) => conditions.join(" and "),
    }
}

/// The name of a plan's rows: `weather w`, or the alias of a subquery.
fn relation(plan: &LogicalPlan) -> Option<String> {
    match plan {
        LogicalPlan::SubqueryAlias(alias) => {
            let name = alias.alias.table().to_owned();
            Some(match relation(&alias.input) {
                Some(inner) if inner != name && !inner.contains(' ') => format!("{inner} {name}"),
                _ => name,
            })
        }
        LogicalPlan::TableScan(scan) => Some(scan.table_name.table().to_owned()),
        LogicalPlan::Extension(_) | LogicalPlan::Filter(_) | LogicalPlan::Projection(_) => {
            relation(plan.inputs().first()?)
        }
        _ => None,
    }
}

/// An expression as SQL says it.
fn text(expression: &Expr) -> String {
    expr_to_sql(expression).map_or_else(|_| expression.to_string(), |sql| sql.to_string())
}

fn node(input: Arc<LogicalPlan>, counter: Option<usize>) -> LogicalPlan {
    LogicalPlan::Extension(Extension {
        node: Arc::new(TallyNode { input: Arc::unwrap_or_clone(input), counter }),
    })
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Hash)]
struct TallyNode {
    input: LogicalPlan,
    counter: Option<usize>,
}

impl UserDefinedLogicalNodeCore for TallyNode {
    fn name(&self) -> &str {
        "Tally"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.input.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tally")
    }

    fn with_exprs_and_inputs(&self, _: Vec<Expr>, inputs: Vec<LogicalPlan>) -> PlanResult<Self> {
        let input = inputs.into_iter().next().unwrap_or_else(|| self.input.clone());
        Ok(Self { input, counter: self.counter })
    }
}

/// The physical plan of a watched plan.
pub(super) async fn plan(
    plan: &LogicalPlan,
    tallies: &Tallies,
    state: &SessionState,
) -> PlanResult<Arc<dyn ExecutionPlan>> {
    let planner = TallyPlanner { counters: tallies.counters.clone() };
    let planner = DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(planner)]);
    planner.create_physical_plan(plan, state).await
}

struct TallyPlanner {
    counters: Vec<Arc<AtomicU64>>,
}

#[async_trait]
impl ExtensionPlanner for TallyPlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn datafusion::catalog::Session,
        _planning: &datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext,
    ) -> PlanResult<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(node), [input]) = (node.as_any().downcast_ref::<TallyNode>(), physical_inputs) else {
            return Ok(None);
        };
        let counter = node.counter.map(|counter| self.counters[counter].clone());
        Ok(Some(Arc::new(TallyExec::new(input.clone(), counter))))
    }
}

/// Passes on what its input yields, all partitions one after the other, and counts the rows.
#[derive(Debug)]
struct TallyExec {
    input: Arc<dyn ExecutionPlan>,
    counter: Option<Arc<AtomicU64>>,
    properties: Arc<PlanProperties>,
}

impl TallyExec {
    fn new(input: Arc<dyn ExecutionPlan>, counter: Option<Arc<AtomicU64>>) -> Self {
        let equivalences = if input.output_partitioning().partition_count() == 1 {
            input.equivalence_properties().clone()
        } else {
            // An order within each partition is none of all of them.
            EquivalenceProperties::new(input.schema())
        };
        let properties = Arc::new(PlanProperties::new(
            equivalences,
            Partitioning::UnknownPartitioning(1),
            input.pipeline_behavior(),
            input.boundedness(),
        ));
        Self { input, counter, properties }
    }
}

impl DisplayAs for TallyExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TallyExec")
    }
}

impl ExecutionPlan for TallyExec {
    fn name(&self) -> &str {
        "TallyExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![self.input.output_partitioning().partition_count() == 1]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> PlanResult<TreeNodeRecursion>,
    ) -> PlanResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let input = children.into_iter().next().unwrap_or_else(|| self.input.clone());
        Ok(Arc::new(Self::new(input, self.counter.clone())))
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn execute(&self, _partition: usize, context: Arc<TaskContext>) -> PlanResult<SendableRecordBatchStream> {
        let partitions = self.input.output_partitioning().partition_count();
        let input = self.input.clone();
        let counter = self.counter.clone();
        let batches = stream::iter(0..partitions)
            // One partition is opened when the one before it has ended.
            .map(move |partition| input.execute(partition, context.clone()))
            .try_flatten()
            .inspect_ok(move |batch| {
                if let Some(counter) = &counter {
                    counter.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
                }
            });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), batches)))
    }

    fn child_stats_requests(&self, _partition: Option<usize>) -> Vec<ChildStats> {
        vec![ChildStats::At(None)]
    }

    fn statistics_from_inputs(
        &self,
        inputs: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> PlanResult<Arc<Statistics>> {
        // Not exact: an exact number of rows would answer `count(*)` without counting them.
        Ok(Arc::new(Statistics::clone(&inputs[0]).to_inexact()))
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }
}
