//! Continuous training: what sets it off, and what becomes of each cause.
//!
//! A cause is kept in the home under its trigger and what set it off, which is unique, so nothing is trained
//! twice. All that is known of where it stands is its record: whoever looks next, after a crash too, goes on from
//! there.
//!
//! ```text
//! origin/   where causes come from
//! cron      times as cron writes them
//! sources   whether there is anything new to learn from
//! decide    what becomes of a cause: a pure function
//! fire      causes that somebody asks for
//! look      triggers and causes as people see them
//! ```
//!
//! What follows stands in [`train`](super::train).

pub mod cron;
pub mod decide;
pub mod fire;
mod look;
mod origin;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use modelyard_core::audit::Actor;
use modelyard_core::config::Project;
use modelyard_core::deploy::{Applied, EnvironmentId};
use modelyard_core::fault::Attempt;
use modelyard_core::id::{CauseId, RunId};
use modelyard_core::model::{ModelRef, Which};
use modelyard_core::monitor::{Cause, CauseState, Origin, Then, TriggerSpec};
use modelyard_core::ports::Home;
use modelyard_core::run::SNAPSHOT_CONFIG;
use modelyard_core::{Clock, Digest, Fault, Kind, Result, Timestamp};
use tokio::sync::Mutex;

use super::Duty;
use super::train::{self, Hands};
use decide::{Act, Facts};
use origin::{Seen, World};
use sources::Sources;

pub use look::{Listed, listed, log};

/// Looks at the triggers of all projects of a home, and carries on with what they set off.
pub struct Triggers {
    home: Home,
    clock: Arc<dyn Clock>,
    hands: Arc<dyn Hands>,
    /// By project; what would be found out again.
    memory: Mutex<BTreeMap<String, Memory>>,
}

#[async_trait]
impl Duty for Triggers {
    fn name(&self) -> &'static str {
        "triggers"
    }

    /// One look at every project. What keeps one from being looked at keeps no other.
    async fn look(&self) -> Result<()> {
        let mut first = Ok(());
        let mut memory = self.memory.lock().await;
        for project in self.home.environments.projects().await? {
            let memory = memory.entry(project.clone()).or_default();
            if let Err(fault) = self.look_at(&project, memory).await {
                // Somebody else was first; the next look sees what they did.
                if fault.kind() != Kind::Conflict && first.is_ok() {
                    first = Err(fault.detail("project", project));
                }
            }
        }
        first
    }
}

#[derive(Default)]
struct Memory {
    sources: Sources,
    /// The configuration in a snapshot.
    project: Option<(Digest, Arc<Project>)>,
    children: train::Children,
}

impl Triggers {
    pub fn new(home: Home, clock: Arc<dyn Clock>, hands: Arc<dyn Hands>) -> Self {
        Self { home, clock, hands, memory: Mutex::default() }
    }

    async fn look_at(&self, project: &str, memory: &mut Memory) -> Result<()> {
        let Some(applied) = self.home.environments.applied(project).await? else { return Ok(()) };
        let triggers = &applied.triggers;
        let causes = self.home.causes.causes(project).await?;
        if triggers.is_empty() && causes.iter().all(|cause| has_ended(cause.state)) {
            return Ok(());
        }
        let loop_ =
            train::Loop { home: &self.home, clock: &*self.clock, hands: &*self.hands, applied: &applied };
        // What is under way goes on even where sources can't be looked at.
        let busy = loop_.carry_on(&causes, &mut memory.children).await?;
        let config = self.config(&applied, &causes, memory).await?;
        let folder = Path::new(&applied.folder);
        let sources = &mut memory.sources;
        // Where they can't be looked at, a schedule or a request trains all the same, or fails and says why.
        let content = sources.now(&self.home, &*self.clock, &config, folder).await;
        let seen = content.as_ref().ok().copied().flatten();
        let champion = self.champion(&applied).await?;
        let mut known = BTreeSet::new();
        for run in champion.into_iter().chain(settled(&causes)) {
            known.extend(sources.of_run(&self.home, run).await?);
        }
        let fresh = seen.filter(|content| !known.contains(content));
        for trigger in triggers {
            let counts = trigger.on.contains(&Origin::NewData) && trigger.min_rows > 1;
            let new_rows = match fresh {
                Some(content) if counts => {
                    Some(sources.new_rows(&self.home, &config, folder, content, champion).await?)
                }
                _ => None,
            };
            let now = self.clock.now();
            let world =
                World { home: &self.home, applied: &applied, trigger, causes: &causes, fresh, new_rows, now };
            for origin in &trigger.on {
                if let Some(seen) = origin::look(*origin, &world).await? {
                    self.keep(&applied, trigger, *origin, seen, &causes).await?;
                }
            }
        }
        let facts = Facts {
            busy,
            frozen: self.frozen(&applied).await?,
            fresh: seen.map(|_| fresh.is_some()),
            trainings: Vec::new(),
        };
        self.judge(&loop_, facts, &mut memory.children).await?;
        content.map(|_| ())
    }

