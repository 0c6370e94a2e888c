//! What the page of a watched environment shows, gathered from the home.

use modelyard_core::data::ColumnProfile;
use modelyard_core::model::{ModelRef, Which};
use modelyard_core::monitor::{ColumnFound, WindowRecord, log};
use modelyard_core::package::{PROFILE, TrainingProfile};
use modelyard_core::ports::Home;
use modelyard_core::table::Column;
use modelyard_core::text::thousands;
use modelyard_core::{Result, Timestamp};
use modelyard_evaluate::metric;
use modelyard_evaluate::monitoring::{Compared, MonitorReport};

use super::rows::{By, Rows, Wanted};
use super::watched::Watched;

/// So many columns are shown as they were and are.
const COLUMNS: usize = 8;

/// Bins of a histogram, at most.
const BINS: usize = 12;

/// Of the environment `watched`, at `now`.
///
/// # Errors
/// If the home can't be read.
pub async fn gather(home: &Home, watched: &Watched, now: Timestamp) -> Result<MonitorReport> {
    let Watched { id, spec, .. } = watched;
    let windows = home.monitoring.windows(id, None).await?;
    let mut alerts = home.alerts.alerts(&id.project, false).await?;
    alerts.retain(|alert| alert.environment.as_ref().is_none_or(|name| *name == id.name));
    let mut report = MonitorReport {
        project: id.project.clone(),
        environment: id.name.clone(),
        time: spec.time.clone(),
        metric: None,
        windows,
        compared: Vec::new(),
        alerts,
        causes: home.causes.causes(&id.project).await?,
        made_at: now,
    };
    if let Some(newest) = report.newest().cloned() {
        let model = ModelRef { name: newest.model.clone(), which: Which::Number(newest.number) };
        let version = home.models.resolve(&model).await?;
        report.metric = version.and_then(|version| {
            let (name, _) = version.metric?;
            let goal = metric::lookup(&name)?.goal();
            Some((name, goal))
        });
        report.compared = compared(home, watched, &newest).await?;
    }
    Ok(report)
}

/// The columns that are farthest away in `window`, as they were where its version learnt and as they are.
async fn compared(home: &Home, watched: &Watched, window: &WindowRecord) -> Result<Vec<Compared>> {
    let Some(profile) = profile(home, window).await? else { return Ok(Vec::new()) };
    let far = |found: &ColumnFound| match found.above {
        Some(true) => 1.0 + (found.value / found.threshold).abs().min(1e6),
        _ => (found.value / found.threshold).abs().min(1.0),
    };
    let mut columns: Vec<_> = window.columns.iter().collect();
    columns.sort_by(|(_, a), (_, b)| b.moved.cmp(&a.moved).then(far(b).total_cmp(&far(a))));
    let mut tallies: Vec<Tally> = columns
        .into_iter()
        .filter_map(|(name, _)| profile.inputs.iter().find(|profile| profile.name == *name))
        .filter_map(Tally::new)
        .take(COLUMNS)
        .collect();
    let wanted = Wanted {
        by: watched.spec.time.clone().map_or(By::Arrival, By::Time),
        from: window.start,
        to: window.end,
        columns: Some(tallies.iter().map(|tally| tally.stored.clone()).collect()),
    };
    let mut rows = Rows::of(home, &watched.id, wanted).await?;
    while let Some(piece) = rows.next().await? {
        if piece.package != Some(window.package) {
            continue;
        }
        for tally in &mut tallies {
            if let Some(column) = piece.table.column(&tally.stored) {
                tally.add(column);
            }
        }
    }
    Ok(tallies.into_iter().filter_map(Tally::compared).collect())
}

