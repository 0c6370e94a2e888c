//! The inference log as a data plane writes it: what waits becomes a segment, closed by rows or seconds.
//!
//! A thread of its own takes out what requests handed over. Killed at any moment, a data plane loses what it had
//! not closed: its last second. Where the home can't take a segment for a while its file waits; what waits beyond
//! the queue's length is dropped and counted, and so is what the disk has no room for.

mod table;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use modelyard_core::deploy::{Applied, EnvironmentId};
use modelyard_core::fault::Attempt;
use modelyard_core::monitor::log::PREDICTION;
use modelyard_core::monitor::{LogSpec, MonitorSpec, NewSegment};
use modelyard_core::ports::PredictionLog;
use modelyard_core::table::{Column, DataType, Field, Table};
use modelyard_core::{Fault, Kind, Result};
use modelyard_data::SegmentWriter;
use modelyard_process::temporary::PrivateTmp;
use modelyard_serve::log::{self, Entry, Log, Taken};
use tokio::runtime::Handle;

use table::Open;

/// Between two looks at the queue.
const PAUSE: Duration = Duration::from_millis(25);

/// How long the home may take over a segment at the end, which is not to wait for one that is locked.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two words about the same trouble.
const QUIET: Duration = Duration::from_secs(60);

/// A writer of the log; it ends with [`Recorder::end`].
pub struct Recorder {
    log: Arc<Log>,
    spec: Arc<Mutex<Option<MonitorSpec>>>,
    /// Dropped to end the thread.
    goes_on: Sender<()>,
    thread: JoinHandle<()>,
}

impl Recorder {
    /// Starts the writer of what `environment` answers. Nothing is logged until [`Recorder::follow`] says so. To
    /// be called within a tokio runtime.
    ///
    /// # Errors
    /// If the machine has no thread or no temporary folder for it.
    pub fn start(
        home: Arc<dyn PredictionLog>,
        environment: EnvironmentId,
        note: Arc<dyn Fn(&str) + Send + Sync>,
    ) -> Result<Self> {
        let (log, taken) = log::log();
        let log = Arc::new(log);
        let spec = Arc::new(Mutex::new(None));
        let (goes_on, ended) = channel();
        let writer = Writer {
            home,
            environment,
            note,
            log: log.clone(),
            taken,
            spec: spec.clone(),
            place: PrivateTmp::new()?,
            runtime: Handle::current(),
            open: Vec::new(),
            began: None,
            closed: VecDeque::new(),
            n_files: 0,
            dropped: 0,
            noted: None,
        };
        let thread = std::thread::Builder::new()
            .name("modelyard-log".to_owned())
            .spawn(move || writer.run(&ended))
            .attempt(Kind::Internal, || "cannot start the thread that writes the log".to_owned())?;
        Ok(Self { log, spec, goes_on, thread })
    }

    /// Where requests hand over what is to be logged.
    pub fn log(&self) -> Arc<Log> {
        self.log.clone()
    }

    /// Logs as `applied` says from now on: nothing where its monitor watches another environment.
    pub fn follow(&self, applied: Option<&Applied>, environment: &EnvironmentId) {
        let spec = applied.and_then(|applied| watching(applied, environment));
        match &spec {
            Some(MonitorSpec { log: LogSpec { sample, queue, .. }, .. }) => {
                self.log.set(*sample, *queue as usize);
            }
            None => self.log.set(0.0, 0),
        }
        *lock(&self.spec) = spec;
    }

    /// Writes what waits and ends.
    pub async fn end(self) {
        drop(self.goes_on);
        let thread = self.thread;
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    }
}

/// The monitor of `applied`, if it watches `environment`.
pub fn watching(applied: &Applied, environment: &EnvironmentId) -> Option<MonitorSpec> {
    applied.monitor.clone().filter(|spec| spec.environment == environment.name)
}

struct Writer {
    home: Arc<dyn PredictionLog>,
    environment: EnvironmentId,
    note: Arc<dyn Fn(&str) + Send + Sync>,
    log: Arc<Log>,
    taken: Taken,
    spec: Arc<Mutex<Option<MonitorSpec>>>,
    place: PrivateTmp,
    runtime: Handle,
    /// What no segment has yet, a table a package.
    open: Vec<Open>,
    /// When the first of these rows was taken.
    began: Option<Instant>,
    /// Files that the home has not taken in yet.
    closed: VecDeque<(NewSegment, PathBuf)>,
    n_files: u64,
    /// Rows that were dropped, as far as segments say so.
    dropped: u64,
    noted: Option<Instant>,
}

