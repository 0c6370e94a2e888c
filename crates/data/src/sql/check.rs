//! What a query must be before it is planned: one, read-only, answering the same every time, each
//! of its columns with a name.

use std::ops::ControlFlow;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::context::SessionState;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{Expr as PlanExpr, ExprSchemable, LogicalPlan, Volatility};
use datafusion::sql::sqlparser::ast::{
    Expr, Query as Ast, SelectItem, SetExpr, Spanned, Statement, visit_expressions, visit_statements,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Span;
use modelyard_core::{Fault, Kind, Result};

use super::{Query, explain};

/// The one query that the text holds.
pub(super) fn parse(query: Query<'_>) -> Result<Ast> {
    let dialect = GenericDialect {};
    let statements = Parser::new(&dialect)
        .try_with_sql(query.text)
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| explain::parsing(query, error))?;
    let mut statements = statements.into_iter();
    let statement = match (statements.next(), statements.next()) {
        (Some(statement), None) => statement,
        (None, _) => return Err(Fault::new(Kind::Config, "the SQL is empty")),
        (Some(_), Some(second)) => {
            let fault = Fault::new(Kind::Config, "the SQL holds more than one statement")
                .hint("the SQL of a data set is one query; put the first steps into `with NAME as (…)`");
            return Err(explain::mark(fault, query, second.span()));
        }
    };
    let Statement::Query(ast) = statement else {
        return Err(no_query(query, &statement));
    };
    let inner = visit_statements(&*ast, |statement: &Statement| match statement {
        Statement::Query(_) => ControlFlow::Continue(()),
        other => ControlFlow::Break(no_query(query, other)),
    });
    if let ControlFlow::Break(fault) = inner {
        return Err(fault);
    }
    if let SetExpr::Select(select) = &*ast.body
        && select.into.is_some()
    {
        return Err(Fault::new(Kind::Config, "the SQL of a data set writes nothing: it has `into`"));
    }
    Ok(*ast)
}

fn no_query(query: Query<'_>, statement: &Statement) -> Fault {
    let text = statement.to_string();
    let word = text.split_whitespace().next().unwrap_or_default().to_lowercase();
    let fault = Fault::new(Kind::Config, format!("the SQL is no query: it begins with `{word}`"))
        .hint("the SQL of a data set is one query, `select …` or `with … select …`");
    explain::mark(fault, query, statement.span())
}

/// Refuses functions whose value changes by itself: the clock, random numbers, ids.
pub(super) fn immutable(query: Query<'_>, ast: &Ast, state: &SessionState) -> Result<()> {
    let volatile = visit_expressions(ast, |expression| {
        let Expr::Function(function) = expression else { return ControlFlow::Continue(()) };
        let name = function.name.to_string().to_lowercase();
        let changes = match state.scalar_functions().get(&name) {
            Some(known) => known.signature().volatility != Volatility::Immutable || name == "version",
            // Spellings that the planner maps to the clock, and those it doesn't know at all.
            None => matches!(
                name.as_str(),
                "current_time"
                    | "current_date"
                    | "current_timestamp"
                    | "localtime"
                    | "localtimestamp"
                    | "rand"
                    | "gen_random_uuid"
            ),
        };
        if changes { ControlFlow::Break((name, function.name.span())) } else { ControlFlow::Continue(()) }
    });
    let ControlFlow::Break((name, span)) = volatile else { return Ok(()) };
    let hint = match name.as_str() {
        "random" | "rand" | "uuid" | "gen_random_uuid" => {
            "take a hash of a column instead, such as `md5(id)`"
        }
        "version" => "leave it out",
        _ => "write the date or time down, or take it from the data, such as `(select max(time) from …)`",
    };
    let fault = Fault::new(
        Kind::Config,
        format!(
            "the SQL uses `{name}`, whose value changes by itself: the same sources have to give the same rows"
        ),
    );
    Err(explain::mark(fault, query, span).hint(hint))
}

/// Refuses columns of the result that the query gives no name.
pub(super) fn named_columns(query: Query<'_>, ast: &Ast) -> Result<()> {
    let mut body = &*ast.body;
    let select = loop {
        match body {
            SetExpr::Select(select) => break select,
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(inner) => body = &*inner.body,
            _ => return Ok(()),
        }
    };
    for item in &select.projection {
        if let SelectItem::UnnamedExpr(expression) = item
            && !matches!(expression, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
        {
            let fault = Fault::new(Kind::Config, format!("a column of the SQL has no name: `{expression}`"))
                .hint("give it one: `… as name`");
            return Err(explain::mark(fault, query, span_of(expression)));
        }
    }
    Ok(())
}

/// Some expressions don't know where they stand; then the whole falls back to no place.
fn span_of(expression: &Expr) -> Span {
    expression.span()
}

/// Refuses aggregates that visit distinct values in an arbitrary order where the order shows: a
/// sum of fractions in its last bits, a list of strings as a whole.
pub(super) fn ordered_aggregates(plan: &LogicalPlan) -> Result<()> {
    let mut refused = None;
    let visited = plan.apply_with_subqueries(|node| {
        let LogicalPlan::Aggregate(aggregate) = node else { return Ok(TreeNodeRecursion::Continue) };
        for expression in &aggregate.aggr_expr {
            expression.apply(|part| {
                if let PlanExpr::AggregateFunction(function) = part
                    && arbitrary(function, &aggregate.input)
                {
                    refused = Some(function.func.name().to_owned());
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    // The walk itself never fails; were it to, planning would fail in the same place.
    let _ = visited;
    match refused {
        None => Ok(()),
        Some(name) => Err(Fault::new(
            Kind::Config,
            format!("the SQL uses `{name}(distinct …)`, which takes the values in an arbitrary order"),
        )
        .hint("make the values distinct first: `from (select distinct … ) as d`")),
    }
}

fn arbitrary(function: &AggregateFunction, input: &LogicalPlan) -> bool {
    if !function.params.distinct {
        return false;
    }
    match function.func.name() {
        "sum" | "avg" | "mean" | "stddev" | "stddev_pop" | "var" | "var_pop" => {
            function.params.args.first().is_some_and(|argument| {
                argument.get_type(input.schema()).is_ok_and(|data_type| data_type.is_floating())
            })
        }
        "array_agg" | "string_agg" => function.params.order_by.is_empty(),
        _ => false,
    }
}
