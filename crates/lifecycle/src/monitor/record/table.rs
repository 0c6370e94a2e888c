//! From requests to the table of a segment.

use modelyard_core::deploy::EnvironmentId;
use modelyard_core::monitor::NewSegment;
use modelyard_core::monitor::log::{OK, OWN, PREDICTION, probability, stored_name};
use modelyard_core::package::{Manifest, Predictions};
use modelyard_core::table::{Column, DataType, Field, Table};
use modelyard_core::{Digest, Timestamp};
use modelyard_serve::log::{Entry, is_sampled};

use crate::monitor::rows::instant;

/// The rows of one package, column by column.
pub(super) struct Open {
    environment: EnvironmentId,
    pub(super) package: Option<Digest>,
    version: Option<u32>,
    ids: Vec<Option<String>>,
    ats: Vec<Option<i64>>,
    versions: Vec<Option<i64>>,
    keys: Vec<Option<String>>,
    latencies: Vec<Option<f64>>,
    statuses: Vec<Option<String>>,
    classes: Vec<String>,
    prediction: Column,
    probabilities: Vec<Probability>,
    data: Vec<(Field, Column)>,
    n_inputs: usize,
    /// Place of the column with the role `time` among `data`.
    time: Option<usize>,
}

/// The column with the probability of the class at `place`.
struct Probability {
    name: String,
    place: usize,
    values: Vec<Option<f64>>,
}

impl Open {
    /// Without rows yet, for those like `entry`.
    pub(super) fn like(entry: &Entry, environment: &EnvironmentId, time: Option<&str>) -> Self {
        let manifest = entry.asked.as_ref().map(|asked| &*asked.manifest);
        let classes = manifest.map(|manifest| manifest.classes.clone()).unwrap_or_default();
        let is_number = manifest.is_some() && classes.is_empty();
        let data = manifest.map(data_columns).unwrap_or_default();
        Self {
            environment: environment.clone(),
            package: entry.asked.as_ref().map(|asked| asked.package),
            version: entry.asked.as_ref().and_then(|asked| asked.version),
            ids: Vec::new(),
            ats: Vec::new(),
            versions: Vec::new(),
            keys: Vec::new(),
            latencies: Vec::new(),
            statuses: Vec::new(),
            prediction: Column::empty(if is_number { DataType::Float } else { DataType::String }),
            probabilities: probabilities(
                &classes,
                manifest.and_then(|manifest| manifest.positive.as_deref()),
            ),
            classes,
            n_inputs: manifest.map_or(0, |manifest| manifest.signature.inputs.len()),
            time: time.and_then(|time| data.iter().position(|(field, _)| field.name == time)),
            data,
        }
    }

    pub(super) fn rows(&self) -> usize {
        self.ids.len()
    }

    /// Adds the rows of `entry`, of a list those alone that the share `sample` has.
    pub(super) fn push(&mut self, entry: Entry, sample: f64) {
        let rows = entry.rows();
        let before = self.rows();
        let version = entry.asked.as_ref().and_then(|asked| asked.version).map(i64::from);
        match entry.is_list {
            true => self.ids.extend((0..rows).map(|row| Some(format!("{}/{row}", entry.id)))),
            false => self.ids.extend((0..rows).map(|_| Some(entry.id.clone()))),
        }
        self.ats.resize(before + rows, Some(entry.at.micros()));
        self.versions.resize(before + rows, version);
        self.keys.resize(before + rows, entry.key);
        self.latencies.resize(before + rows, Some(entry.latency.as_micros() as f64 / 1e3));
        let status = entry.answer.as_ref().map_or_else(|code| code.as_str(), |_| OK);
        self.statuses.resize(before + rows, Some(status.to_owned()));
        self.answered(entry.answer.ok(), rows);
        let (inputs, meta) = match entry.question {
            Some(question) => (question.inputs.into_columns(), question.meta.into_columns()),
            None => (Vec::new(), Vec::new()),
        };
        let given = inputs.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
        let given = given
            .take(self.n_inputs)
            .chain(meta.into_iter().map(Some))
            .chain(std::iter::repeat_with(|| None));
        for ((field, column), given) in self.data.iter_mut().zip(given) {
            column.append(given.unwrap_or_else(|| Column::missing(field.data_type, rows)));
        }
        if entry.is_list && sample < 1.0 {
            self.sample(before, sample);
        }
    }

