//! `[data.NAME]`: sources, the one table they make, checks and roles.

use std::collections::BTreeMap;

use modelyard_core::config::{Checks, ColumnChecks, DataSet, Limit, Make, Source, TableFormat};
use modelyard_core::data::Roles;
use modelyard_core::table::DataType;
use modelyard_data::{highest_micros, lowest_micros};

use super::node::{At, Entry, Node, plain};
use super::project::Reader;
use super::references::{Command, Owner};

/// Keys of a command, which mean nothing without one.
const NEED_RUN: [&str; 9] =
    ["code", "params", "env", "secrets", "threads", "seed", "timeout", "sandbox", "network"];

impl Reader<'_> {
    pub(super) fn data_sets(
        &mut self,
        root: &Node<'_>,
        target: Option<&str>,
        commands: &mut Vec<Command>,
    ) -> BTreeMap<String, DataSet> {
        let mut sets = BTreeMap::new();
        for entry in root.node("data").iter().flat_map(Node::entries) {
            self.not_reserved(&entry);
            if let Some(node) = &entry.node {
                let set = self.data_set(&entry.name, node, target, commands);
                sets.insert(entry.name, set);
            }
        }
        sets
    }

    fn data_set(
        &mut self,
        name: &str,
        node: &Node<'_>,
        target: Option<&str>,
        commands: &mut Vec<Command>,
    ) -> DataSet {
        let sources: BTreeMap<String, Source> = node
            .node("sources")
            .iter()
            .flat_map(Node::entries)
            .filter_map(|entry| Some((entry.name.clone(), self.source(&entry)?)))
            .collect();
        let make = self.make(name, node, &sources, commands);
        let roles = self.roles(node, target);
        let split = self.split(node, &roles);
        let checks = node.node("checks").map(|checks| self.checks(&checks)).unwrap_or_default();
        let format = match node.text("format").map(|format| format.value).as_deref() {
            Some("csv") => TableFormat::Csv,
            _ => TableFormat::Parquet,
        };
        DataSet { sources, make, checks, split, roles, format }
    }

    fn source(&mut self, entry: &Entry<'_>) -> Option<Source> {
        let Some(node) = &entry.node else {
            let path = entry.value.get_ref().as_str()?.to_owned();
            let path = self.source_path(&entry.name, At { value: path, span: entry.value.span() });
            return Some(Source {
                path,
                delimiter: None,
                header: true,
                nulls: Vec::new(),
                types: BTreeMap::new(),
            });
        };
        let path = self.source_path(&entry.name, node.text("path")?);
        let delimiter = node.text("delimiter").and_then(|text| {
            let one = text.value.chars().next().filter(|_| text.value.len() == 1);
            if one.is_none() {
                self.problems.add(text.span, "a delimiter is one ASCII character: \",\", \";\" or \"\\t\"");
            }
            one
        });
        let types = node.node("types").map(|types| types.entries()).unwrap_or_default();
        let types = types
            .into_iter()
            .filter_map(|column| Some((column.name, data_type(column.value.get_ref().as_str()?)?)));
        Some(Source {
            path,
            delimiter,
            header: node.flag("header").is_none_or(|flag| flag.value),
            nulls: node.texts("nulls").map(plain).unwrap_or_default(),
            types: types.collect(),
        })
    }

    fn source_path(&mut self, name: &str, path: At<String>) -> String {
        if path.value.is_empty() {
            self.problems.add(path.span, "an empty path");
        } else if let Some((scheme, _)) = path.value.split_once("://") {
            self.problems.add_with_hint(
                path.span,
                format!("`{scheme}` sources can't be read"),
                "a source is a CSV or Parquet file, or a glob of many: download it, or fetch it in `run` with `network = true`",
            );
        } else if !self.matches_something(&path) {
            self.remarks.push(format!("source `{name}` finds no file at `{}`", path.value));
        }
        path.value
    }

    fn make(
        &mut self,
        name: &str,
        node: &Node<'_>,
        sources: &BTreeMap<String, Source>,
        commands: &mut Vec<Command>,
    ) -> Make {
        let ways: Vec<&str> = ["sql", "sql_file", "run"].into_iter().filter(|key| node.has(key)).collect();
        if let [first, second, ..] = ways[..] {
            let message = format!("`{first}` and `{second}` both say how the table is made; keep one");
            self.problems.add(node.key_span(second), message);
        }
        if ways.is_empty() && ["sql", "sql_file", "run"].iter().all(|key| node.lacks(key)) {
            for key in NEED_RUN.into_iter().filter(|key| node.has(key)) {
                self.problems
                    .add(node.key_span(key), format!("`{key}` belongs to a `run`, and there is none"));
            }
            if sources.len() > 1 {
                let names = sources.keys().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                self.problems.add_with_hint(
                    node.key_span("sources"),
                    format!("{} sources ({names}) and nothing that makes one table of them", sources.len()),
                    "add `sql = \"select … from … join …\"`, `sql_file` or `run`",
                );
            }
        }
        if sources.is_empty() && !node.has("run") && node.lacks("sources") && node.lacks("run") {
            self.problems.add_with_hint(
                node.span.clone(),
                format!("data set `{name}` has no sources"),
                format!("sources.{name} = \"data/{name}.csv\""),
            );
        }
        if node.has("run") {
            let command = self.command(Owner::Data(name.to_owned()), node, sources.keys().cloned().collect());
            let step = command.step.clone();
            commands.push(command);
            return Make::Run(Box::new(step));
        }
        if let Some(sql) = node.text("sql") {
            if sql.value.trim().is_empty() {
                self.problems.add(sql.span, "an empty query");
            }
            return Make::Sql { text: sql.value, file: None };
        }
        if let Some(file) = node.text("sql_file") {
            let text = self.project_file(&file, "the file that holds the query").unwrap_or_default();
            return Make::Sql { text, file: Some(file.value) };
        }
        Make::AsIs
    }

    fn roles(&mut self, node: &Node<'_>, target: Option<&str>) -> Roles {
        let Some(roles) = node.node("roles") else { return Roles::default() };
        let (id, time, private) = (roles.text("id"), roles.text("time"), roles.texts("private"));
        for (role, column) in
            [("id", &id), ("time", &time)].into_iter().filter_map(|(role, at)| Some((role, at.as_ref()?)))
        {
            if Some(column.value.as_str()) == target {
                self.problems.add(column.span.clone(), format!("the target can't have the role `{role}`"));
            }
        }
        for column in private.iter().flatten().filter(|column| Some(column.value.as_str()) == target) {
            self.problems.add(column.span.clone(), "the target can't be private: reports show it");
        }
        Roles {
            id: id.map(|at| at.value),
            time: time.map(|at| at.value),
            private: private.map(plain).unwrap_or_default(),
        }
    }

    fn checks(&mut self, checks: &Node<'_>) -> Checks {
        let rows = checks.node("rows");
        let bound = |key| rows.as_ref().and_then(|rows| rows.count(key));
        let (min_rows, max_rows) = (bound("min"), bound("max"));
        if let (Some(rows), Some(min), Some(max)) = (&rows, min_rows, max_rows)
            && min > max
        {
            self.problems.add(rows.key_span("min"), "`min` is above `max`");
        }
        let columns = checks.node("columns").map(|columns| columns.entries()).unwrap_or_default();
        let columns = columns.into_iter().filter_map(|entry| {
            let column = self.column_checks(entry.node.as_ref()?);
            Some((entry.name, column))
        });
        Checks { min_rows, max_rows, columns: columns.collect() }
    }

    fn limit(&mut self, node: &Node<'_>, key: &str) -> Option<Limit> {
        if let Some(number) = node.number(key) {
            return Some(Limit::Number(number));
        }
        let text = node.text(key)?;
        if lowest_micros(&text.value).is_none() {
            self.problems.add_with_hint(
                text.span,
                format!("`{}` is neither a date nor a time", text.value),
                "write it as \"2013-01-31\" or \"2013-01-31T12:00:00\"; a number stands without quotes",
            );
            return None;
        }
        Some(Limit::Time(text.value))
    }

    fn column_checks(&mut self, node: &Node<'_>) -> ColumnChecks {
        let (min, max) = (self.limit(node, "min"), self.limit(node, "max"));
        let above = match (&min, &max) {
            (Some(Limit::Number(min)), Some(Limit::Number(max))) => min > max,
            (Some(Limit::Time(min)), Some(Limit::Time(max))) => {
                lowest_micros(min).zip(highest_micros(max)).is_some_and(|(min, max)| min > max)
            }
            _ => false,
        };
        if above {
            self.problems.add(node.key_span("min"), "`min` is above `max`");
        }
        ColumnChecks {
            min,
            max,
            nulls: node.number("nulls"),
            unique: node.flag("unique").is_some_and(|flag| flag.value),
            values: node.scalars("values").map(plain),
            data_type: node.text("type").and_then(|name| data_type(&name.value)),
        }
    }
}

fn data_type(name: &str) -> Option<DataType> {
    use DataType::{Bool, Date, Float, Int, String, Timestamp};
    [Bool, Int, Float, String, Timestamp, Date].into_iter().find(|known| known.name() == name)
}
