//! A data plane: one process that follows its environment's state, without a restart.
//!
//! It looks whether the home changed, ten times a second, loads what is wanted, takes in what is
//! proven, routes as the newest state says, closes what left, and reports what it sees. It decides
//! nothing: what serves is desired state, and whoever wrote that judges the reports. Where the home
//! can't be read it goes on as it was.
//!
//! ```text
//! mod      the loop: look, load, follow, report
//! load     one package: fetched, verified, opened, proven
//! report   what is told, and when
//! ```

mod load;
mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use modelyard_core::deploy::{Applied, Environment, EnvironmentId, EnvironmentSpec, EnvironmentState};
use modelyard_core::ports::{Home, Watch};
use modelyard_core::{Clock, Digest, Result};
use modelyard_serve::Fleet;
use modelyard_serve::log::Log;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::Settings;
use crate::monitor::record::Recorder;
use load::{Loaded, Loader};
use report::Reporter;

/// How often it is looked whether the home changed.
const LOOK: Duration = Duration::from_millis(100);

/// After which a version that could not be loaded is tried again, as long as it is wanted: the incumbent, and
/// the one that is kept warm as the way back.
const AGAIN: Duration = Duration::from_secs(30);

/// How often one that can't load the incumbent looks whether other replicas answer.
const AMONG_OTHERS: Duration = Duration::from_secs(1);

/// What a data plane is.
pub struct Options {
    pub environment: EnvironmentId,
    /// As the target numbers them.
    pub replica: u32,
    /// Where it answers.
    pub listen: String,
    /// Of this program's file, where that can be told.
    pub program: Option<Digest>,
    /// When the process began.
    pub began: Instant,
    /// How long a version may take to be opened and proven, in place of what the environment says.
    pub start_limit: Option<Duration>,
    /// Hears what goes wrong.
    pub note: Arc<dyn Fn(&str) + Send + Sync>,
}

/// What a data plane can do by now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// What is to serve is being loaded.
    Loading,
    /// A version answers, or none is to.
    Ready,
    /// The version that is to serve can't be loaded; it is tried again and again.
    Stuck {
        reason: String,
        /// No other replica answers either.
        is_alone: bool,
    },
}

/// A data plane that follows. [`end`](Self::end) ends it; dropped, it goes on without anybody.
pub struct Plane {
    fleet: Arc<Fleet>,
    spec: EnvironmentSpec,
    standing: watch::Receiver<Standing>,
    /// Told when it is to end; it answers the reporter.
    ending: oneshot::Sender<()>,
    recorder: Arc<Recorder>,
    task: JoinHandle<Reporter>,
}

impl Plane {
    /// Begins to follow. Limits and means are those of the specification as it is now; a target starts
    /// replicas anew when they change.
    ///
    /// # Errors
    /// If there is no such environment, or the home can't be read.
    pub async fn start(
        home: Home,
        settings: Settings,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Result<Self> {
        let watch = home.observations.watch().await?;
        let environment = super::environments::find(&home, &options.environment).await?;
        let recorder =
            Arc::new(Recorder::start(home.log.clone(), options.environment.clone(), options.note.clone())?);
        let applied = home.environments.applied(&options.environment.project).await?;
        recorder.follow(applied.as_ref(), &options.environment);
        let fleet = Arc::new(Fleet::logged(clock.clone(), recorder.log()));
        let spec = environment.spec.clone();
        let reporter = Reporter::new(home.observations.clone(), clock, fleet.clone(), &options);
        let (tell_standing, standing) = watch::channel(Standing::Loading);
        let (ending, ended) = oneshot::channel();
        let follower = Follower {
            loader: Arc::new(Loader::new(home.clone(), settings, spec.clone(), &options)),
            home,
            watch: Some(watch),
            note: options.note.clone(),
            id: options.environment,
            state: environment.state,
            applied,
            recorder: recorder.clone(),
            first: Some(options.began),
            fleet: fleet.clone(),
            loading: BTreeMap::new(),
            loads: JoinSet::new(),
            n_loads: 0,
            failed: BTreeMap::new(),
            reporter,
            standing: tell_standing,
            stood: None,
        };
        let task = tokio::spawn(follower.run(ended));
        Ok(Self { fleet, spec, standing, ending, recorder, task })
    }

    pub fn fleet(&self) -> Arc<Fleet> {
        self.fleet.clone()
    }

    /// Where what was answered is on its way to the home.
    pub fn log(&self) -> Arc<Log> {
        self.recorder.log()
    }

    pub fn spec(&self) -> &EnvironmentSpec {
        &self.spec
    }

    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.clone()
    }

