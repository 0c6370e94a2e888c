//! Processes on this machine: `serve` of this program on a listening socket that they inherit.
//!
//! They are detached: when this program ends, for whatever reason, they go on, and the next one finds them
//! again by their records. Their listening socket is taken back from one of them over its control socket,
//! so the port is open all the time. One that ends is started again after a pause.
//!
//! Who wants another process than `modelyard serve` on another machine writes another member; here nothing
//! is copied or installed.

mod held;
mod logs;
mod record;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use modelyard_process::control;
use modelyard_process::detached::since_boot;

use self::held::{Held, Refused};
use self::record::{Folder, Record, State};
use super::{Act, Condition, Plan, ReplicaStatus, Target, Wanted};

/// How replicas are started and ended.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This program's file, absolute.
    pub program: PathBuf,
    /// Its words before `serve`.
    pub args: Vec<OsString>,
    /// Where records and logs are kept, absolute.
    pub folder: PathBuf,
    /// Where control sockets are put, by [`control::private_folder`]: `$XDG_RUNTIME_DIR`.
    pub runtime: Option<PathBuf>,
    /// How long a replica may take to end, besides its last answers, before it is killed.
    pub patience: Duration,
    /// How long one that replaces another may take until it is ready.
    pub ready_within: Duration,
}

/// The member `process`.
pub struct ProcessTarget(Arc<Inner>);

struct Inner {
    settings: Settings,
    environments: Mutex<BTreeMap<EnvironmentId, Arc<tokio::sync::Mutex<Held>>>>,
}

impl ProcessTarget {
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Inner { settings, environments: Mutex::default() }))
    }

    fn held(&self, environment: &EnvironmentId) -> Arc<tokio::sync::Mutex<Held>> {
        let mut all = self.0.environments.lock().unwrap_or_else(PoisonError::into_inner);
        let held = all.entry(environment.clone()).or_insert_with(|| {
            Arc::new(tokio::sync::Mutex::new(Held {
                environment: environment.clone(),
                folder: Folder::of(&self.0.settings.folder, environment),
                listener: None,
                wanted: None,
                watched: false,
                refused: None,
            }))
        });
        Arc::clone(held)
    }

    /// Has ended replicas started again from now on.
    fn look_after(&self, held: &Arc<tokio::sync::Mutex<Held>>, locked: &mut Held) {
        if !locked.watched {
            locked.watched = true;
            tokio::spawn(watch::watch(Arc::downgrade(&self.0), Arc::downgrade(held)));
        }
    }
}

#[async_trait]
impl Target for ProcessTarget {
    fn plan(&self, wanted: &Wanted, status: &[ReplicaStatus]) -> Plan {
        let mut acts = Vec::new();
        let there: BTreeSet<u32> = status.iter().map(|replica| replica.replica).collect();
        for replica in status.iter().filter(|replica| replica.replica < wanted.replicas) {
            if replica.settings != wanted.settings || replica.listen != wanted.listen {
                acts.push(Act::Replace(replica.replica));
            }
        }
        acts.extend((0..wanted.replicas).filter(|replica| !there.contains(replica)).map(Act::Start));
        acts.extend(
            there.iter().filter(|replica| **replica >= wanted.replicas).map(|replica| Act::Stop(*replica)),
        );
        Plan(acts)
    }

