//! What served in an environment, and when: since when it was wanted, who put it there and why, from which
//! run, data and commit it came, who had approved it, and under which configuration.
//!
//! Only what is told is read: of the audit log what was applied, and the numbers of the states' own entries.
//!
//! What was wanted is decided, so it is audited; when a version answered is what replicas saw. Nothing is
//! guessed: what the home does not know is absent.

use std::collections::{BTreeMap, BTreeSet};

use modelyard_core::audit::{AuditEntry, AuditFilter, ENVIRONMENT_APPLIED, PROJECT_APPLIED};
use modelyard_core::deploy::{
    Approval, EnvironmentId, EnvironmentSpec, EnvironmentState, Phase, Placed, ReleaseId, Role, Served,
    StateRecord,
};
use modelyard_core::id::RunId;
use modelyard_core::model::{ModelRef, Which};
use modelyard_core::ports::Home;
use modelyard_core::{Digest, Result, Timestamp};
use modelyard_track::lineage::{self, CommitLink};
use serde::Serialize;

use super::{approval, environments, moves};

/// Every state an environment ever had, the newest first.
#[derive(Clone, Debug, Serialize)]
pub struct History {
    pub environment: EnvironmentId,
    pub states: Vec<State>,
}

/// A state while it was wanted.
#[derive(Clone, Debug, Serialize)]
pub struct State {
    pub generation: u64,
    pub wanted_from: Timestamp,
    /// When the next one was wanted; `None` for the newest.
    pub wanted_until: Option<Timestamp>,
    /// Who put it there: whoever asked for the release that moved on by itself, else who changed it.
    pub by: String,
    pub cause: String,
    /// The release that keys are hashed with.
    pub release: Option<ReleaseId>,
    /// The audit entry that proves it.
    pub audit: Option<u64>,
    /// Those that answered or were copied to, the largest share first; then those that were only loaded.
    pub versions: Vec<Version>,
    pub configuration: Option<Configuration>,
}

/// A version in a state.
#[derive(Clone, Debug, Serialize)]
pub struct Version {
    pub model: String,
    pub number: u32,
    pub package: Digest,
    pub role: Role,
    pub phase: Phase,
    pub weight: f64,
    /// Its first and last answers while this state was the newest that its replica knew; `None` where it
    /// gave none.
    pub first_served: Option<Timestamp>,
    pub last_served: Option<Timestamp>,
    #[serde(flatten)]
    pub origin: Origin,
    /// The last word of each person at the time.
    pub approvals: Vec<Approval>,
}

/// Where a version came from.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Origin {
    pub registered_at: Option<Timestamp>,
    pub registered_by: Option<String>,
    pub run: Option<RunId>,
    /// `flights@3`.
    pub data: Vec<String>,
    pub commit: Option<CommitLink>,
}

/// What `modelyard apply` had written last.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Configuration {
    pub applied_at: Timestamp,
    pub applied_by: String,
    /// Tree of the project: configuration, declared code, lock.
    pub snapshot: Option<Digest>,
    /// The environment's settings.
    pub settings: Option<EnvironmentSpec>,
    /// The audit entry that proves it.
    pub audit: u64,
}

/// What served at an instant.
#[derive(Clone, Debug, Serialize)]
pub struct Moment {
    pub environment: EnvironmentId,
    pub at: Timestamp,
    /// What was wanted then; `None` before anything ever was.
    pub state: Option<State>,
    /// Versions that answered then under an earlier state, as a replica does that has not taken in the newest.
    pub also_answered: Vec<Served>,
}

impl State {
    /// Those that answered requests.
    pub fn serving(&self) -> impl Iterator<Item = &Version> {
        self.versions.iter().filter(|version| version.role != Role::Shadow && version.phase == Phase::Serve)
    }
}

/// How much is told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// So many states at most.
    pub limit: Option<usize>,
    /// Only those that serve otherwise than the one before.
    pub serving: bool,
}

/// The history of `id`, as much of it as is `wanted`.
///
/// # Errors
/// [`Kind::NotFound`](modelyard_core::Kind::NotFound) if there is no such environment; else if the home can't be read.
pub async fn of(home: &Home, id: &EnvironmentId, wanted: Wanted) -> Result<History> {
    let mut teller = Teller::new(home, id).await?;
    let records = home.environments.states(id).await?;
    let is_told = |place: usize| {
        let before = place.checked_sub(1).map(|before| &records[before].state);
        !wanted.serving || serves_otherwise(&records[place].state, before)
    };
    let mut states = Vec::new();
    for place in (0..records.len()).rev().filter(|place| is_told(*place)) {
        if wanted.limit.is_some_and(|limit| states.len() >= limit) {
            break;
        }
        let until = records.get(place + 1).map(|next| next.wanted_from);
        states.push(teller.state(&records[place], until).await?);
    }
    Ok(History { environment: id.clone(), states })
}

/// Whether other versions answer, or with other shares, than in `before`.
fn serves_otherwise(state: &EnvironmentState, before: Option<&EnvironmentState>) -> bool {
    let shares = |state: &EnvironmentState| -> BTreeSet<(Digest, &'static str, u64)> {
        let placed = state.placed.iter().filter(|placed| placed.phase == Phase::Serve);
        placed.map(|placed| (placed.package, placed.role.as_str(), placed.weight.to_bits())).collect()
    };
    shares(state) != before.map(shares).unwrap_or_default()
}

