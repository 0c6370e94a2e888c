//! What a replica tells of itself, and when: once a second while something changes, else every two
//! seconds, which says that it lives; at once when it has a version ready, can't load one, or follows a new
//! generation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use modelyard_core::deploy::{EnvironmentId, ReplicaReport, Served};
use modelyard_core::ports::ObservationStore;
use modelyard_core::{Clock, Digest, Result, Timestamp};
use modelyard_process::usage;
use modelyard_serve::Fleet;
use tokio::task::JoinHandle;

use super::Options;

/// Between two reports while something changes.
const BUSY: Duration = Duration::from_secs(1);

/// And while nothing does.
const IDLE: Duration = Duration::from_secs(2);

/// How long the last reports may take: an end is not to wait for a home that is locked.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Reporter {
    observations: Arc<dyn ObservationStore>,
    clock: Arc<dyn Clock>,
    fleet: Arc<Fleet>,
    environment: EnvironmentId,
    replica: u32,
    listen: String,
    program: Option<Digest>,
    boot: String,
    sequence: u64,
    startup_secs: BTreeMap<Digest, f64>,
    failed: BTreeMap<Digest, String>,
    /// The last one, and when.
    told: Option<(ReplicaReport, Instant)>,
    /// Until when answers are known to the home, by generation and package.
    served: BTreeMap<(u64, Digest), Timestamp>,
    sending: Option<JoinHandle<Result<()>>>,
    note: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Reporter {
    pub(super) fn new(
        observations: Arc<dyn ObservationStore>,
        clock: Arc<dyn Clock>,
        fleet: Arc<Fleet>,
        options: &Options,
    ) -> Self {
        let boot = format!("{:016x}-{:08x}", clock.now().micros(), clock.entropy() as u32);
        Self {
            observations,
            clock,
            fleet,
            environment: options.environment.clone(),
            replica: options.replica,
            listen: options.listen.clone(),
            program: options.program,
            boot,
            sequence: 0,
            startup_secs: BTreeMap::new(),
            failed: BTreeMap::new(),
            told: None,
            served: BTreeMap::new(),
            sending: None,
            note: options.note.clone(),
        }
    }

    /// Whether another replica that lives, as far as is known, answers with `package` or may yet be able to.
    pub(super) async fn is_beside_another(&self, package: Digest) -> bool {
        let Ok(reports) = self.observations.reports(&self.environment).await else { return true };
        let now = self.clock.now();
        let mut others = reports.iter().filter(|report| report.boot != self.boot && report.is_live(now));
        others.any(|report| !report.failed.contains_key(&package))
    }

    /// `package` is loaded and proven, `took` after it was wanted.
    pub(super) fn ready(&mut self, package: Digest, took: Duration) {
        self.startup_secs.insert(package, took.as_secs_f64());
    }

    /// Reports where it is time to, or `urgent`. One report is under way at a time: where the home is slow
    /// the next one says more.
    pub(super) async fn tell_if_due(&mut self, urgent: bool, failed: BTreeMap<Digest, String>) {
        self.failed = failed;
        let pause = self.told.as_ref().map_or(Duration::MAX, |(_, at)| at.elapsed());
        if !urgent && pause < BUSY {
            return;
        }
        match &self.sending {
            // Urgent as it may be: the one under way may be older than the news.
            Some(sending) if !sending.is_finished() && !urgent => return,
            _ => self.sent().await,
        }
        let report = self.report(false);
        if urgent || pause >= IDLE || self.told.as_ref().is_none_or(|(told, _)| differ(told, &report)) {
            self.send(report);
        }
    }

    /// Reports that no more requests are taken.
    pub(super) async fn ending(&mut self, failed: BTreeMap<Digest, String>) {
        self.failed = failed;
        self.last().await;
    }

    /// Reports what was counted in the end.
    pub(super) async fn last(&mut self) {
        self.sent().await;
        let report = self.report(true);
        self.send(report);
        self.sent().await;
    }

    fn send(&mut self, report: ReplicaReport) {
        self.told = Some((report.clone(), Instant::now()));
        let observations = self.observations.clone();
        self.sending = Some(tokio::spawn(async move { observations.report(&report).await }));
    }

    /// Waits until the report under way is kept. What one that failed would have said, the next one says.
    async fn sent(&mut self) {
        let Some(sending) = self.sending.take() else { return };
        match tokio::time::timeout(PATIENCE, sending).await {
            Ok(Ok(Ok(()))) => {
                if let Some((told, _)) = &self.told {
                    let served = told.served.iter();
                    self.served.extend(served.map(|span| ((span.generation, span.package), span.last)));
                }
            }
            Ok(Ok(Err(fault))) => (self.note)(&format!("a report is not kept: {}", fault.report())),
            Ok(Err(_)) | Err(_) => (self.note)("a report is not kept: the home does not answer"),
        }
    }

    fn report(&mut self, ending: bool) -> ReplicaReport {
        self.sequence += 1;
        let ready = self.fleet.loaded();
        self.startup_secs.retain(|package, _| ready.contains(package));
        let mut used = usage::own();
        if self.fleet.has_workers() {
            let below = usage::below();
            used.cpu += below.cpu;
            used.memory_bytes += below.memory_bytes;
        }
        let served = self.fleet.served();
        self.served.retain(|(generation, package), _| {
            served.iter().any(|span| (span.generation, span.package) == (*generation, *package))
        });
        ReplicaReport {
            version: 1,
            environment: self.environment.clone(),
            replica: self.replica,
            boot: self.boot.clone(),
            sequence: self.sequence,
            at: self.clock.now(),
            pid: std::process::id(),
            program: self.program,
            listen: self.listen.clone(),
            generation: self.fleet.generation(),
            ready,
            startup_secs: self.startup_secs.clone(),
            failed: self.failed.clone(),
            counts: self.fleet.counts(),
            served: served.into_iter().filter(|span| self.is_news(span)).collect(),
            cpu_secs: used.cpu.as_secs_f64(),
            memory_bytes: used.memory_bytes,
            ending,
        }
    }

    /// Whether the home does not know of it yet: it keeps every span that it was told.
    fn is_news(&self, span: &Served) -> bool {
        self.served.get(&(span.generation, span.package)).is_none_or(|last| *last < span.last)
    }
}

/// Whether the second says more than that the replica lives.
fn differ(one: &ReplicaReport, other: &ReplicaReport) -> bool {
    one.generation != other.generation
        || one.ready != other.ready
        || one.failed != other.failed
        || one.counts != other.counts
}