    /// Keeps what was seen, where it is new.
    async fn keep(
        &self,
        applied: &Applied,
        trigger: &TriggerSpec,
        origin: Origin,
        seen: Seen,
        causes: &[Cause],
    ) -> Result<()> {
        if causes.iter().any(|cause| cause.trigger == trigger.name && cause.key == seen.key) {
            return Ok(());
        }
        let actor = actor(&trigger.name, self.clock.now());
        let mut cause = new_cause(&*self.clock, &applied.project, trigger, origin, seen.key, &actor.name);
        if let Some(reason) = seen.skipped {
            cause.state = CauseState::Skipped;
            cause.reason = reason;
        }
        let (_, new) = self.home.causes.add_cause(&cause, &actor).await?;
        if let (true, Some(message)) = (new, seen.alert) {
            let told = train::Told { rule: "missed-schedule", trigger: &trigger.name, message };
            train::tell(&self.home, &*self.clock, applied, told).await?;
        }
        Ok(())
    }

    /// Decides about every cause that is pending or waits, the oldest first, and begins one training for all that
    /// may share it.
    async fn judge(
        &self,
        loop_: &train::Loop<'_>,
        facts: Facts,
        children: &mut train::Children,
    ) -> Result<()> {
        let mut causes = self.home.causes.causes(&loop_.applied.project).await?;
        causes.reverse();
        let mut together: Vec<Cause> = Vec::new();
        for cause in causes.iter().filter(|cause| waits(cause.state)) {
            let trigger = loop_.trigger(cause);
            let mut facts = facts.clone();
            if let Some(trigger) = trigger {
                facts.trainings = self.trainings(&causes, trigger).await?;
            }
            let now = self.clock.now();
            match decide::next(cause, trigger, &facts, now) {
                Act::Train => {
                    // Other parameters are another training.
                    let set = |cause: &Cause| loop_.trigger(cause).map(|trigger| &trigger.set);
                    if together.first().is_none_or(|first| set(first) == set(cause)) {
                        together.push(cause.clone());
                    }
                }
                Act::WaitForData => {
                    let reason = "the sources hold what the champion learnt from: it fires with new data";
                    loop_.set(cause, CauseState::WaitingForData, reason).await?;
                }
                Act::Hold(reason) => {
                    loop_.set(cause, cause.state, &reason).await?;
                }
                Act::Skip(reason) => {
                    loop_.set(cause, CauseState::Skipped, &reason).await?;
                }
            }
        }
        if together.is_empty() { Ok(()) } else { loop_.begin(&together, children).await }
    }

    /// When trainings of `trigger` began, as far back as it asks.
    async fn trainings(&self, causes: &[Cause], trigger: &TriggerSpec) -> Result<Vec<Timestamp>> {
        if trigger.cool_down_secs <= 0.0 && trigger.budget.is_none() {
            return Ok(Vec::new());
        }
        let most = trigger.budget.map_or(1, |budget| budget.max(1) as usize);
        let of_trigger = causes.iter().rev().filter(|cause| cause.trigger == trigger.name);
        let mut runs = BTreeSet::new();
        let mut began = Vec::new();
        for run in of_trigger.filter_map(|cause| cause.run) {
            if began.len() >= most {
                break;
            }
            if runs.insert(run)
                && let Some(run) = self.home.runs.get(run).await?
            {
                began.push(run.started_at);
            }
        }
        began.sort_by(|a, b| b.cmp(a));
        Ok(began)
    }

