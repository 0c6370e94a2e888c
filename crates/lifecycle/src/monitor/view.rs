//! What the windows of a project show, for whoever asks: a verdict in words first, then the numbers.

use modelyard_core::deploy::{Applied, EnvironmentId};
use modelyard_core::monitor::{ColumnFound, MetricFound, MonitorSpec, WindowRecord};
use modelyard_core::ports::Home;
use modelyard_core::{Fault, Kind, Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::consequences::{day, listed};

/// Windows before the last one whose metrics stand beside it.
const BEFORE: usize = 1;

/// What the last windows of an environment show.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = MonitorStatus)]
pub struct Status {
    pub project: String,
    pub environment: String,
    /// The version of the last window, `late-flights@1`; `None` before there is one.
    pub model: Option<String>,
    /// In words.
    pub verdict: String,
    /// Begin and end of the last window, on the monitor's clock.
    pub window: Option<(Timestamp, Timestamp)>,
    pub rows: u64,
    pub labelled: u64,
    pub failed: u64,
    /// Those that moved first, then by how far they are away.
    pub columns: Vec<ColumnStatus>,
    /// The answers themselves.
    pub output: Option<ColumnStatus>,
    pub metrics: Vec<MetricStatus>,
    pub p50_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub not_finite: u64,
    /// Windows that were judged.
    pub windows: usize,
    /// What could not be judged in the last one, and why.
    pub remarks: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = MonitorColumn)]
pub struct ColumnStatus {
    pub name: String,
    pub moved: bool,
    /// Begin of the first window by which it moved.
    pub since: Option<Timestamp>,
    /// Windows since then, in which it was away.
    pub windows: usize,
    pub test: String,
    pub value: f64,
    pub threshold: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = MonitorMetric)]
pub struct MetricStatus {
    pub name: String,
    /// Of the last window with labels.
    #[serde(flatten)]
    pub found: MetricFound,
    pub window: Timestamp,
    /// Of the window with labels before.
    pub before: Option<f64>,
    /// Whether answers have got worse by it.
    pub decayed: bool,
}

/// The project that `name` names, itself or by its registered model.
///
/// # Errors
/// [`Kind::NotFound`] if there is none that watches anything.
pub async fn find(home: &Home, name: &str) -> Result<Applied> {
    let mut named = home.environments.applied(name).await?;
    if named.is_none() {
        for project in home.environments.projects().await? {
            let applied = home.environments.applied(&project).await?;
            named = named.or(applied.filter(|applied| applied.model == name));
        }
    }
    named.ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("no project or model `{name}` was applied to this home"))
            .hint("declare [monitor] in modelyard.toml and run `modelyard apply`")
    })
}

fn watched(applied: &Applied) -> Result<(&MonitorSpec, EnvironmentId)> {
    let spec = applied.monitor.as_ref().ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("project `{}` watches nothing", applied.project))
            .hint("declare [monitor] in modelyard.toml and run `modelyard apply`")
    })?;
    Ok((spec, EnvironmentId { project: applied.project.clone(), name: spec.environment.clone() }))
}

/// All windows, by their begin, then version; those that end after `after` alone.
///
/// # Errors
/// If the project watches nothing, or the home can't be read.
pub async fn windows(home: &Home, applied: &Applied, after: Option<Timestamp>) -> Result<Vec<WindowRecord>> {
    let (_, id) = watched(applied)?;
    home.monitoring.windows(&id, after).await
}

/// How the project's environment does.
///
/// # Errors
/// As [`windows`].
pub async fn status(home: &Home, applied: &Applied) -> Result<Status> {
    let (spec, id) = watched(applied)?;
    let windows = home.monitoring.windows(&id, None).await?;
    Ok(of(spec, &id, &windows))
}