async fn profile(home: &Home, window: &WindowRecord) -> Result<Option<TrainingProfile>> {
    let Some(tree) = home.blobs.tree(window.package).await? else { return Ok(None) };
    let Some(file) = tree.file(PROFILE) else { return Ok(None) };
    let bytes = home.blobs.get(file.digest).await?;
    // One of another version of the program is no reason to show no page.
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// How often each bin or value of a column comes.
struct Tally {
    name: String,
    /// As the log calls the column.
    stored: String,
    bins: Bins,
    was: Vec<u64>,
    is: Vec<u64>,
}

enum Bins {
    /// Upper ends; what is above the last falls into it.
    Numbers { names: Vec<String>, ends: Vec<f64> },
    /// All others fall into one more.
    Values(Vec<String>),
}

impl Tally {
    /// `None` for a column that has neither numbers nor values.
    fn new(profile: &ColumnProfile) -> Option<Self> {
        let (bins, was) = match &profile.numbers {
            Some(numbers) if profile.top.is_empty() || profile.top.len() > BINS => {
                let join = numbers.counts.len().div_ceil(BINS).max(1);
                let was: Vec<u64> = numbers.counts.chunks(join).map(|joined| joined.iter().sum()).collect();
                let ends: Vec<f64> = (1..=was.len())
                    .filter_map(|bin| numbers.edges.get(bin * join).or(numbers.edges.last()))
                    .copied()
                    .collect();
                let low = numbers.edges.first().copied()?;
                let begins = [low].into_iter().chain(ends.iter().copied());
                let names = begins
                    .zip(&ends)
                    .map(|(from, to)| format!("{} to {}", shown(from), shown(*to)))
                    .collect();
                (Bins::Numbers { names, ends }, was)
            }
            _ if profile.top.is_empty() => return None,
            _ => {
                let top = profile.top.iter().take(BINS);
                let (values, was) = top.map(|value| (value.value.clone(), value.count)).unzip();
                (Bins::Values(values), was)
            }
        };
        let is = vec![0; was.len() + 1];
        Some(Self {
            name: profile.name.clone(),
            stored: log::stored_name(&profile.name).into_owned(),
            bins,
            was,
            is,
        })
    }

    fn add(&mut self, column: &Column) {
        for row in 0..column.len() {
            let place = match (&self.bins, text(column, row), number(column, row)) {
                (Bins::Numbers { ends, .. }, _, Some(value)) if value.is_finite() => {
                    ends.partition_point(|end| value >= *end).min(ends.len().saturating_sub(1))
                }
                (Bins::Values(values), Some(text), _) => {
                    values.iter().position(|value| *value == text).unwrap_or(values.len())
                }
                _ => continue,
            };
            if let Some(count) = self.is.get_mut(place) {
                *count += 1;
            }
        }
    }

    /// `None` where the window has no value.
    fn compared(self) -> Option<Compared> {
        let (was, is): (u64, u64) = (self.was.iter().sum(), self.is.iter().sum());
        if is == 0 {
            return None;
        }
        let mut names = match self.bins {
            Bins::Numbers { names, .. } => names,
            Bins::Values(values) => values,
        };
        names.push("others".to_owned());
        let was = self.was.iter().chain([&0]).map(|count| *count as f64 / was.max(1) as f64);
        let is_there = self.is.iter().map(|count| *count as f64 / is as f64);
        let bins = names.into_iter().zip(was).zip(is_there).map(|((name, was), is)| (name, was, is));
        let bins: Vec<_> = bins.filter(|(name, was, is)| name != "others" || *was + *is > 0.0).collect();
        Some(Compared { column: self.name, bins })
    }
}

fn number(column: &Column, row: usize) -> Option<f64> {
    match column {
        Column::Bool(values) => values[row].map(|value| f64::from(u8::from(value))),
        Column::Int(values) | Column::Timestamp(values) => values[row].map(|value| value as f64),
        Column::Float(values) => values[row],
        Column::Date(values) => values[row].map(f64::from),
        Column::String(_) => None,
    }
}

/// As a profile writes it.
fn text(column: &Column, row: usize) -> Option<String> {
    match column {
        Column::String(values) => values[row].clone(),
        Column::Bool(values) => values[row].map(|value| value.to_string()),
        Column::Int(values) => values[row].map(|value| value.to_string()),
        Column::Float(_) | Column::Timestamp(_) | Column::Date(_) => None,
    }
}

/// With three digits that count.
fn shown(value: f64) -> String {
    match value.abs() {
        size if (1000.0..1e15).contains(&size) => {
            let sign = if value < 0.0 { "−" } else { "" };
            format!("{sign}{}", thousands(size.round() as u64))
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 1.0 || size == 0.0 => format!("{}", (value * 10.0).round() / 10.0),
        size => format!("{value:.*}", (2.0 - size.log10().floor()).clamp(0.0, 12.0) as usize),
    }
}