    /// The run that the champion came from; before there is one, the newest version's.
    async fn champion(&self, applied: &Applied) -> Result<Option<RunId>> {
        let model = ModelRef { name: applied.model.clone(), which: Which::Default };
        Ok(self.home.models.resolve(&model).await?.and_then(|version| version.run))
    }

    async fn frozen(&self, applied: &Applied) -> Result<Option<String>> {
        let Some(id) = production(applied) else { return Ok(None) };
        let Some(environment) = self.home.environments.environment(&id).await? else { return Ok(None) };
        let now = self.clock.now();
        let freeze = environment.frozen.as_ref().filter(|_| environment.is_frozen(now));
        Ok(freeze.map(|freeze| format!("`{}` froze `{}`", freeze.by, id.name)))
    }

    /// The configuration that trainings go by.
    async fn config(&self, applied: &Applied, causes: &[Cause], memory: &mut Memory) -> Result<Arc<Project>> {
        let snapshot = train::active(&self.home, applied, causes).await?.snapshot;
        if let Some((of, project)) = &memory.project
            && *of == snapshot
        {
            return Ok(Arc::clone(project));
        }
        let failed = || format!("cannot read the configuration that `{}` applied", applied.project);
        let missing = || Fault::new(Kind::Store, failed());
        let tree = self.home.blobs.tree(snapshot).await?.ok_or_else(missing)?;
        let file = tree.file(SNAPSHOT_CONFIG).ok_or_else(missing)?;
        let bytes = self.home.blobs.get(file.digest).await?.ok_or_else(missing)?;
        let project: Project = serde_json::from_slice(&bytes).attempt(Kind::Store, failed)?;
        let project = Arc::new(project);
        memory.project = Some((snapshot, Arc::clone(&project)));
        Ok(project)
    }
}

/// The environment that is watched, and that trained versions are released to.
pub(super) fn production(applied: &Applied) -> Option<EnvironmentId> {
    let declared = applied.monitor.as_ref().map(|monitor| monitor.environment.clone());
    let names = || applied.environments.keys();
    let name = declared
        .or_else(|| names().find(|name| *name == "production").cloned())
        .or_else(|| names().next_back().cloned())?;
    Some(EnvironmentId { project: applied.project.clone(), name })
}

/// Whether nothing more becomes of a cause.
pub fn has_ended(state: CauseState) -> bool {
    matches!(state, CauseState::Done | CauseState::Kept | CauseState::Failed | CauseState::Skipped)
}

fn waits(state: CauseState) -> bool {
    matches!(state, CauseState::Pending | CauseState::WaitingForData)
}

/// Runs of causes whose candidate was compared with the champion: what they learnt from is no longer new.
fn settled(causes: &[Cause]) -> impl Iterator<Item = RunId> {
    let settled =
        |cause: &&Cause| matches!(cause.state, CauseState::Done | CauseState::Kept | CauseState::Releasing);
    causes.iter().filter(settled).filter_map(|cause| cause.run)
}

/// Who acts where a trigger does.
pub(super) fn actor(trigger: &str, at: Timestamp) -> Actor {
    Actor { name: format!("trigger {trigger}"), at }
}

pub(super) fn new_cause(
    clock: &dyn Clock,
    project: &str,
    trigger: &TriggerSpec,
    origin: Origin,
    key: String,
    actor: &str,
) -> Cause {
    let now = clock.now();
    Cause {
        version: 1,
        id: CauseId::new(clock),
        project: project.to_owned(),
        trigger: trigger.name.clone(),
        origin,
        key,
        state: CauseState::Pending,
        reason: String::new(),
        actor: actor.to_owned(),
        at: now,
        changed_at: now,
        run: None,
        model: None,
        release: None,
        revision: 0,
    }
}

/// Whether what `causes` trained is to be released.
pub(super) fn releases(causes: &[&Cause], applied: &Applied) -> bool {
    causes.iter().any(|cause| {
        let trigger = applied.triggers.iter().find(|trigger| trigger.name == cause.trigger);
        trigger.is_some_and(|trigger| trigger.then == Then::Release)
    })
}