    /// Resolves when requests may be taken: a version answers, none is to, or none can here or in another
    /// replica, so that clients are told instead of kept waiting. Where others answer on the same socket,
    /// one that can't load what they serve leaves the requests to them.
    pub async fn settled(&self) {
        let mut standing = self.standing.clone();
        let is_settled = |standing: &Standing| {
            matches!(standing, Standing::Ready | Standing::Stuck { is_alone: true, .. })
        };
        let _ = standing.wait_for(is_settled).await;
    }

    /// Reports that it is ending, and follows no more. What answers goes on answering; the answer of this
    /// is awaited after the last one.
    pub async fn end(self) -> Ending {
        let _ = self.ending.send(());
        let reporter = self.task.await.ok();
        Ending { fleet: self.fleet, recorder: self.recorder, reporter }
    }
}

/// A data plane that takes no more requests.
pub struct Ending {
    fleet: Arc<Fleet>,
    recorder: Arc<Recorder>,
    reporter: Option<Reporter>,
}

impl Ending {
    /// Closes all versions, each after its last answer, logs what was answered and reports for the last time.
    pub async fn close(self) {
        self.fleet.close().await;
        // The follower, which had it too, has ended.
        if let Some(recorder) = Arc::into_inner(self.recorder) {
            recorder.end().await;
        }
        if let Some(mut reporter) = self.reporter {
            reporter.last().await;
        }
    }
}

struct Follower {
    home: Home,
    /// `None` where it broke.
    watch: Option<Box<dyn Watch>>,
    loader: Arc<Loader>,
    note: Arc<dyn Fn(&str) + Send + Sync>,
    id: EnvironmentId,
    state: EnvironmentState,
    /// What the project applied, whose `[monitor]` says what is logged.
    applied: Option<Applied>,
    recorder: Arc<Recorder>,
    /// When the process began, while what was wanted then is loaded.
    first: Option<Instant>,
    fleet: Arc<Fleet>,
    /// Packages under way, with what ends their loading when dropped.
    loading: BTreeMap<Digest, Load>,
    loads: JoinSet<(Digest, u64, Result<Loaded>)>,
    n_loads: u64,
    failed: BTreeMap<Digest, Failed>,
    reporter: Reporter,
    standing: watch::Sender<Standing>,
    /// When it was last looked whether other replicas answer.
    stood: Option<Instant>,
}

/// A package under way.
struct Load {
    number: u64,
    /// When it was wanted.
    since: Instant,
    _keep: oneshot::Sender<()>,
}

struct Failed {
    reason: String,
    at: Instant,
}

impl Follower {
    async fn run(mut self, mut ended: oneshot::Receiver<()>) -> Reporter {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        self.follow();
        self.first = None;
        loop {
            let urgent = tokio::select! {
                _ = &mut ended => break,
                Some(done) = self.loads.join_next() => done.is_ok_and(|done| self.take_in(done)),
                _ = ticks.tick() => self.look().await,
            };
            self.reporter.tell_if_due(urgent, self.failed()).await;
            self.stand().await;
        }
        self.loading.clear();
        self.reporter.ending(self.failed()).await;
        self.reporter
    }

