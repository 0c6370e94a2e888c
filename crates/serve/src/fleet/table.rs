//! Who answers: one immutable value that requests read and a swap replaces.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use modelyard_core::deploy::{ReleaseId, Served};
use modelyard_core::{Clock, Digest, Timestamp};

use super::shadow::Shadow;
use super::version::Version;

#[derive(Default)]
pub(super) struct Table {
    pub(super) generation: u64,
    pub(super) name: Option<String>,
    pub(super) release: Option<ReleaseId>,
    pub(super) stable: Option<Arc<Slot>>,
    /// With its weight.
    pub(super) candidate: Option<(Arc<Slot>, f64)>,
    /// With the share of requests that it sees copies of.
    pub(super) shadow: Option<(Arc<Shadow>, f64)>,
}

impl Table {
    /// Those that answer requests, the incumbent first.
    pub(super) fn serving(&self) -> impl Iterator<Item = &Arc<Slot>> {
        self.stable.iter().chain(self.candidate.iter().map(|(slot, _)| slot))
    }

    pub(super) fn packages(&self) -> impl Iterator<Item = Digest> {
        self.serving()
            .map(|slot| slot.package())
            .chain(self.shadow.iter().map(|(shadow, _)| shadow.package()))
    }
}

/// A version in a table.
pub(super) struct Slot {
    pub(super) name: String,
    pub(super) number: Option<u32>,
    pub(super) version: Arc<Version>,
    pub(super) spell: Arc<Spell>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Slot {
    pub(super) fn package(&self) -> Digest {
        self.spell.package
    }
}

/// When a version answered under a generation.
pub(super) struct Spell {
    pub(super) generation: u64,
    pub(super) package: Digest,
    /// Microseconds since the epoch; [`NEVER`] before the first answer.
    first: AtomicI64,
    last: AtomicI64,
}

const NEVER: i64 = i64::MIN;

impl Spell {
    pub(super) fn new(generation: u64, package: Digest) -> Self {
        Self { generation, package, first: AtomicI64::new(NEVER), last: AtomicI64::new(NEVER) }
    }

    pub(super) fn answered(&self, at: Timestamp) {
        let micros = at.micros();
        if self.first.load(Relaxed) == NEVER {
            let _ = self.first.compare_exchange(NEVER, micros, Relaxed, Relaxed);
        }
        self.last.store(micros, Relaxed);
    }

    pub(super) fn was_used(&self) -> bool {
        self.last.load(Relaxed) != NEVER
    }

    /// Whether a slot still counts on it.
    pub(super) fn is_held(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 1
    }

    pub(super) fn served(&self) -> Option<Served> {
        let (first, last) = (self.first.load(Relaxed), self.last.load(Relaxed));
        (last != NEVER && first != NEVER).then(|| Served {
            generation: self.generation,
            package: self.package,
            first: Timestamp::from_micros(first),
            last: Timestamp::from_micros(last.max(first)),
        })
    }
}