    async fn apply(&self, wanted: &Wanted) -> Result<()> {
        let held = self.held(&wanted.environment);
        let mut locked = held.lock().await;
        let settings = &self.0.settings;
        locked.folder.make()?;
        let _lock = locked.folder.lock().await?;
        locked.wanted = (wanted.replicas > 0).then(|| wanted.clone());
        let mut records = locked.records()?;
        clear_leftovers(&locked, settings, wanted, &mut records).await;
        let plan = self.plan(wanted, &status(&records));
        if let Some(refused) = &locked.refused
            && refused.wanted == *wanted
            && refused.again_at > since_boot()
            && plan.0.iter().any(|act| matches!(act, Act::Replace(_)))
        {
            let fault = Fault::new(Kind::Release, refused.message.clone());
            locked.start_due(settings, &mut records)?;
            return Err(fault);
        }
        let (mut before, mut started) = (None, Ok(()));
        if wanted.replicas > 0 {
            let listens = listen(&mut locked, settings, wanted, &mut records).await;
            // Also where it can't be had: those of the address before go on.
            started = locked.start_due(settings, &mut records);
            match listens {
                Ok(other) => before = other,
                Err(fault) => {
                    self.look_after(&held, &mut locked);
                    return Err(fault);
                }
            }
        }
        let result = match started {
            Ok(()) => act(&locked, settings, wanted, &plan).await,
            Err(fault) => Err(fault),
        };
        if result.is_err() && before.is_some() {
            locked.listener = before;
        }
        locked.refused = match (&result, locked.refused.take()) {
            (Ok(()), _) => None,
            (Err(fault), before) => {
                let row = before.filter(|before| before.wanted == *wanted).map_or(1, |before| before.row + 1);
                let (wanted, message) = (wanted.clone(), fault.message().to_owned());
                Some(Refused { wanted, message, row, again_at: since_boot() + held::pause(row) })
            }
        };
        if wanted.replicas == 0 {
            locked.listener = None;
        } else {
            self.look_after(&held, &mut locked);
        }
        result
    }

    async fn status(&self, environment: &EnvironmentId) -> Result<Vec<ReplicaStatus>> {
        // Waits for nobody, so it is told while a replica is being replaced, too.
        let mut records = Folder::of(&self.0.settings.folder, environment).records()?;
        for record in &mut records {
            if let State::Running(life) = &record.state
                && life.open().is_none_or(|process| process.is_gone())
            {
                record.state = State::Waiting { ended: "it ended".to_owned(), again_at: Duration::ZERO };
            }
        }
        Ok(status(&records))
    }

    async fn logs(&self, environment: &EnvironmentId, replica: u32, lines: usize) -> Result<String> {
        let log = Folder::of(&self.0.settings.folder, environment).log(replica);
        logs::tail(&log, lines).attempt(Kind::Store, || format!("cannot read `{}`", log.display()))
    }

    async fn remove(&self, environment: &EnvironmentId) -> Result<()> {
        let held = self.held(environment);
        let mut locked = held.lock().await;
        locked.wanted = None;
        locked.refused = None;
        if locked.folder.exists() {
            let _lock = locked.folder.lock().await?;
            let records = locked.records()?;
            locked.stop(&self.0.settings, &records.iter().collect::<Vec<_>>()).await;
            locked.folder.remove()?;
        }
        locked.listener = None;
        Ok(())
    }
}

/// What the target shows of its records: of a replica that is being replaced, the one before.
fn status(records: &[Record]) -> Vec<ReplicaStatus> {
    let mut shown: BTreeMap<u32, &Record> = BTreeMap::new();
    for record in records {
        let runs = |record: &Record| matches!(record.state, State::Running(_));
        let known = shown.entry(record.replica).or_insert(record);
        if !runs(known) {
            *known = record;
        }
    }
    shown
        .into_values()
        .map(|record| ReplicaStatus {
            replica: record.replica,
            settings: record.settings,
            listen: record.listen,
            condition: match &record.state {
                State::Running(life) => Condition::Running { pid: life.pid },
                State::Starting => {
                    Condition::Waiting { ended: "it is being started".to_owned(), again_in_ms: 0 }
                }
                State::Waiting { ended, again_at } => Condition::Waiting {
                    ended: ended.clone(),
                    again_in_ms: u64::try_from(again_at.saturating_sub(since_boot()).as_millis())
                        .unwrap_or(u64::MAX),
                },
            },
        })
        .collect()
}

fn fits(record: &Record, wanted: &Wanted) -> bool {
    record.settings == wanted.settings && record.listen == wanted.listen
}

