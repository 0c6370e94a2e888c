//! Errors of queries, with the place in the SQL.

use datafusion::common::{Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::ast::Query as Ast;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Span};
use modelyard_core::{Fault, Kind};

use super::Query;
use crate::names;

/// The label and text that show where in the SQL `span` lies, with a caret under it:
/// `at: line 3, column 10`, the line, `^^^`.
pub(super) fn mark(fault: Fault, query: Query<'_>, span: Span) -> Fault {
    if span.start.line == 0 {
        return fault;
    }
    let place = match query.file {
        Some(file) => format!("{file}:{}:{}", span.start.line, span.start.column),
        None => format!("line {}, column {} of the SQL", span.start.line, span.start.column),
    };
    let line = query.text.lines().nth(span.start.line as usize - 1).unwrap_or_default();
    let before: String = line
        .chars()
        .take(span.start.column.saturating_sub(1) as usize)
        .map(|character| if character == '\t' { '\t' } else { ' ' })
        .collect();
    let width = if span.end.line == span.start.line {
        span.end.column.saturating_sub(span.start.column).max(1) as usize
    } else {
        line.chars().count().saturating_sub(before.chars().count()).max(1)
    };
    let number = span.start.line.to_string();
    let margin = " ".repeat(number.len());
    fault.detail("at", format!("{place}\n  {number} | {line}\n  {margin} | {before}{}", "^".repeat(width)))
}

/// A query that does not parse.
pub(super) fn parsing(query: Query<'_>, error: ParserError) -> Fault {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
    };
    let (found, place) = split_place(&text);
    let fault = Fault::new(
        Kind::Config,
        format!("cannot understand the SQL: {}", lower(&found.replace("found: EOF", "found: its end"))),
    );
    match place {
        Some(start) => {
            let length =
                found.rsplit_once("found: ").map_or(1, |(_, token)| token.chars().count() as u64).max(1);
            let end = Location { line: start.line, column: start.column + length };
            mark(fault, query, Span { start, end })
        }
        // The parser has no place for the end.
        None if found.ends_with("found: EOF") => mark(fault, query, end(query.text)),
        None => fault,
    }
}

/// Behind the last character that is no blank.
fn end(text: &str) -> Span {
    let text = text.trim_end();
    let last = text.lines().next_back().unwrap_or_default();
    let place = Location { line: text.lines().count() as u64, column: last.chars().count() as u64 + 1 };
    Span { start: place, end: place }
}

/// A query that names what is not there, or means nothing.
pub(super) fn planning(query: Query<'_>, ast: &Ast, error: DataFusionError, tables: &[String]) -> Fault {
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span).map(|span| Span {
        start: Location { line: span.start.line, column: span.start.column },
        end: Location { line: span.end.line, column: span.end.column },
    });
    let root = error.find_root();
    let fault = match root {
        DataFusionError::SchemaError(schema, _) => schema_fault(schema, span.is_some()),
        other => {
            let text =
                error.diagnostic().map_or_else(|| plain(other), |Diagnostic { message, .. }| message.clone());
            match unknown_table(&text) {
                Some(name) => {
                    let mut known: Vec<&str> = tables.iter().map(String::as_str).collect();
                    let with = ast.with.iter().flat_map(|with| &with.cte_tables);
                    known.extend(with.map(|cte| cte.alias.name.value.as_str()));
                    let fault =
                        Fault::new(Kind::Config, format!("the SQL names `{name}`, which is no source"));
                    names::suggest(fault, name, known)
                }
                None => Fault::new(Kind::Config, format!("cannot plan the SQL: {}", lower(&text))),
            }
        }
    };
    match span {
        Some(span) => mark(fault, query, span),
        None => fault,
    }
}

/// A query that fails while it runs: a cast, an overflow, a division.
pub(super) fn running(error: DataFusionError) -> Fault {
    Fault::new(Kind::Data, "the SQL failed").because(plain(error.find_root()))
}

fn schema_fault(error: &SchemaError, placed: bool) -> Fault {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let fault = match &field.relation {
                Some(relation) => {
                    format!("the SQL names column `{}` of `{relation}`, which has no such column", field.name)
                }
                None => format!("the SQL names column `{}`, which no source in reach has", field.name),
            };
            let reachable = valid_fields
                .iter()
                .filter(|valid| field.relation.is_none() || valid.relation == field.relation)
                .map(|valid| valid.name.as_str());
            names::suggest(Fault::new(Kind::Config, fault), &field.name, reachable)
        }
        SchemaError::AmbiguousReference { field } if placed => {
            Fault::new(Kind::Config, format!("column `{}` in the SQL could be of several tables", field.name))
                .hint("write the table's name before it")
        }
        // An ambiguous name without a place is one of the result, not one that the query reads.
        SchemaError::AmbiguousReference { field } => duplicate(&field.name),
        SchemaError::DuplicateQualifiedField { name, .. }
        | SchemaError::DuplicateUnqualifiedField { name } => duplicate(name),
    }
}

/// Two columns of the result have one name.
pub(crate) fn duplicate(name: &str) -> Fault {
    Fault::new(Kind::Config, format!("the SQL yields two columns called `{name}`"))
        .hint("give each a name of its own (`… as name`), or leave one out")
}

/// `x` in "table 'x' not found".
fn unknown_table(text: &str) -> Option<&str> {
    let name = text.strip_prefix("table '")?.strip_suffix("' not found")?;
    Some(name.rsplit('.').next().unwrap_or(name))
}

/// The error's own words, without what kind of error it says it is.
fn plain(error: &DataFusionError) -> String {
    let text = match error {
        DataFusionError::ArrowError(error, _) => error.to_string(),
        other => other.message().into_owned(),
    };
    text.lines().next().unwrap_or_default().to_owned()
}

/// The text without ` at Line: 3, Column: 10`, and that place.
fn split_place(text: &str) -> (&str, Option<Location>) {
    let Some((before, place)) = text.rsplit_once(" at Line: ") else { return (text, None) };
    let location = place.split_once(", Column: ").and_then(|(line, column)| {
        Some(Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? })
    });
    match location {
        Some(location) => (before, Some(location)),
        None => (text, None),
    }
}

fn lower(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => String::new(),
    }
}
