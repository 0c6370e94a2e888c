//! The road from answers to the inference log: a queue that never keeps a request waiting.
//!
//! A request hands over what it asked and what it was answered, as they are. Where too many rows wait already,
//! its own are dropped and counted. Whoever writes the log takes out what waits, now and then; nobody is woken.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use modelyard_core::package::{Manifest, Predictions};
use modelyard_core::{Digest, Timestamp};

use crate::ErrorCode;
use crate::request::Question;

/// Where requests hand over what is to be logged.
pub struct Log {
    sender: Sender<Entry>,
    waiting_rows: Arc<AtomicUsize>,
    most_waiting_rows: AtomicUsize,
    /// Share of predictions that are logged, as bits of an `f64`.
    sample: AtomicU64,
    taken: AtomicU64,
    dropped: AtomicU64,
    recent: Mutex<Recent>,
}

/// Hashes of the ids that were taken last, at least [`RECENT`] of them, so that labels that follow at once know
/// their prediction.
#[derive(Default)]
struct Recent {
    young: HashSet<u64>,
    old: HashSet<u64>,
}

const RECENT: usize = 100_000;

/// The other end, for whoever writes the log.
pub struct Taken {
    receiver: Receiver<Entry>,
    waiting_rows: Arc<AtomicUsize>,
}

/// A request with what became of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Of the request; of a list, `ID/0`, `ID/1`, … are those of its rows.
    pub id: String,
    pub is_list: bool,
    /// What it was routed by, where it said so.
    pub key: Option<String>,
    /// When it came.
    pub at: Timestamp,
    pub latency: Duration,
    /// Who was asked; `None` where no version was.
    pub asked: Option<Asked>,
    /// `None` where it could not be read.
    pub question: Option<Question>,
    pub answer: Result<Predictions, ErrorCode>,
}

/// A version that was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    pub version: Option<u32>,
    pub package: Digest,
    pub manifest: Arc<Manifest>,
}

impl Entry {
    /// Rows of the log that it makes: one where it could not be read.
    pub fn rows(&self) -> usize {
        self.question.as_ref().map_or(1, |question| question.inputs.rows())
    }
}

/// A log that takes nothing until [`Log::set`] says so, and its other end.
pub fn log() -> (Log, Taken) {
    let (sender, receiver) = channel();
    let waiting_rows = Arc::new(AtomicUsize::new(0));
    let log = Log {
        sender,
        waiting_rows: waiting_rows.clone(),
        most_waiting_rows: AtomicUsize::new(0),
        sample: AtomicU64::new(0),
        taken: AtomicU64::new(0),
        dropped: AtomicU64::new(0),
        recent: Mutex::default(),
    };
    (log, Taken { receiver, waiting_rows })
}

impl Log {
    /// From now on the share `sample` of all predictions is taken while fewer than `most_waiting_rows` wait.
    pub fn set(&self, sample: f64, most_waiting_rows: usize) {
        self.sample.store(sample.to_bits(), Relaxed);
        self.most_waiting_rows.store(most_waiting_rows, Relaxed);
    }

    pub fn sample(&self) -> f64 {
        f64::from_bits(self.sample.load(Relaxed))
    }

    /// Whether the prediction `id` is to be logged. Of a list this says whether any of its rows may be.
    pub(crate) fn wants(&self, id: &str, is_list: bool) -> bool {
        let sample = self.sample();
        sample >= 1.0 || (sample > 0.0 && (is_list || is_sampled(id, sample)))
    }

    /// Whether so many more rows would be taken now.
    pub fn has_room(&self, rows: usize) -> bool {
        let waiting = self.waiting_rows.load(Relaxed);
        waiting == 0 || waiting + rows <= self.most_waiting_rows.load(Relaxed)
    }

    /// Takes `entry`, or drops and counts it.
    pub fn offer(&self, entry: Entry) {
        let rows = entry.rows();
        let id = hash(&entry.id);
        let waiting = self.waiting_rows.fetch_add(rows, Relaxed);
        // One that is larger than the queue fits into an empty one.
        let is_room = waiting == 0 || waiting + rows <= self.most_waiting_rows.load(Relaxed);
        if is_room && self.sender.send(entry).is_ok() {
            self.taken.fetch_add(rows as u64, Relaxed);
            self.recent().add(id);
        } else {
            self.waiting_rows.fetch_sub(rows, Relaxed);
            self.dropped.fetch_add(rows as u64, Relaxed);
        }
    }