    fn answered(&mut self, predictions: Option<Predictions>, rows: usize) {
        let n_classes = self.classes.len();
        let mut all = None;
        match (&mut self.prediction, predictions) {
            (Column::Float(values), Some(Predictions::Values(found))) => {
                values.extend(found.into_iter().map(Some));
            }
            (Column::String(values), Some(Predictions::Classes { labels, probabilities })) => {
                values.extend(labels.into_iter().map(|label| self.classes.get(label).cloned()));
                all = probabilities;
            }
            (column, _) => column.append(Column::missing(column.data_type(), rows)),
        }
        for Probability { place, values, .. } in &mut self.probabilities {
            let value = |row: usize| all.as_ref().map(|all: &Vec<f64>| all[row * n_classes + *place]);
            values.extend((0..rows).map(value));
        }
    }

    /// Of the rows from `start` on those alone that the share `sample` has.
    fn sample(&mut self, start: usize, sample: f64) {
        let kept: Vec<bool> = self
            .ids
            .iter()
            .enumerate()
            .map(|(row, id)| row < start || id.as_ref().is_some_and(|id| is_sampled(id, sample)))
            .collect();
        retain(&mut self.ids, &kept);
        retain(&mut self.ats, &kept);
        retain(&mut self.versions, &kept);
        retain(&mut self.keys, &kept);
        retain(&mut self.latencies, &kept);
        retain(&mut self.statuses, &kept);
        self.prediction.retain(&kept);
        self.probabilities.iter_mut().for_each(|column| retain(&mut column.values, &kept));
        self.data.iter_mut().for_each(|(_, column)| column.retain(&kept));
    }

    /// The table with what is to be known of it; `None` without rows.
    pub(super) fn close(self, dropped: u64) -> Option<(NewSegment, Table)> {
        let rows = self.rows();
        let first = self.ats.iter().flatten().min().copied()?;
        let last = self.ats.iter().flatten().max().copied()?;
        let happened = self.time.and_then(|place| span(&self.data[place].1));
        let content = NewSegment {
            environment: self.environment.clone(),
            rows: rows as u64,
            from: Timestamp::from_micros(first),
            to: Timestamp::from_micros(last),
            happened,
            dropped,
            version: self.version,
            package: self.package,
            compacted: None,
        };
        let own = [
            Column::String(self.ids),
            Column::Timestamp(self.ats),
            Column::String(vec![Some(self.environment.to_string()); rows]),
            Column::Int(self.versions),
            Column::String(self.keys),
            Column::Float(self.latencies),
            Column::String(self.statuses),
        ];
        let mut table = Table::new();
        for (name, column) in OWN.into_iter().zip(own) {
            table.push(name, column);
        }
        table.push(PREDICTION, self.prediction);
        for Probability { name, values, .. } in self.probabilities {
            table.push(name, Column::Float(values));
        }
        for (field, column) in self.data {
            table.push(stored_name(&field.name), column);
        }
        Some((content, table))
    }
}

fn retain<T>(values: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    values.retain(|_| kept.next().copied().unwrap_or(false));
}

/// Inputs, then what is logged besides.
fn data_columns(manifest: &Manifest) -> Vec<(Field, Column)> {
    let inputs = manifest.signature.inputs.iter().map(|input| Field {
        name: input.name.clone(),
        data_type: input.data_type,
        nullable: true,
    });
    let fields = inputs.chain(manifest.signature.meta.iter().cloned());
    fields.map(|field| (field.clone(), Column::empty(field.data_type))).collect()
}

fn probabilities(classes: &[String], positive: Option<&str>) -> Vec<Probability> {
    let columns = classes.iter().zip(0..);
    columns
        .filter_map(|(class, place)| {
            let name = probability(class, classes, positive)?;
            Some(Probability { name, place, values: Vec::new() })
        })
        .collect()
}

/// Earliest and latest instant of a column, if it has any.
fn span(column: &Column) -> Option<(Timestamp, Timestamp)> {
    let instants = (0..column.len()).filter_map(|row| instant(column, row));
    let (first, last) = instants.fold(None, |span: Option<(i64, i64)>, at| {
        Some(span.map_or((at, at), |(first, last)| (first.min(at), last.max(at))))
    })?;
    Some((Timestamp::from_micros(first), Timestamp::from_micros(last)))
}