impl Writer {
    fn run(mut self, ended: &Receiver<()>) {
        loop {
            let is_over = ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Disconnected);
            let spec = lock(&self.spec).clone();
            let time = spec.as_ref().and_then(|spec| spec.time.as_deref());
            let LogSpec { rows, seconds, queue, .. } = spec.as_ref().map(|spec| spec.log).unwrap_or_default();
            while let Some(entry) = self.taken.next() {
                self.take_in(entry, time);
                if self.open.iter().map(Open::rows).sum::<usize>() >= rows as usize {
                    self.close(queue.into());
                }
            }
            let is_due = self.began.is_some_and(|began| began.elapsed().as_secs_f64() >= seconds);
            if is_due || is_over {
                self.close(queue.into());
                self.hand_over(is_over);
            }
            if is_over {
                return;
            }
        }
    }

    fn take_in(&mut self, entry: Entry, time: Option<&str>) {
        self.began.get_or_insert_with(Instant::now);
        let package = entry.asked.as_ref().map(|asked| asked.package);
        let place = self.open.iter().position(|open| open.package == package).unwrap_or_else(|| {
            self.open.push(Open::like(&entry, &self.environment, time));
            self.open.len() - 1
        });
        self.open[place].push(entry, self.log.sample());
    }

    /// Writes the files of what is open.
    fn close(&mut self, queue: u64) {
        self.began = None;
        for open in std::mem::take(&mut self.open) {
            let rows = open.rows() as u64;
            let dropped = self.log.counts().1;
            let Some((content, table)) = open.close(dropped - self.dropped) else { continue };
            let waiting: u64 = self.closed.iter().map(|(content, _)| content.rows).sum();
            if waiting > 0 && waiting + rows > queue {
                self.log.lost(rows);
                continue;
            }
            self.n_files += 1;
            let path = self.place.path().join(self.n_files.to_string());
            match write(&path, table) {
                Ok(()) => {
                    self.dropped = dropped;
                    self.closed.push_back((content, path));
                }
                Err(fault) => {
                    let _ = std::fs::remove_file(&path);
                    self.log.lost(rows);
                    self.trouble(&fault.with_message(format!("{rows} predictions are not logged")));
                }
            }
        }
    }

    /// Gives the home what is closed, in its order.
    fn hand_over(&mut self, is_over: bool) {
        while let Some((content, path)) = self.closed.front() {
            let adding = self.home.add(content, path, &[]);
            let added = self.runtime.block_on(async {
                match is_over {
                    true => tokio::time::timeout(PATIENCE, adding)
                        .await
                        .unwrap_or_else(|_| Err(Fault::new(Kind::Timeout, "the home does not answer"))),
                    false => adding.await,
                }
            });
            match added {
                Ok(_) => {
                    let _ = std::fs::remove_file(path);
                    self.closed.pop_front();
                }
                Err(fault) => {
                    // It is tried again with the next segment.
                    self.began.get_or_insert_with(Instant::now);
                    self.trouble(&fault.with_message("predictions wait to be logged"));
                    return;
                }
            }
        }
    }

    fn trouble(&mut self, fault: &Fault) {
        if self.noted.is_none_or(|noted| noted.elapsed() >= QUIET) {
            self.noted = Some(Instant::now());
            (self.note)(&fault.report());
        }
    }
}

/// Writes the table of a segment to a new file.
fn write(path: &Path, table: Table) -> Result<()> {
    let field = |(name, column): (&str, &Column)| Field {
        name: name.to_owned(),
        data_type: column.data_type(),
        nullable: true,
    };
    let fields: Vec<Field> = table.columns().map(field).collect();
    let mut writer = SegmentWriter::create(path, &fields, is_unlike)?;
    writer.write(table)?;
    writer.finish()
}

/// Ids, instants and probabilities have few values twice.
pub(super) fn is_unlike(field: &Field) -> bool {
    let name = field.name.as_str();
    ["prediction_id", "at", "latency_ms"].contains(&name)
        || name.starts_with("probability")
        || (name == PREDICTION && field.data_type == DataType::Float)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing that is done with it can panic half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
