//! The loaded versions of one process, and which of them answers a request.
//!
//! ```text
//! table     who answers which key: one immutable value, swapped whole
//! version   a proven model and what it needs to stay
//! turn      one request's claim on a version, until it is answered
//! shadow    copies of requests for a version whose answers nobody gets
//! counters  what is counted of a version, in atomics alone
//! bins      where its answers are counted
//! ```
//!
//! A request loads the table once and holds on to the version it got, so a swap is never in its way: a
//! version that left is closed when its last request was answered. Nothing here loads a package or knows
//! a home; whoever follows an environment hands in proven models and states.

mod bins;
mod counters;
mod shadow;
mod table;
mod turn;
mod version;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use modelyard_core::deploy::state::position;
use modelyard_core::deploy::{Counts, EnvironmentState, Role, Served};
use modelyard_core::package::TrainingProfile;
use modelyard_core::{Clock, Digest};
use tokio::task::JoinHandle;

use crate::log::{self, Log};
use crate::{ErrorCode, Model, PredictError};
use counters::Counters;
pub use counters::VersionCounts;
use shadow::Shadow;
use table::{Slot, Spell, Table};
pub use turn::{Asking, Turn};
use version::Version;

/// How often it is looked whether a version that left has answered its last request.
const PAUSE: Duration = Duration::from_millis(10);

/// Spells that are told of, the newest: a replica that is swapped every second must not report more and
/// more.
const MOST_SPELLS: usize = 200;

/// Versions that left and are still counted: a replica must not report more and more.
const MOST_LEFT: usize = 8;

/// The versions that one process serves.
pub struct Fleet {
    clock: Arc<dyn Clock>,
    table: ArcSwap<Table>,
    log: Arc<Log>,
    /// What changes with a swap; no request ever waits for it.
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    loaded: BTreeMap<Digest, Arc<Version>>,
    /// A version that comes back counts on.
    counters: BTreeMap<Digest, Named>,
    /// Those of `counters` that are no longer loaded, the last one last.
    left: Vec<Digest>,
    spells: Vec<Arc<Spell>>,
    closing: Vec<JoinHandle<()>>,
}

/// The counters of a package under the name it was last placed with.
struct Named {
    name: String,
    number: Option<u32>,
    counters: Arc<Counters>,
}