/// Ends what an `apply` that was cut short left beside the process that [`status`] shows, but for one that
/// can take over.
async fn clear_leftovers(held: &Held, settings: &Settings, wanted: &Wanted, records: &mut Vec<Record>) {
    let mut keeps: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for record in records.iter() {
        let kept = keeps.entry(record.replica).or_default();
        let first = records
            .iter()
            .find(|other| other.replica == record.replica && matches!(other.state, State::Running(_)));
        let newest = records.iter().rfind(|other| other.replica == record.replica);
        let shown = first.or(newest);
        let is_shown = shown.is_some_and(|shown| shown.serial == record.serial);
        let takes_over = fits(record, wanted)
            && matches!(record.state, State::Running(_))
            && !shown.is_some_and(|shown| fits(shown, wanted));
        if is_shown || (takes_over && kept.len() < 2) {
            kept.push(record.serial);
        }
    }
    let is_kept =
        |record: &Record| keeps.get(&record.replica).is_some_and(|kept| kept.contains(&record.serial));
    let leftovers: Vec<&Record> = records.iter().filter(|record| !is_kept(record)).collect();
    held.stop(settings, &leftovers).await;
    records.retain(is_kept);
}

/// Holds the listening socket of `wanted`: as it is, from a process that has it, or bound anew. Answers the one
/// of another address that was held before; where the new one can't be had, that stays.
async fn listen(
    held: &mut Held,
    settings: &Settings,
    wanted: &Wanted,
    records: &mut Vec<Record>,
) -> Result<Option<TcpListener>> {
    if held.is_listening_on(wanted.listen) {
        return Ok(None);
    }
    if held.listener.is_none()
        && let Some(elsewhere) = records.iter().find(|record| record.listen != wanted.listen)
    {
        held.listener = held.take_back(elsewhere.listen, records).await;
    }
    if let Some(listener) = held.take_back(wanted.listen, records).await {
        return Ok(held.listener.replace(listener));
    }
    // Processes that have the socket and do not hand it over can't be supervised: they make way.
    let (mute, others): (Vec<_>, Vec<_>) = records
        .drain(..)
        .partition(|record| record.listen == wanted.listen && matches!(record.state, State::Running(_)));
    *records = others;
    held.stop(settings, &mute.iter().collect::<Vec<_>>()).await;
    let before = held.listener.replace(control::bind(wanted.listen)?);
    for record in mute {
        records.push(held.add(settings, record.replica, wanted, records)?);
    }
    records.sort_by_key(|record| (record.replica, record.serial));
    Ok(before)
}

async fn act(held: &Held, settings: &Settings, wanted: &Wanted, plan: &Plan) -> Result<()> {
    let mut stopped = Vec::new();
    for act in &plan.0 {
        // While one is replaced, others may end and are started again.
        let records = held.records()?;
        match act {
            Act::Start(replica) => {
                held.add(settings, *replica, wanted, &records)?;
            }
            Act::Replace(replica) => replace(held, settings, wanted, *replica, &records).await?,
            Act::Stop(replica) => {
                stopped.extend(records.into_iter().filter(|record| record.replica == *replica));
            }
        }
    }
    held.stop(settings, &stopped.iter().collect::<Vec<_>>()).await;
    Ok(())
}

/// Another process takes over, and only then the one before ends.
async fn replace(
    held: &Held,
    settings: &Settings,
    wanted: &Wanted,
    replica: u32,
    records: &[Record],
) -> Result<()> {
    let there: Vec<&Record> = records.iter().filter(|record| record.replica == replica).collect();
    let (after, before): (Vec<&Record>, Vec<&Record>) =
        there.into_iter().partition(|record| fits(record, wanted));
    let after = match after.first() {
        Some(record) => (*record).clone(),
        None => held.add(settings, replica, wanted, records)?,
    };
    // Where nothing answers, nothing is waited for.
    let answers = before.iter().any(|record| matches!(record.state, State::Running(_)));
    if answers && let Err(fault) = held.until_ready(settings, &after).await {
        held.stop(settings, &[&after]).await;
        return Err(fault);
    }
    held.stop(settings, &before).await;
    Ok(())
}