    /// Reads the environment where the home changed; answers whether there is something new to tell.
    async fn look(&mut self) -> bool {
        match self.read().await {
            Ok(Some(environment)) if environment.state != self.state => {
                self.state = environment.state;
                self.follow();
                true
            }
            Ok(_) => {
                let known = self.failed.len();
                self.failed.retain(|_, failed| failed.at.elapsed() < AGAIN);
                if self.failed.len() < known {
                    self.follow();
                }
                false
            }
            Err(fault) => {
                // Whatever it was may have passed by the next look: begin with a new watch.
                self.watch = None;
                (self.note)(&fault.with_message("cannot see whether the environment changed").report());
                tokio::time::sleep(Duration::from_secs(1)).await;
                false
            }
        }
    }

    async fn read(&mut self) -> Result<Option<Environment>> {
        let mut watch = match self.watch.take() {
            Some(watch) => watch,
            None => self.home.observations.watch().await?,
        };
        let changed = watch.changed().await?;
        let environment = if changed { self.home.environments.environment(&self.id).await? } else { None };
        if changed {
            let applied = self.home.environments.applied(&self.id.project).await?;
            if applied != self.applied {
                self.recorder.follow(applied.as_ref(), &self.id);
                self.applied = applied;
            }
        }
        self.watch = Some(watch);
        Ok(environment)
    }

    /// Brings about what the state says, as far as it is loaded; begins to load what is not.
    fn follow(&mut self) {
        let wanted: BTreeSet<Digest> = self.state.wanted().map(|placed| placed.package).collect();
        self.loading.retain(|package, _| wanted.contains(package));
        self.failed.retain(|package, _| wanted.contains(package));
        self.fleet.follow(&self.state);
        let loaded = self.fleet.loaded();
        for package in wanted {
            let is_known = loaded.contains(&package)
                || self.loading.contains_key(&package)
                || self.failed.contains_key(&package);
            if !is_known {
                let (keep, ended) = oneshot::channel();
                self.n_loads += 1;
                let (number, since) = (self.n_loads, self.first.unwrap_or_else(Instant::now));
                self.loading.insert(package, Load { number, since, _keep: keep });
                let loader = self.loader.clone();
                self.loads.spawn(async move { (package, number, loader.load(package, ended).await) });
            }
        }
    }

    /// Takes in what was loaded, or notes why it was not.
    fn take_in(&mut self, (package, number, loaded): (Digest, u64, Result<Loaded>)) -> bool {
        // One that nobody wants any more is dropped with what it holds.
        let Some(load) = self.loading.get(&package).filter(|load| load.number == number) else {
            return false;
        };
        let took = load.since.elapsed();
        self.loading.remove(&package);
        match loaded {
            Ok(Loaded { model, profile, place }) => {
                self.fleet.take_in(model, profile.as_ref(), Box::new(place));
                self.reporter.ready(package, took);
                self.fleet.follow(&self.state);
            }
            Err(fault) => {
                let reason = fault.report();
                (self.note)(&format!("package {} is not served: {reason}", package.short()));
                self.failed.insert(package, Failed { reason, at: Instant::now() });
            }
        }
        true
    }

    /// Tells what this data plane can do by now.
    async fn stand(&mut self) {
        let stable = self.state.stable().map(|stable| stable.package).filter(|_| !self.fleet.is_ready());
        let standing = match stable.map(|package| (package, self.failed.get(&package))) {
            None => Standing::Ready,
            Some((_, None)) => Standing::Loading,
            Some((package, Some(failed))) => {
                if self.stood.is_some_and(|at| at.elapsed() < AMONG_OTHERS) {
                    return;
                }
                self.stood = Some(Instant::now());
                let is_alone = !self.reporter.is_beside_another(package).await;
                Standing::Stuck { reason: failed.reason.clone(), is_alone }
            }
        };
        self.standing.send_if_modified(|before| {
            let is_news = *before != standing;
            *before = standing;
            is_news
        });
    }

    fn failed(&self) -> BTreeMap<Digest, String> {
        self.failed.iter().map(|(package, failed)| (*package, failed.reason.clone())).collect()
    }
}
