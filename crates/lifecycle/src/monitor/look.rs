//! What the server does about windows, once a second: reads which segments and labels are new, closes the windows
//! whose time is over, judges them, and keeps what was found.
//!
//! - The **watermark** is how far the windows' clock has come: by the role `time` the latest time of a row, by
//!   arrival the clock, less what replicas take to write. A window is **closed** when the watermark reaches its end.
//! - Rows and labels that come later are **late**: they open the window again as long as its end was less than
//!   `grace` ago on the same clock, and it is judged anew, from all of its rows. So each row is counted once, however
//!   often a window is judged, and wherever a server was killed.
//! - A window in which nothing came is **empty**, and a record as well, of the version that served before.
//! - A row from the future (more than a window after now) moves no watermark: a clock that is wrong closes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use modelyard_core::audit::Actor;
use modelyard_core::config::Project;
use modelyard_core::deploy::{Applied, Environment, EnvironmentId, Phase, Placed, Role};
use modelyard_core::fault::Attempt;
use modelyard_core::monitor::{MonitorSpec, Segment, WindowRecord};
use modelyard_core::ports::{Found, Home};
use modelyard_core::run::SNAPSHOT_CONFIG;
use modelyard_core::{Digest, Fault, Kind, Result, Timestamp};
use modelyard_data::{SegmentReader, segment_fields};
use modelyard_pipeline::Engine;
use serde_json::json;

use super::alerts::MONITOR;
use super::consequences;
use super::gathered::{self, Gathered};
use super::judge::{self, Case};
use super::memory::{Memory, ServedBy, States};
use super::reference::{Maker, Reference, times};
use super::span::{Spans, later, micros};
use super::watcher::Duty;
use crate::Settings;

/// What replicas take to write what they answered, beyond the time after which they close a segment.
const WRITING_MICROS: i64 = 5_000_000;

/// Labels that keep coming are waited for, at most so long, so that a window is not judged at each of them.
const LABELS_MICROS: i64 = 30_000_000;
const LABELS_A_TIME: usize = 10_000;

/// Of windows in which nothing came, one after the other, the last so many are kept.
const MOST_EMPTY: i64 = 100;

/// Where a segment spans more windows than this, its rows are looked at.
const FEW_WINDOWS: i64 = 4;
const ROWS_A_TIME: usize = 65_536;

/// Judges the windows of all projects.
pub struct Windows {
    engine: Engine,
    settings: Settings,
    references: Mutex<BTreeMap<String, Arc<Reference>>>,
    waiting: Mutex<BTreeMap<EnvironmentId, Waiting>>,
}

/// Labels that are not judged yet.
#[derive(Clone, Copy)]
struct Waiting {
    last: u64,
    since: Timestamp,
}

/// What is looked at.
struct Subject<'a> {
    applied: &'a Applied,
    spec: &'a MonitorSpec,
    id: EnvironmentId,
    spans: Spans,
}

