//! A version that sees copies of requests. Its answers are compared and thrown away.
//!
//! Whoever serves hands a copy over and never waits: where too many wait already it is dropped and
//! counted. A thread of its own reads the copies, asks the version and compares, at the lowest
//! priority, so that no answer waits for a shadow that is slow, hangs or fails. The version itself computes
//! as urgently as every other one (a thread that was lowered can't be raised again when it is promoted), so
//! where processors are busy a shadow does cost time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use futures::future::join_all;
use modelyard_core::Digest;
use modelyard_core::package::{Predictions, Signature, close};
use modelyard_core::table::Table;

use super::table::Slot;
use crate::{ErrorCode, PredictError};

/// Copies that may wait.
const MOST_COPIES: usize = 1_024;

/// What they may hold in memory.
const MOST_BYTES: usize = 64 << 20;

/// Copies that are asked at once.
const AT_ONCE: usize = 64;

/// Between two looks at the queue: copies gather, and handing one over wakes nobody.
const PAUSE: Duration = Duration::from_millis(2);

/// How often it is looked whether the answers under way are still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// How long the answers to one lot are waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// The table of a request, by the rules of a signature.
type Read = Box<dyn Fn(&Signature) -> Result<Table, PredictError> + Send>;

/// A request, and what the version that serves said to it.
pub(super) struct Copied {
    pub(super) read: Read,
    pub(super) served: Result<Predictions, ErrorCode>,
    pub(super) classes: Vec<String>,
    pub(super) tolerance: f64,
}

pub(super) struct Shadow {
    slot: Arc<Slot>,
    copies: SyncSender<(usize, Copied)>,
    waiting: Arc<Waiting>,
}

#[derive(Default)]
struct Waiting {
    copies: AtomicUsize,
    bytes: AtomicUsize,
    /// Set when nobody offers any more: what waits is thrown away.
    is_over: AtomicBool,
}

impl Shadow {
    /// Starts the thread that asks `slot`'s version.
    pub(super) fn start(slot: Arc<Slot>) -> Self {
        let (copies, queue) = sync_channel(MOST_COPIES);
        let waiting = Arc::new(Waiting::default());
        let asked = Asked { slot: slot.clone(), queue, waiting: waiting.clone() };
        // Without a thread every copy is dropped, and counted as such.
        let _ = std::thread::Builder::new().name("modelyard-shadow".to_owned()).spawn(move || {
            modelyard_process::usage::lower_priority();
            asked.run();
        });
        Self { slot, copies, waiting }
    }

    pub(super) fn package(&self) -> Digest {
        self.slot.package()
    }

    /// Whether it asks the very version of `slot`.
    pub(super) fn asks(&self, slot: &Slot) -> bool {
        Arc::ptr_eq(&self.slot.version, &slot.version)
    }

    /// Takes a copy of `size_bytes`, or drops it.
    pub(super) fn offer(&self, size_bytes: usize, copy: impl FnOnce() -> Copied) {
        let copies = self.waiting.copies.fetch_add(1, Relaxed);
        let bytes = self.waiting.bytes.fetch_add(size_bytes, Relaxed);
        let is_room = copies < MOST_COPIES && bytes + size_bytes <= MOST_BYTES;
        if !is_room || self.copies.try_send((size_bytes, copy())).is_err() {
            self.waiting.leave(size_bytes);
            self.slot.version.counters.dropped.fetch_add(1, Relaxed);
        }
    }
}

impl Waiting {
    fn leave(&self, size_bytes: usize) {
        self.copies.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(size_bytes, Relaxed);
    }

    /// Resolves when nobody offers any more.
    async fn over(&self) {
        while !self.is_over.load(Relaxed) {
            tokio::time::sleep(LOOK).await;
        }
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        self.waiting.is_over.store(true, Relaxed);
    }
}

/// The other end of the queue.
struct Asked {
    slot: Arc<Slot>,
    queue: Receiver<(usize, Copied)>,
    waiting: Arc<Waiting>,
}

impl Asked {
    fn run(self) {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
        while let Ok(first) = self.queue.recv() {
            let mut lot = vec![first];
            lot.extend(self.queue.try_iter().take(AT_ONCE - 1));
            for (size_bytes, _) in &lot {
                self.waiting.leave(*size_bytes);
            }
            if self.waiting.is_over.load(Relaxed) {
                continue;
            }
            let answers = join_all(lot.into_iter().map(|(_, copy)| self.ask(copy)));
            runtime.block_on(async {
                tokio::select! {
                    _ = answers => {}
                    () = self.waiting.over() => {}
                }
            });
            std::thread::sleep(PAUSE);
        }
    }

    async fn ask(&self, copy: Copied) {
        let began = Instant::now();
        let version = &self.slot.version;
        let manifest = version.model.manifest();
        let answer = match (copy.read)(&manifest.signature) {
            Ok(table) => match tokio::time::timeout(PATIENCE, version.model.predict(table)).await {
                Ok(answer) => answer,
                Err(_) => Err(PredictError::new(ErrorCode::Inference, "the shadow took too long")),
            },
            Err(error) => Err(error),
        };
        match &answer {
            // Nobody got it, so it is no answer that history knows of.
            Ok(predictions) => version.counters.answered(predictions, began.elapsed()),
            Err(error) => version.counters.missed(error),
        }
        let tolerance = copy.tolerance.max(manifest.tolerance);
        let is_same = match (&copy.served, &answer) {
            (Ok(served), Ok(answer)) => same(served, &copy.classes, answer, &manifest.classes, tolerance),
            (Err(served), Err(error)) => served.is_clients() == error.code.is_clients(),
            _ => false,
        };
        if !is_same {
            version.counters.different.fetch_add(1, Relaxed);
        }
    }
}

/// Whether two versions say the same, classes compared by name: the order may be another one.
fn same(
    a: &Predictions,
    a_classes: &[String],
    b: &Predictions,
    b_classes: &[String],
    tolerance: f64,
) -> bool {
    match (a, b) {
        (Predictions::Values(a), Predictions::Values(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(*a, *b, tolerance))
        }
        (
            Predictions::Classes { labels: a, probabilities: a_all },
            Predictions::Classes { labels: b, probabilities: b_all },
        ) => {
            let labels =
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a_classes.get(*a) == b_classes.get(*b));
            let probabilities = match (a_all, b_all) {
                (Some(a), Some(b)) if a_classes == b_classes => {
                    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(*a, *b, tolerance))
                }
                _ => true,
            };
            labels && probabilities
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_compared_within_the_tolerance_and_by_the_classes_names() {
        let values = |value: f64| Predictions::Values(vec![value]);
        assert!(same(&values(1.0), &[], &values(1.0 + 1e-10), &[], 1e-9));
        assert!(!same(&values(1.0), &[], &values(1.1), &[], 1e-9));
        let label = |label: usize| Predictions::Classes { labels: vec![label], probabilities: None };
        let (order, turned) = (["a".to_owned(), "b".to_owned()], ["b".to_owned(), "a".to_owned()]);
        assert!(same(&label(0), &order, &label(1), &turned, 1e-9));
        assert!(!same(&label(0), &order, &label(0), &turned, 1e-9));
        assert!(!same(&label(0), &order, &values(0.0), &[], 1e-9));
    }
}