/// What served in `id` at the instant `at`.
///
/// # Errors
/// As [`of`].
pub async fn at(home: &Home, id: &EnvironmentId, at: Timestamp) -> Result<Moment> {
    let mut teller = Teller::new(home, id).await?;
    let records = home.environments.states(id).await?;
    // By their order rather than their times, for clocks that went back.
    let place = records.iter().rposition(|record| record.wanted_from <= at);
    let state = match place {
        Some(place) => {
            let until = records.get(place + 1).map(|next| next.wanted_from);
            Some(teller.state(&records[place], until).await?)
        }
        None => None,
    };
    let wanted = state.as_ref().map_or(0, |state| state.generation);
    let answered = |span: &&Served| span.first <= at && at <= span.last && span.generation != wanted;
    let also_answered = teller.served.iter().filter(answered).cloned().collect();
    Ok(Moment { environment: id.clone(), at, state, also_answered })
}

/// What states are told from, read once.
struct Teller<'a> {
    home: &'a Home,
    served: Vec<Served>,
    /// Numbers of audit entries by the generation that they put there.
    audit: BTreeMap<u64, u64>,
    /// The oldest first.
    configurations: Vec<Configuration>,
    origins: BTreeMap<(String, u32), Origin>,
    approvals: BTreeMap<(String, u32), Vec<Approval>>,
}

impl<'a> Teller<'a> {
    async fn new(home: &'a Home, id: &EnvironmentId) -> Result<Self> {
        environments::find(home, id).await?;
        let applied = AuditFilter {
            subjects: vec![id.project.clone(), id.to_string()],
            events: [PROJECT_APPLIED, ENVIRONMENT_APPLIED].map(str::to_owned).into(),
            ..AuditFilter::default()
        };
        Ok(Self {
            home,
            served: home.observations.served(id).await?,
            audit: home.environments.state_entries(id).await?,
            configurations: configurations(home.audit.list(&applied).await?),
            origins: BTreeMap::new(),
            approvals: BTreeMap::new(),
        })
    }

    async fn state(&mut self, record: &StateRecord, wanted_until: Option<Timestamp>) -> Result<State> {
        let StateRecord { state, wanted_from, actor, cause, .. } = record;
        let mut versions = Vec::new();
        for placed in &state.placed {
            versions.push(self.version(placed, state.generation, *wanted_from).await?);
        }
        versions.sort_by(|one, other| {
            let answers = |version: &Version| version.phase == Phase::Serve;
            answers(other).cmp(&answers(one)).then(other.weight.total_cmp(&one.weight))
        });
        let audit = self.audit.get(&state.generation).copied();
        let is_before = |configuration: &&Configuration| match audit {
            Some(audit) => configuration.audit <= audit,
            None => configuration.applied_at <= *wanted_from,
        };
        let asked = match state.release {
            Some(release) if actor == moves::ACTOR => self.home.environments.release(release).await?,
            _ => None,
        };
        Ok(State {
            generation: state.generation,
            wanted_from: *wanted_from,
            wanted_until,
            by: asked.map_or_else(|| actor.clone(), |release| release.by),
            cause: cause.clone(),
            release: state.release,
            audit,
            versions,
            configuration: self.configurations.iter().rev().find(is_before).cloned(),
        })
    }

    async fn version(&mut self, placed: &Placed, generation: u64, wanted_from: Timestamp) -> Result<Version> {
        let is_span = |span: &&Served| span.generation == generation && span.package == placed.package;
        let span = self.served.iter().find(is_span);
        let (first_served, last_served) = (span.map(|span| span.first), span.map(|span| span.last));
        let name = (placed.model.clone(), placed.number);
        if !self.origins.contains_key(&name) {
            let origin = origin(self.home, &name.0, name.1).await?;
            let approvals = self.home.environments.approvals(&name.0, name.1).await?;
            self.origins.insert(name.clone(), origin);
            self.approvals.insert(name.clone(), approvals);
        }
        let given = self.approvals.get(&name).map_or(&[][..], |given| given);
        let then: Vec<Approval> = given.iter().filter(|given| given.at <= wanted_from).cloned().collect();
        Ok(Version {
            model: placed.model.clone(),
            number: placed.number,
            package: placed.package,
            role: placed.role,
            phase: placed.phase,
            weight: placed.weight,
            first_served,
            last_served,
            origin: self.origins.get(&name).cloned().unwrap_or_default(),
            approvals: approval::counting(&then).into_iter().cloned().collect(),
        })
    }
}

async fn origin(home: &Home, model: &str, number: u32) -> Result<Origin> {
    let reference = ModelRef { name: model.to_owned(), which: Which::Number(number) };
    let Some(version) = home.models.resolve(&reference).await? else { return Ok(Origin::default()) };
    let lineage = lineage::of_version(home, &version).await?;
    Ok(Origin {
        registered_at: Some(version.created_at),
        registered_by: Some(version.created_by),
        run: version.run,
        data: lineage.data.iter().map(|data| format!("{}@{}", data.name, data.number)).collect(),
        commit: lineage.commit,
    })
}

/// What was in force of the applied configuration, after each of `entries`, which come newest first.
fn configurations(entries: Vec<AuditEntry>) -> Vec<Configuration> {
    let mut found: Vec<Configuration> = Vec::new();
    for entry in entries.into_iter().rev() {
        let after = &entry.details["after"];
        let spec = if entry.event == ENVIRONMENT_APPLIED { after.get("spec") } else { None };
        let snapshot = if entry.event == PROJECT_APPLIED { after.get("snapshot") } else { None };
        let before = found.last();
        let parsed = |value: &serde_json::Value| serde_json::from_value(value.clone()).ok();
        found.push(Configuration {
            applied_at: entry.at,
            applied_by: entry.actor.clone(),
            snapshot: snapshot.and_then(parsed_digest).or(before.and_then(|before| before.snapshot)),
            settings: spec.and_then(parsed).or_else(|| before.and_then(|before| before.settings.clone())),
            audit: entry.number,
        });
    }
    found
}

fn parsed_digest(value: &serde_json::Value) -> Option<Digest> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests;