#[async_trait]
impl Duty for Windows {
    fn name(&self) -> &'static str {
        "windows"
    }

    async fn look(&self) -> Result<()> {
        let mut failed = None;
        for project in self.home().environments.projects().await? {
            if let Err(fault) = self.project(&project).await {
                failed.get_or_insert(fault);
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

impl Windows {
    /// `engine` makes references, which asks models, opened by `settings`.
    pub fn new(engine: Engine, settings: Settings) -> Self {
        Self { engine, settings, references: Mutex::default(), waiting: Mutex::default() }
    }

    fn home(&self) -> &Home {
        &self.engine.home
    }

    /// Judges all windows of `project` that are due.
    ///
    /// # Errors
    /// If the home can't be read or written.
    pub async fn project(&self, project: &str) -> Result<()> {
        let Some(applied) = self.home().environments.applied(project).await? else { return Ok(()) };
        let Some(spec) = &applied.monitor else { return Ok(()) };
        let id = EnvironmentId { project: applied.project.clone(), name: spec.environment.clone() };
        let subject = Subject { applied: &applied, spec, id, spans: Spans::of(spec) };
        let mut labels = self.new_labels(&subject).await?;
        while self.step(&subject, labels.take()).await? {}
        let memory = self.memory(&subject).await?.1;
        consequences::tell(self.home(), &*self.engine.clock, &subject.id, &memory.standing).await
    }

    async fn memory(&self, subject: &Subject<'_>) -> Result<(u64, Memory)> {
        let kept = self.home().monitoring.memory(&subject.id).await?;
        let revision = kept.as_ref().map_or(0, |(revision, _)| *revision);
        Ok((revision, Memory::read(kept.map(|(_, memory)| memory), subject.spec)?))
    }

    /// Takes what is new and judges one window, in one transaction; answers whether another may be due. `labels`
    /// is the last label, where windows are to be judged with those that came.
    async fn step(&self, subject: &Subject<'_>, labels: Option<u64>) -> Result<bool> {
        let (revision, before) = self.memory(subject).await?;
        let mut memory = before.clone();
        self.take_segments(subject, &mut memory).await?;
        let now = self.engine.clock.now();
        let Some(horizon) = horizon(subject.spec, &memory, now) else { return Ok(false) };
        let grace = micros(subject.spec.grace_secs);
        memory.tidy(subject.spans, grace, horizon);
        if let Some(last) = labels {
            memory.label = last;
            let closed: Vec<Timestamp> = memory.closed.keys().copied().collect();
            memory.pending.extend(closed);
        }
        fill(subject.spans, &mut memory, horizon);
        let due = memory.pending.first().copied().filter(|start| subject.spans.end(*start) <= horizon);
        let mut found = Found {
            environment: subject.id.clone(),
            revision,
            memory: json!(null),
            windows: Vec::new(),
            causes: Vec::new(),
        };
        if let Some(start) = due {
            found.windows = self.judge(subject, &mut memory, start, now).await?;
            let serving = self.home().environments.environment(&subject.id).await?;
            let serving = serving.as_ref().and_then(serving_package);
            let clock = &*self.engine.clock;
            found.causes = consequences::causes(subject.applied, &found.windows, serving, clock);
            consequences::stand(&mut memory, &found.windows, serving, start);
        }
        if memory == before && found.windows.is_empty() {
            return Ok(false);
        }
        found.memory = serde_json::to_value(&memory)
            .attempt(Kind::Internal, || "cannot write what the monitor remembers as JSON".to_owned())?;
        let actor = Actor { name: MONITOR.to_owned(), at: now };
        match self.home().monitoring.keep(&found, &actor).await {
            Ok(()) => Ok(due.is_some()),
            // Another server was quicker: what it left is taken up by the next look.
            Err(fault) if fault.kind() == Kind::Conflict => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Notes which windows have rows that no judgement knows, and how far the windows' clock has come.
    async fn take_segments(&self, subject: &Subject<'_>, memory: &mut Memory) -> Result<()> {
        let spans = subject.spans;
        let now = self.engine.clock.now();
        let grace = micros(subject.spec.grace_secs);
        let seen = memory.segment;
        let mut segments = self.home().log.segments(&subject.id, seen).await?;
        // One that was compacted stands where those stood whose rows it has.
        segments.sort_by_key(|segment| segment.content.compacted.unwrap_or(segment.number));
        for segment in segments {
            memory.segment = memory.segment.max(segment.number);
            // The rows of a segment that was compacted from known ones are known.
            if segment.content.compacted.is_some_and(|last| last <= seen) {
                continue;
            }
            let mut touched = BTreeSet::new();
            let mut latest = None;
            let future = later(now, spans.micros());
            let range = match subject.spec.time {
                Some(_) => segment.content.happened,
                None => Some((segment.content.from, segment.content.to)),
            };
            match (range, &subject.spec.time) {
                (Some((first, last)), Some(time))
                    if spans.count(first, last) > FEW_WINDOWS || last > future =>
                {
                    // One that can't be read has no rows for anybody; what is wrong is told when the window is.
                    let found = self.times(&segment, time).await.unwrap_or_default();
                    for at in found.into_iter().filter(|at| *at <= future) {
                        touched.insert(spans.start(at));
                        latest = latest.max(Some(at));
                    }
                }
                (Some((first, last)), _) => {
                    touched.extend(spans.between(first, last));
                    latest = Some(last);
                }
                (None, _) => {}
            }
            let watermark = memory.watermark;
            let takes = |start: &Timestamp| {
                watermark.is_none_or(|watermark| later(spans.end(*start), grace) >= watermark)
            };
            memory.pending.extend(touched.into_iter().filter(takes));
            memory.watermark = memory.watermark.max(latest);
        }
        Ok(())
    }

    /// The times of all rows of `segment`.
    async fn times(&self, segment: &Segment, time: &str) -> Result<Vec<Timestamp>> {
        let path = self.home().log.file(segment).await?;
        let time = time.to_owned();
        let read = move || {
            let mut fields = segment_fields(&path)?;
            fields.retain(|field| field.name == time);
            let mut found = Vec::new();
            let mut reader = SegmentReader::open(&path, &fields, ROWS_A_TIME)?;
            while let Some(table) = reader.read()? {
                let column = table.column(&time).and_then(times).unwrap_or_default();
                found.extend(column.into_iter().flatten().map(Timestamp::from_micros));
            }
            Ok(found)
        };
        tokio::task::spawn_blocking(read)
            .await
            .attempt(Kind::Internal, || "cannot read the inference log".to_owned())?
    }

    /// The last label, if there are new ones and no more of them came since the last look.
    async fn new_labels(&self, subject: &Subject<'_>) -> Result<Option<u64>> {
        let known = self.memory(subject).await?.1.label;
        let before = self.lock_waiting(|waiting| waiting.get(&subject.id).copied());
        let mut last = before.map_or(known, |before| before.last).max(known);
        loop {
            let labels = self.home().labels.labels(&subject.id, last, LABELS_A_TIME).await?;
            last = labels.last().map_or(last, |label| label.number);
            if labels.len() < LABELS_A_TIME {
                break;
            }
        }
        let now = self.engine.clock.now();
        if last == known {
            return Ok(None);
        }
        let since = before.map_or(now, |before| before.since);
        let is_quiet = before.is_some_and(|before| before.last == last);
        if is_quiet || now.micros() - since.micros() >= LABELS_MICROS {
            self.lock_waiting(|waiting| waiting.remove(&subject.id));
            return Ok(Some(last));
        }
        self.lock_waiting(|waiting| waiting.insert(subject.id.clone(), Waiting { last, since }));
        Ok(None)
    }

    fn lock_waiting<T>(&self, act: impl FnOnce(&mut BTreeMap<EnvironmentId, Waiting>) -> T) -> T {
        act(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Judges the window that begins at `start`, version by version.
    async fn judge(
        &self,
        subject: &Subject<'_>,
        memory: &mut Memory,
        start: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<WindowRecord>> {
        let end = subject.spans.end(start);
        let closed = memory.closed.get(&start).copied();
        let Gathered { versions, unasked, remarks } =
            gathered::gather(self.home(), &subject.id, subject.spec, (start, end), closed).await?;
        memory.pending.remove(&start);
        memory.closed.entry(start).or_insert(memory.segment);
        memory.last = memory.last.max(Some(start));
        let most = versions.iter().max_by_key(|version| version.rows.rows());
        let most = most.map(|version| version.package);
        if let Some(version) = versions.iter().find(|version| Some(version.package) == most) {
            memory.served = Some(ServedBy {
                model: subject.applied.model.clone(),
                number: version.number,
                package: version.package,
            });
        }
        if versions.is_empty() {
            return Ok(memory
                .served
                .iter()
                .map(|by| {
                    let mut record = judge::empty(&subject.id, by, (start, end), now);
                    record.failed = unasked;
                    record.remarks.clone_from(&remarks);
                    record
                })
                .collect());
        }
        let project = project(self.home(), subject.applied.snapshot).await?;
        let mut records = Vec::new();
        for version in versions {
            let by = ServedBy {
                model: subject.applied.model.clone(),
                number: version.number,
                package: version.package,
            };
            let reference = match self.reference(&project, subject.spec, &by).await {
                Ok(reference) => Ok(reference),
                Err(fault) if matches!(fault.kind(), Kind::Store | Kind::Internal | Kind::Cancelled) => {
                    return Err(fault);
                }
                Err(fault) => Err(fault.message().to_owned()),
            };
            let before = memory.states.get(&by.package).cloned().unwrap_or_default();
            let labels = gathered::labels(self.home(), &subject.id, &version.rows).await?;
            let (id, spec, test) = (subject.id.clone(), subject.spec.clone(), project.test.clone());
            let package = by.package;
            // Minutes of work must not keep anybody else from working.
            let judged = tokio::task::spawn_blocking(move || {
                let metrics = reference.as_ref().map_or_else(
                    |_| Ok(Vec::new()),
                    |reference| {
                        let manifest = &reference.manifest;
                        modelyard_evaluate::wanted_metrics(&test, manifest.task, manifest.classes.len())
                    },
                )?;
                let case = Case {
                    environment: &id,
                    spec: &spec,
                    start,
                    end,
                    by: &by,
                    reference: reference.as_deref().map_err(String::as_str),
                    metrics: &metrics,
                    rows: &version.rows,
                    late: version.late,
                    labels: &labels,
                    now,
                };
                Ok::<(WindowRecord, States), Fault>(judge::judge(&case, &before))
            });
            let (mut record, after) =
                judged.await.attempt(Kind::Internal, || "judging a window broke off".to_owned())??;
            if Some(package) == most {
                record.failed += unasked;
                record.remarks.extend(remarks.iter().cloned());
            }
            memory.states.insert(package, after);
            records.push(record);
        }
        Ok(records)
    }

    async fn reference(
        &self,
        project: &Project,
        spec: &MonitorSpec,
        by: &ServedBy,
    ) -> Result<Arc<Reference>> {
        let key = json!([by.package, by.number, spec.window_secs, spec.time, spec.drift]).to_string();
        let known = self.references.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let maker = Maker { engine: &self.engine, settings: &self.settings, project, spec };
        let reference = Arc::new(maker.reference(&by.model, by.number).await?);
        let mut references = self.references.lock().unwrap_or_else(PoisonError::into_inner);
        // They are as large as what they stand for, and of few versions at a time.
        if references.len() >= 8 {
            references.clear();
        }
        references.insert(key, Arc::clone(&reference));
        Ok(reference)
    }
}

/// How far the windows' clock has come; `None` where nothing says.
fn horizon(spec: &MonitorSpec, memory: &Memory, now: Timestamp) -> Option<Timestamp> {
    match spec.time {
        Some(_) => memory.watermark,
        None => Some(later(now, -(micros(spec.log.seconds) + WRITING_MICROS))),
    }
}

/// Adds the windows in which nothing came, from the last that was judged up to `horizon`.
fn fill(spans: Spans, memory: &mut Memory, horizon: Timestamp) {
    let Some(last) = memory.last else { return };
    let first = spans.end(last);
    let (until, whole) = (later(horizon, -1), spans.count(first, horizon) - 1);
    if whole < 1 {
        return;
    }
    let first = later(first, (whole - MOST_EMPTY).max(0).saturating_mul(spans.micros()));
    let ended = spans.between(first, until).filter(|start| spans.end(*start) <= horizon);
    memory.pending.extend(ended);
}

/// What answers most requests now.
fn serving_package(environment: &Environment) -> Option<Digest> {
    let answers = |placed: &&Placed| placed.phase == Phase::Serve && placed.role != Role::Shadow;
    let answering = environment.state.placed.iter().filter(answers);
    answering.max_by(|one, other| one.weight.total_cmp(&other.weight)).map(|placed| placed.package)
}

/// The project of a snapshot.
async fn project(home: &Home, snapshot: Digest) -> Result<Project> {
    let missing = || {
        Fault::new(Kind::Store, "the configuration that was applied is not in the home any more")
            .hint("apply the project again: `modelyard apply`")
    };
    let tree = home.blobs.tree(snapshot).await?.ok_or_else(missing)?;
    let file = tree.file(SNAPSHOT_CONFIG).ok_or_else(missing)?;
    let bytes = home.blobs.get(file.digest).await?.ok_or_else(missing)?;
    serde_json::from_slice(&bytes).map_err(|error| missing().because(error))
}
