//! Last year's rows once more: what a replay sends, in which order, and when labels become known.
//!
//! Rows are made as the project makes them, of sources that are named; nothing is kept of them. Sending is the
//! caller's.

use std::collections::VecDeque;
use std::path::Path;

use modelyard_core::config::{Checks, DataSet, Project, Split};
use modelyard_core::data::{Part, Roles};
use modelyard_core::table::{Column, Table};
use modelyard_core::{Fault, Kind, Result, Timestamp};
use modelyard_data::{Ingest, ingest, read_table};
use serde_json::{Map, Value};

/// The rows of a data set, in the order of their time.
pub struct Replay {
    table: Table,
    roles: Roles,
    /// Columns that are in no request: the target, private ones, the one that says which part a row is of.
    kept_back: Vec<String>,
    target: String,
}

/// A row as it is sent.
pub struct Sent {
    /// What a client would know.
    pub request: Value,
    /// What turned out to be true; `None` where nobody knows.
    pub label: Option<Value>,
    pub at: Option<Timestamp>,
    /// Of the role `id`.
    pub id: Option<String>,
}

impl Replay {
    /// Makes the rows of the data set `name` of `project`, with relative sources in `root`, in the empty folder
    /// `scratch`.
    ///
    /// # Errors
    /// If there is no such data set, it is made by a command, or its sources can't be read.
    pub fn of(project: &Project, name: &str, dataset: &DataSet, root: &Path, scratch: &Path) -> Result<Self> {
        if matches!(dataset.make, modelyard_core::config::Make::Run(_)) {
            return Err(Fault::new(
                Kind::Usage,
                format!("`{name}` is made by a command, which a replay does not run"),
            )
            .hint("replay a data set that is made by SQL, or of one source"));
        }
        // A month alone may break what holds for all of the data, and there is nothing to hold out.
        let whole = DataSet {
            checks: Checks::default(),
            split: Split::Random { seed: 0, key: Vec::new(), test: 0.0, validation: 0.0 },
            ..dataset.clone()
        };
        let request = Ingest { name, root, dataset: &whole, target: None, previous: None, table: None };
        let ingested = ingest(&request, scratch)?;
        let rows = ingested
            .parts
            .get(&Part::Train)
            .ok_or_else(|| Fault::new(Kind::Data, format!("`{name}` has no rows to replay")))?;
        let table = read_table(&rows.parquet, None)?;
        let target = project.target.clone();
        let mut kept_back = ingested.roles.private.clone();
        kept_back.push(target.clone());
        if let Split::Column { column } = &dataset.split {
            kept_back.push(column.clone());
        }
        Ok(Self { table, roles: ingested.roles, kept_back, target })
    }

    pub fn rows(&self) -> usize {
        self.table.rows()
    }

    /// Whether rows have a time of their own.
    pub fn has_time(&self) -> bool {
        self.roles.time.is_some()
    }

    pub fn row(&self, row: usize) -> Sent {
        let mut request = Map::new();
        for (name, column) in self.table.columns() {
            if !self.kept_back.iter().any(|kept_back| kept_back == name) {
                request.insert(name.to_owned(), column.json(row));
            }
        }
        let of_role = |role: &Option<String>| role.as_deref().and_then(|name| self.table.column(name));
        let label = self.table.column(&self.target).map(|column| column.json(row));
        Sent {
            request: Value::Object(request),
            label: label.filter(|label| !label.is_null()),
            at: of_role(&self.roles.time).and_then(|column| time(column, row)),
            id: of_role(&self.roles.id).and_then(|column| column.text(row)),
        }
    }
}

fn time(column: &Column, row: usize) -> Option<Timestamp> {
    match column {
        Column::Timestamp(values) => values[row].map(Timestamp::from_micros),
        Column::Date(values) => {
            values[row].map(|days| Timestamp::from_micros(i64::from(days) * 86_400_000_000))
        }
        _ => None,
    }
}

/// Labels that are not known yet, by the rows' own clock.
#[derive(Default)]
pub struct Later {
    after_micros: i64,
    waiting: VecDeque<(i64, Value)>,
}

impl Later {
    /// Each is known `secs` after its row happened.
    pub fn new(secs: f64) -> Self {
        Self { after_micros: (secs * 1e6) as i64, waiting: VecDeque::new() }
    }

    /// Of rows in the order of their time.
    pub fn add(&mut self, at: Option<Timestamp>, label: Value) {
        let due = at.map_or(i64::MIN, |at| at.micros().saturating_add(self.after_micros));
        self.waiting.push_back((due, label));
    }

    /// Those that are known at `now`; without it all.
    pub fn known(&mut self, now: Option<Timestamp>) -> Vec<Value> {
        let mut known = Vec::new();
        while let Some((due, _)) = self.waiting.front()
            && now.is_none_or(|now| *due <= now.micros())
        {
            known.extend(self.waiting.pop_front().map(|(_, label)| label));
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_label_is_known_once_its_time_has_come() {
        let at = |text| Timestamp::parse(text);
        let mut later = Later::new(86_400.0);
        later.add(at("2013-05-01 05:00"), json!(1));
        later.add(at("2013-05-01 06:00"), json!(2));
        assert_eq!(later.known(at("2013-05-02 04:59")), [] as [Value; 0]);
        assert_eq!(later.known(at("2013-05-02 05:00")), [json!(1)]);
        assert_eq!(later.known(None), [json!(2)]);
    }
}