fn of(spec: &MonitorSpec, id: &EnvironmentId, windows: &[WindowRecord]) -> Status {
    // Of the last span the version with the most rows; one in which nothing came says nothing of columns.
    let last_start = windows.iter().filter(|window| window.rows > 0).map(|window| window.start).max();
    let of_last = windows.iter().filter(|window| Some(window.start) == last_start);
    let last = of_last.max_by_key(|window| window.rows);
    let of_version: Vec<&WindowRecord> =
        windows.iter().filter(|window| last.is_some_and(|last| last.package == window.package)).collect();
    let mut columns: Vec<ColumnStatus> = last
        .iter()
        .flat_map(|last| last.columns.iter())
        .map(|(name, found)| {
            let past = of_version.iter().filter_map(|window| Some((window.start, window.columns.get(name)?)));
            column(name, found, past)
        })
        .collect();
    let far =
        |column: &ColumnStatus| if column.threshold > 0.0 { column.value / column.threshold } else { 0.0 };
    columns.sort_by(|one, other| other.moved.cmp(&one.moved).then(far(other).total_cmp(&far(one))));
    let output = last.and_then(|last| last.output.as_ref()).map(|found| {
        let past = of_version.iter().filter_map(|window| Some((window.start, window.output.as_ref()?)));
        column("answers", found, past)
    });
    let metrics = metrics(&of_version);
    let mut status = Status {
        project: id.project.clone(),
        environment: id.name.clone(),
        model: last.map(|last| format!("{}@{}", last.model, last.number)),
        verdict: String::new(),
        window: last.map(|last| (last.start, last.end)),
        rows: last.map_or(0, |last| last.rows),
        labelled: last.map_or(0, |last| last.labelled),
        failed: last.map_or(0, |last| last.failed),
        columns,
        output,
        metrics,
        p50_ms: last.and_then(|last| last.p50_ms),
        p95_ms: last.and_then(|last| last.p95_ms),
        p99_ms: last.and_then(|last| last.p99_ms),
        not_finite: last.map_or(0, |last| last.not_finite),
        windows: windows.len(),
        remarks: last.map(|last| last.remarks.clone()).unwrap_or_default(),
    };
    status.verdict = verdict(spec, &status);
    status
}

fn column<'a>(
    name: &str,
    found: &ColumnFound,
    past: impl Iterator<Item = (Timestamp, &'a ColumnFound)>,
) -> ColumnStatus {
    let since = found.since;
    let away =
        past.filter(|(start, found)| found.above == Some(true) && since.is_some_and(|since| *start >= since));
    ColumnStatus {
        name: name.to_owned(),
        moved: found.moved,
        since,
        windows: away.count(),
        test: found.test.clone(),
        value: found.value,
        threshold: found.threshold,
    }
}

/// Of the last window with labels, the one that decides first.
fn metrics(windows: &[&WindowRecord]) -> Vec<MetricStatus> {
    let labelled: Vec<_> = windows.iter().rev().filter(|window| !window.metrics.is_empty()).collect();
    let Some(last) = labelled.first() else { return Vec::new() };
    let decides = last.decay.as_ref().map(|decay| decay.test.as_str());
    let mut metrics: Vec<MetricStatus> = last
        .metrics
        .iter()
        .map(|(name, found)| MetricStatus {
            name: name.clone(),
            found: *found,
            window: last.start,
            before: labelled.get(BEFORE).and_then(|window| Some(window.metrics.get(name)?.value)),
            decayed: decides == Some(name) && last.decay.as_ref().is_some_and(|decay| decay.moved),
        })
        .collect();
    metrics.sort_by_key(|metric| decides != Some(metric.name.as_str()));
    metrics
}

fn verdict(spec: &MonitorSpec, status: &Status) -> String {
    if status.model.is_none() {
        return match spec.time {
            Some(_) => "no window is closed yet: one is when a row of a later one has come".to_owned(),
            None => "no window is closed yet".to_owned(),
        };
    }
    let moved: Vec<&ColumnStatus> = status.columns.iter().filter(|column| column.moved).collect();
    let names: Vec<String> = moved.iter().map(|column| column.name.clone()).collect();
    let mut parts = Vec::new();
    if let Some(since) = moved.iter().filter_map(|column| column.since).min() {
        let have = if names.len() == 1 { "has" } else { "have" };
        parts.push(format!("{} {have} moved since {}", listed(&names), day(since)));
    }
    if let Some(since) = status.output.as_ref().filter(|output| output.moved).and_then(|output| output.since)
    {
        parts.push(format!("answers are distributed otherwise since {}", day(since)));
    }
    if let Some(metric) = status.metrics.iter().find(|metric| metric.decayed) {
        let before = metric.before.map_or(String::new(), |before| format!("{before:.3} → "));
        parts.push(format!("answers have got worse: {} {before}{:.3}", metric.name, metric.found.value));
    }
    if status.not_finite > 0 {
        parts.push(format!("{} answers are no numbers", status.not_finite));
    }
    if parts.is_empty() { "nothing has moved".to_owned() } else { parts.join("; ") }
}