    /// A request that no version was asked, since `code` says why not.
    pub fn missed(&self, id: &str, key: Option<&str>, at: Timestamp, code: ErrorCode) {
        if self.wants(id, false) {
            self.offer(Entry {
                id: id.to_owned(),
                is_list: false,
                key: key.map(str::to_owned),
                at,
                latency: Duration::ZERO,
                asked: None,
                question: None,
                answer: Err(code),
            });
        }
    }

    /// Rows that were taken and rows that were dropped, since this process began.
    pub fn counts(&self) -> (u64, u64) {
        (self.taken.load(Relaxed), self.dropped.load(Relaxed))
    }

    /// Whether the prediction `id`, or the list that it says to be a row of, was taken lately.
    pub fn knows(&self, id: &str) -> bool {
        let recent = self.recent();
        recent.has(hash(id)) || list_of(id).is_some_and(|list| recent.has(hash(list)))
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        // Nothing that is done with it can panic half-way.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows that were taken and could not be written after all.
    pub fn lost(&self, rows: u64) {
        self.taken.fetch_sub(rows, Relaxed);
        self.dropped.fetch_add(rows, Relaxed);
    }
}

impl Recent {
    fn add(&mut self, id: u64) {
        if self.young.len() >= RECENT {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id);
    }

    fn has(&self, id: u64) -> bool {
        self.young.contains(&id) || self.old.contains(&id)
    }
}

/// What `ID/3` is a row of.
fn list_of(id: &str) -> Option<&str> {
    let (list, row) = id.rsplit_once('/')?;
    row.bytes().all(|byte| byte.is_ascii_digit()).then_some(list)
}

/// A hash of an id, within this process.
pub fn hash(id: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(id)
}

impl Taken {
    /// The next of what waits, in the order in which it was answered.
    pub fn next(&self) -> Option<Entry> {
        let entry = self.receiver.try_recv().ok()?;
        self.waiting_rows.fetch_sub(entry.rows(), Relaxed);
        Some(entry)
    }
}

/// Whether the prediction `id` is among the share `sample` of all: the same ones wherever it is asked, and those of
/// a smaller share are among those of a larger one.
pub fn is_sampled(id: &str, sample: f64) -> bool {
    modelyard_core::deploy::state::share(id.as_bytes()) < sample
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: u32) -> Entry {
        Entry {
            id: id.to_string(),
            is_list: false,
            key: None,
            at: Timestamp::from_micros(0),
            latency: Duration::ZERO,
            asked: None,
            question: None,
            answer: Err(ErrorCode::NotJson),
        }
    }

    #[test]
    fn a_full_queue_drops_the_newest_and_counts_them() {
        let (log, taken) = log();
        log.set(1.0, 3);
        (0..5).for_each(|id| log.offer(entry(id)));
        assert_eq!(log.counts(), (3, 2));
        let ids: Vec<String> = std::iter::from_fn(|| taken.next()).map(|entry| entry.id).collect();
        assert_eq!(ids, ["0", "1", "2"]);
        log.offer(entry(5));
        assert_eq!(log.counts(), (4, 2));
    }

    #[test]
    fn a_sample_is_a_share_and_part_of_every_larger_one() {
        let ids: Vec<String> = (0..10_000).map(|id| id.to_string()).collect();
        let of = |sample: f64| ids.iter().filter(move |id| is_sampled(id, sample)).collect::<Vec<_>>();
        let (tenth, half) = (of(0.1), of(0.5));
        assert!((900..1_100).contains(&tenth.len()), "{}", tenth.len());
        assert!((4_800..5_200).contains(&half.len()), "{}", half.len());
        assert!(tenth.iter().all(|id| half.contains(id)));
        assert_eq!((of(0.0).len(), of(1.0).len()), (0, 10_000));
    }
}