impl Fleet {
    /// Without a version: every request is refused as `not_ready`. Nothing is logged.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self::logged(clock, Arc::new(log::log().0))
    }

    /// The same, whose answers are handed to `log`.
    pub fn logged(clock: Arc<dyn Clock>, log: Arc<Log>) -> Self {
        Self { clock, table: ArcSwap::from_pointee(Table::default()), log, book: Mutex::default() }
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    /// One version that answers everything, as `name`; `number` is `None` for a package from a folder.
    pub fn of_one(clock: Arc<dyn Clock>, name: String, number: Option<u32>, model: Model) -> Self {
        let fleet = Self::new(clock);
        let package = model.package_digest();
        fleet.take_in(model, None, Box::new(()));
        let mut book = fleet.book();
        let slot = fleet.slot(&mut book, 0, package, &name, number);
        drop(book);
        fleet.table.store(Arc::new(Table { name: Some(name), stable: slot, ..Table::default() }));
        fleet
    }

    /// Takes in a loaded model; it answers once a state that is followed says so. `profile` tells the bins
    /// of its answers, `keeps` stays until it is closed. One of the same package that is there already
    /// stays, and this one is closed.
    pub fn take_in(&self, model: Model, profile: Option<&TrainingProfile>, keeps: Box<dyn Send + Sync>) {
        let package = model.package_digest();
        let mut book = self.book();
        if book.loaded.contains_key(&package) {
            return;
        }
        let named = book.counters.entry(package).or_insert_with(|| Named {
            name: String::new(),
            number: None,
            counters: Arc::new(Counters::new(model.manifest(), profile)),
        });
        named.counters.watch_restarts(model.restarts());
        let counters = named.counters.clone();
        book.left.retain(|left| *left != package);
        book.loaded.insert(package, Arc::new(Version { model, counters, _keeps: keeps }));
    }

    /// Routes as `state` says, from the next request on; closes what it does not want, each version after
    /// its last answer. Answers whether it is followed: where its incumbent is not loaded, everything stays
    /// as it was. A candidate or shadow that is not loaded gets nothing. To be called within a tokio
    /// runtime.
    pub fn follow(&self, state: &EnvironmentState) -> bool {
        let mut book = self.book();
        let followed = state.stable().is_none_or(|stable| book.loaded.contains_key(&stable.package));
        if followed {
            let table = self.table_of(&mut book, state);
            self.table.store(Arc::new(table));
        }
        let mut wanted: BTreeSet<Digest> = state.wanted().map(|placed| placed.package).collect();
        wanted.extend(self.table.load().packages());
        let left: Vec<Digest> =
            book.loaded.keys().copied().filter(|package| !wanted.contains(package)).collect();
        book.closing.retain(|closing| !closing.is_finished());
        for package in left {
            let version = book.loaded.remove(&package);
            book.closing.extend(version.map(|version| tokio::spawn(close(version))));
            book.left.push(package);
        }
        let surplus = book.left.len().saturating_sub(MOST_LEFT);
        for package in book.left.drain(..surplus).collect::<Vec<_>>() {
            book.counters.remove(&package);
        }
        followed
    }

    fn table_of(&self, book: &mut Book, state: &EnvironmentState) -> Table {
        let mut place = |role: Role| {
            let placed = match role {
                Role::Stable => state.stable(),
                Role::Candidate => state.candidate().filter(|_| state.candidate_weight() > 0.0),
                Role::Shadow => state.shadow().filter(|placed| placed.weight > 0.0),
            }?;
            let slot =
                self.slot(book, state.generation, placed.package, &placed.model, Some(placed.number))?;
            Some((slot, placed.weight))
        };
        let stable = place(Role::Stable).map(|(slot, _)| slot);
        let candidate = place(Role::Candidate);
        let shadow = place(Role::Shadow);
        if let Some(stable) = &stable {
            stable.version.counters.compare_with_nobody();
            let beside = candidate.iter().chain(&shadow);
            for (slot, _) in beside {
                slot.version.counters.compare_with(stable.package(), &stable.version.counters);
            }
        }
        let before = self.table.load();
        // Copies that wait for a shadow that stays are not lost.
        let shadow = shadow.map(|(slot, share)| match &before.shadow {
            Some((shadow, _)) if shadow.asks(&slot) => (shadow.clone(), share),
            _ => (Arc::new(Shadow::start(slot)), share),
        });
        Table {
            generation: state.generation,
            name: state.placed.first().map(|placed| placed.model.clone()),
            release: state.release,
            stable,
            candidate,
            shadow,
        }
    }

    /// The place of a loaded package in a table.
    fn slot(
        &self,
        book: &mut Book,
        generation: u64,
        package: Digest,
        name: &str,
        number: Option<u32>,
    ) -> Option<Arc<Slot>> {
        let version = book.loaded.get(&package)?.clone();
        if let Some(named) = book.counters.get_mut(&package) {
            named.name = name.to_owned();
            named.number = number;
        }
        let known =
            book.spells.iter().find(|spell| spell.generation == generation && spell.package == package);
        let spell = known.cloned().unwrap_or_else(|| Arc::new(Spell::new(generation, package)));
        book.spells.retain(|kept| !Arc::ptr_eq(kept, &spell) && (kept.was_used() || kept.is_held()));
        book.spells.push(spell.clone());
        let surplus = book.spells.len().saturating_sub(MOST_SPELLS);
        book.spells.drain(..surplus);
        let clock = self.clock.clone();
        Some(Arc::new(Slot { name: name.to_owned(), number, version, spell, clock }))
    }

    /// The version that answers the request with `key`.
    ///
    /// # Errors
    /// [`ErrorCode::NotReady`] where none is there.
    pub fn turn(&self, key: &str) -> Result<Turn, PredictError> {
        let table = self.table.load();
        let splits = table.candidate.is_some() || table.shadow.is_some();
        let position = match table.release {
            Some(release) if splits => position(release, key),
            // Without a release there is nothing to hash with: the incumbent answers.
            _ => 1.0,
        };
        let slot = match &table.candidate {
            Some((candidate, weight)) if position < *weight => Some(candidate),
            _ => table.stable.as_ref(),
        };
        let shadow = table.shadow.as_ref().filter(|(_, share)| position < *share || *share >= 1.0);
        match slot {
            Some(slot) => {
                Ok(Turn::new(slot.clone(), shadow.map(|(shadow, _)| shadow.clone()), self.log.clone()))
            }
            None => Err(not_ready()),
        }
    }

    /// The version with this number, if it answers requests.
    pub fn turn_of(&self, number: u32) -> Option<Turn> {
        let table = self.table.load();
        let slot = table.serving().find(|slot| slot.number == Some(number));
        slot.map(|slot| Turn::new(slot.clone(), None, self.log.clone()))
    }

    /// The incumbent, to ask what it is.
    ///
    /// # Errors
    /// [`ErrorCode::NotReady`] where none is there.
    pub fn incumbent(&self) -> Result<Turn, PredictError> {
        let table = self.table.load();
        table
            .serving()
            .next()
            .map(|slot| Turn::new(slot.clone(), None, self.log.clone()))
            .ok_or_else(not_ready)
    }

    /// Name of the model, and numbers of the versions that answer requests, the incumbent's first.
    pub fn serving(&self) -> (Option<String>, Vec<Option<u32>>) {
        let table = self.table.load();
        (table.name.clone(), table.serving().map(|slot| slot.number).collect())
    }

    /// Whether `name`, and `number` where one is given, answers requests here.
    pub fn serves(&self, name: &str, number: Option<u32>) -> bool {
        let table = self.table.load();
        table.serving().any(|slot| slot.name == name && number.is_none_or(|_| slot.number == number))
    }

    /// Whether there is a version that answers.
    pub fn is_ready(&self) -> bool {
        self.table.load().serving().next().is_some()
    }

    /// The generation that is routed by.
    pub fn generation(&self) -> u64 {
        self.table.load().generation
    }

    /// Packages that are loaded.
    pub fn loaded(&self) -> Vec<Digest> {
        self.book().loaded.keys().copied().collect()
    }

    /// Whether a model of these has a process of its own.
    pub fn has_workers(&self) -> bool {
        self.book().loaded.values().any(|version| version.model.restarts().is_some())
    }

    /// What was counted of every package since this process started.
    pub fn counts(&self) -> BTreeMap<Digest, Counts> {
        self.book().counters.iter().map(|(package, named)| (*package, named.counters.counts())).collect()
    }

    /// The same by version, with every error's code.
    pub fn versions(&self) -> Vec<VersionCounts> {
        let book = self.book();
        let versions = book.counters.iter().filter(|(_, named)| !named.name.is_empty());
        versions
            .map(|(package, named)| named.counters.of_version(*package, named.name.clone(), named.number))
            .collect()
    }

    /// When versions answered, by generation, oldest first.
    pub fn served(&self) -> Vec<Served> {
        self.book().spells.iter().filter_map(|spell| spell.served()).collect()
    }

    /// Takes all versions out and waits until each has answered its last request and is closed.
    pub async fn close(&self) {
        self.table.store(Arc::new(Table::default()));
        let (loaded, closing) = {
            let mut book = self.book();
            (std::mem::take(&mut book.loaded), std::mem::take(&mut book.closing))
        };
        for version in loaded.into_values() {
            close(version).await;
        }
        for closing in closing {
            let _ = closing.await;
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes `version` once nobody else holds it.
async fn close(mut version: Arc<Version>) {
    loop {
        match Arc::try_unwrap(version) {
            Ok(version) => return version.close().await,
            Err(held) => version = held,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn not_ready() -> PredictError {
    PredictError::new(ErrorCode::NotReady, "no version is ready to answer")
        .hint("one is still being loaded, or none was ever deployed here")
}
