//! What served in an environment, and when: since when it was wanted, who put it there and why, from which
//! run, data and commit it came, who had approved it, and under which configuration.
//!
//! What was wanted is decided, so it is audited; when a version answered is what replicas saw. Nothing is
//! guessed: what the home does not know is absent.

use std::collections::BTreeMap;

use modelyard_core::audit::AuditEntry;
use modelyard_core::deploy::{
    Approval, EnvironmentId, EnvironmentSpec, Phase, Placed, ReleaseId, Role, Served, StateRecord,
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

    /// Whether other versions answer, or with other shares, than in `before`.
    pub fn serves_otherwise(&self, before: &Self) -> bool {
        let shares = |state: &Self| -> Vec<(Digest, Role, u64)> {
            let placed = state.versions.iter().filter(|version| version.phase == Phase::Serve);
            placed.map(|version| (version.package, version.role, version.weight.to_bits())).collect()
        };
        shares(self) != shares(before)
    }
}

/// The whole history of `id`.
///
/// # Errors
/// [`Kind::NotFound`](modelyard_core::Kind::NotFound) if there is no such environment; else if the home can't be read.
pub async fn of(home: &Home, id: &EnvironmentId) -> Result<History> {
    let mut teller = Teller::new(home, id).await?;
    let records = home.environments.states(id).await?;
    let mut states = Vec::new();
    for (place, record) in records.iter().enumerate().rev() {
        let until = records.get(place + 1).map(|next| next.wanted_from);
        states.push(teller.state(record, until).await?);
    }
    Ok(History { environment: id.clone(), states })
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
        let entries = home.audit.entries().await?;
        Ok(Self {
            home,
            served: home.observations.served(id).await?,
            audit: generations(&entries, id),
            configurations: configurations(&entries, id),
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

/// Which entries put which generations into `id`.
fn generations(entries: &[AuditEntry], id: &EnvironmentId) -> BTreeMap<u64, u64> {
    let subject = id.to_string();
    let of = entries.iter().filter(|entry| entry.subject == subject);
    of.filter_map(|entry| Some((entry.details["after"]["state"]["generation"].as_u64()?, entry.number)))
        .collect()
}

/// What was in force of the applied configuration, after each entry that changed some of it.
fn configurations(entries: &[AuditEntry], id: &EnvironmentId) -> Vec<Configuration> {
    let subject = id.to_string();
    let mut found: Vec<Configuration> = Vec::new();
    for entry in entries {
        let is_project = entry.event == "project.applied" && entry.subject == id.project;
        let after = &entry.details["after"];
        let spec = if entry.subject == subject { after.get("spec") } else { None };
        if !is_project && spec.is_none() {
            continue;
        }
        let before = found.last();
        let parsed = |value: &serde_json::Value| serde_json::from_value(value.clone()).ok();
        let snapshot = if is_project { after.get("snapshot").and_then(parsed_digest) } else { None };
        found.push(Configuration {
            applied_at: entry.at,
            applied_by: entry.actor.clone(),
            snapshot: snapshot.or(before.and_then(|before| before.snapshot)),
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
mod tests {
    use modelyard_core::audit::Actor;
    use modelyard_core::deploy::environment::{Approvals, Batch, Limits, TargetKind, Tests};
    use modelyard_core::deploy::{
        Applied, Environment, EnvironmentState, Judge, ReplicaReport, Strategy, StrategyKind, Verdict,
    };
    use modelyard_core::model::NewVersion;
    use modelyard_core::ports::Change;
    use serde_json::Value;

    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_micros((1_790_000_000 + second) * 1_000_000)
    }

    fn by(name: &str, at: i64) -> Actor {
        Actor { name: name.to_owned(), at: second(at) }
    }

    fn id() -> EnvironmentId {
        EnvironmentId { project: "flights".to_owned(), name: "production".to_owned() }
    }

    fn package(number: u32) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    fn spec(replicas: u32) -> EnvironmentSpec {
        EnvironmentSpec {
            runs_on: TargetKind::Process,
            listen: "127.0.0.1:8100".to_owned(),
            replicas,
            requires: None,
            approvals: Approvals::default(),
            strategy: Strategy {
                kind: StrategyKind::AllAtOnce,
                weights: Vec::new(),
                judge: Judge::default(),
            },
            tests: Tests::default(),
            limits: Limits::default(),
            python: None,
            sandbox: true,
            batch: Batch::default(),
            env: BTreeMap::new(),
        }
    }

    async fn apply(home: &Home, replicas: u32, snapshot: &str, at: i64) {
        let stored = home.environments.environment(&id()).await.unwrap();
        let mut environment = stored.unwrap_or_else(|| Environment::new(id(), spec(replicas)));
        environment.spec = spec(replicas);
        let applied = Applied {
            version: 1,
            project: "flights".to_owned(),
            folder: "/work".to_owned(),
            snapshot: Digest::of(snapshot.as_bytes()),
            model: "late".to_owned(),
            environments: BTreeMap::from([("production".to_owned(), spec(replicas))]),
            monitor: Value::Null,
            triggers: Value::Null,
            source: None,
            at: second(at),
            by: "ada".to_owned(),
        };
        home.environments.apply(&applied, &[environment], &by("ada", at)).await.unwrap();
    }

    async fn register(home: &Home, number: u32) {
        let new = NewVersion {
            name: "late".to_owned(),
            package: package(number),
            runtime: "onnx".to_owned(),
            project: None,
            run: None,
            report: None,
            metric: None,
            alias: None,
        };
        home.models.register(&new, &by("trainer", 0)).await.unwrap();
    }

    /// Wants `versions` with their shares, those with none loaded alone.
    async fn want(home: &Home, versions: &[(u32, f64)], by: Actor) {
        let mut environment = home.environments.environment(&id()).await.unwrap().unwrap();
        let placed = versions.iter().map(|(number, weight)| Placed {
            package: package(*number),
            model: "late".to_owned(),
            number: *number,
            role: if *weight < 0.5 { Role::Candidate } else { Role::Stable },
            phase: if *weight == 0.0 { Phase::Load } else { Phase::Serve },
            weight: *weight,
        });
        environment.state = EnvironmentState {
            generation: environment.state.generation + 1,
            release: None,
            placed: placed.collect(),
        };
        let change = Change {
            environment,
            release: None,
            aliases: Vec::new(),
            event: "release.moved",
            cause: format!("wanted by {}", by.name),
            details: Value::Null,
        };
        home.environments.change(&change, &by).await.unwrap();
    }

    async fn answered(home: &Home, generation: u64, number: u32, first: i64, last: i64) {
        let span = Served { generation, package: package(number), first: second(first), last: second(last) };
        let report = ReplicaReport {
            version: 1,
            environment: id(),
            replica: 0,
            boot: "a".to_owned(),
            sequence: last as u64,
            at: second(last),
            pid: 1,
            listen: String::new(),
            generation,
            ready: Vec::new(),
            startup_secs: BTreeMap::new(),
            failed: BTreeMap::new(),
            counts: BTreeMap::new(),
            served: vec![span],
            cpu_secs: 0.0,
            memory_bytes: 0,
            ending: false,
        };
        home.observations.report(&report).await.unwrap();
    }

    async fn approve(home: &Home, number: u32, by: &str, at: i64) {
        let approval = Approval {
            version: 1,
            model: "late".to_owned(),
            number,
            verdict: Verdict::Approved,
            by: by.to_owned(),
            at: second(at),
            comment: None,
        };
        home.environments.approve(&approval).await.unwrap();
    }

    /// Two versions, the second by steps, with a change of the configuration between.
    async fn home() -> Home {
        let home = modelyard_store::memory();
        register(&home, 1).await;
        register(&home, 2).await;
        apply(&home, 1, "first", 5).await;
        want(&home, &[(1, 1.0)], by("ada", 10)).await;
        answered(&home, 1, 1, 11, 31).await;
        apply(&home, 4, "second", 15).await;
        approve(&home, 2, "bob", 18).await;
        want(&home, &[(1, 1.0), (2, 0.0)], by("ada", 20)).await;
        want(&home, &[(1, 0.75), (2, 0.25)], by("modelyard", 30)).await;
        answered(&home, 3, 2, 32, 38).await;
        approve(&home, 2, "eve", 35).await;
        want(&home, &[(2, 1.0)], by("modelyard", 40)).await;
        home
    }

    #[tokio::test]
    async fn every_state_is_told_the_newest_first() {
        let history = of(&home().await, &id()).await.unwrap();
        let told: Vec<_> = history
            .states
            .iter()
            .map(|state| {
                let serving: Vec<_> = state.serving().map(|it| (it.number, it.weight)).collect();
                (state.generation, serving, state.by.as_str(), state.wanted_from, state.wanted_until)
            })
            .collect();
        assert_eq!(
            told,
            [
                (4, vec![(2, 1.0)], "modelyard", second(40), None),
                (3, vec![(1, 0.75), (2, 0.25)], "modelyard", second(30), Some(second(40))),
                (2, vec![(1, 1.0)], "ada", second(20), Some(second(30))),
                (1, vec![(1, 1.0)], "ada", second(10), Some(second(20))),
            ]
        );
        let states = &history.states;
        assert!(states[0].serves_otherwise(&states[1]));
        assert!(states[1].serves_otherwise(&states[2]));
        assert!(!states[2].serves_otherwise(&states[3]), "it was only loaded");
    }

    #[tokio::test]
    async fn a_state_says_who_why_and_under_which_configuration() {
        let history = of(&home().await, &id()).await.unwrap();
        let [newest, split, .., first] = &history.states[..] else { panic!("four states") };
        assert_eq!(first.cause, "wanted by ada");
        let configuration = first.configuration.as_ref().unwrap();
        assert_eq!(configuration.snapshot, Some(Digest::of(b"first")));
        assert_eq!(configuration.settings.as_ref().unwrap().replicas, 1);
        let configuration = newest.configuration.as_ref().unwrap();
        assert_eq!((configuration.applied_at, configuration.applied_by.as_str()), (second(15), "ada"));
        assert_eq!(configuration.snapshot, Some(Digest::of(b"second")));
        assert_eq!(configuration.settings.as_ref().unwrap().replicas, 4);

        let candidate = &split.versions[1];
        assert_eq!(candidate.origin.registered_by.as_deref(), Some("trainer"));
        assert_eq!((candidate.first_served, candidate.last_served), (Some(second(32)), Some(second(38))));
        assert_eq!(candidate.approvals.len(), 1, "of what was said by then");
        assert_eq!(newest.versions[0].approvals.len(), 2);
        assert_eq!(newest.versions[0].first_served, None, "nobody asked yet");
    }

    #[tokio::test]
    async fn an_entry_proves_each_state() {
        let home = home().await;
        let entries = home.audit.entries().await.unwrap();
        for state in of(&home, &id()).await.unwrap().states {
            let entry = entries.iter().find(|entry| Some(entry.number) == state.audit).unwrap();
            assert_eq!(entry.details["after"]["state"]["generation"], state.generation);
            assert_eq!((entry.at, &entry.actor), (state.wanted_from, &state.by));
        }
    }

    #[tokio::test]
    async fn an_instant_has_one_answer() {
        let home = home().await;
        for (instant, generation, also) in [
            (9, None, 0),
            (10, Some(1), 0),
            (29, Some(2), 1),
            (30, Some(3), 1),
            (33, Some(3), 0),
            (99, Some(4), 0),
        ] {
            let moment = at(&home, &id(), second(instant)).await.unwrap();
            let found = moment.state.map(|state| state.generation);
            assert_eq!((found, moment.also_answered.len()), (generation, also), "{instant}");
        }
    }

    #[tokio::test]
    async fn an_unknown_environment_is_said() {
        let mut other = id();
        other.name = "staging".to_owned();
        let fault = of(&home().await, &other).await.unwrap_err();
        assert_eq!(fault.kind(), modelyard_core::Kind::NotFound);
    }
}
