//! Environments as people see and steer them: list, show, stop, start, compare.

use modelyard_core::audit::Actor;
use modelyard_core::deploy::{
    Environment, EnvironmentId, EnvironmentState, Facts, Freeze, Phase, Release, ReplicaReport, Role,
};
use modelyard_core::ports::Home;
use modelyard_core::{Digest, Fault, Kind, Result, Timestamp};
use modelyard_track::nearest::nearest;
use serde::Serialize;
use serde_json::Value;

use super::release::{Machine, title};
use super::view::newest;
use super::writing;
use utoipa::ToSchema;

/// An environment on a line.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = EnvironmentListed)]
pub struct Listed {
    pub project: String,
    pub name: String,
    pub condition: Condition,
    /// Those that answer, with their shares.
    pub versions: Vec<Version>,
    /// Where it answers; where nothing of it does, where it is to.
    pub listen: String,
    /// Where it is to answer, where its replicas still answer elsewhere.
    pub wants: Option<String>,
    pub replicas: u32,
    /// Live ones that have everything ready that serves.
    pub replicas_ready: u32,
    /// The release under way.
    pub release: Option<String>,
    pub frozen: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PlacedVersion)]
pub struct Version {
    pub model: String,
    pub version: u32,
    pub package: Digest,
    pub role: Role,
    pub phase: Phase,
    /// Share of traffic, of a shadow share of copies, in [0, 1].
    pub weight: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = EnvironmentCondition)]
pub enum Condition {
    /// Nothing was ever deployed.
    Empty,
    /// Stopped by a person, or no longer in the project's file.
    Stopped,
    /// No replica reports.
    Down,
    /// Replicas are loading what serves.
    Starting,
    Ready,
}

impl Condition {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Stopped => "stopped",
            Self::Down => "down",
            Self::Starting => "starting",
            Self::Ready => "ready",
        }
    }
}

/// All that is known of an environment.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = EnvironmentShown)]
pub struct Shown {
    #[serde(flatten)]
    pub listed: Listed,
    /// `http://127.0.0.1:8100/predict/late-flights`, where something is deployed.
    pub url: Option<String>,
    pub settings: Value,
    pub generation: u64,
    /// All placed versions, those that are warm or leave as well.
    pub placed: Vec<Version>,
    pub instances: Vec<Instance>,
    pub releasing: Option<Release>,
    pub freeze: Option<Freeze>,
    pub revision: u64,
}

/// A replica as it last reported.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ReplicaShown)]
pub struct Instance {
    pub replica: u32,
    pub pid: u32,
    pub live: bool,
    pub reported_at: Timestamp,
    pub generation: u64,
    pub ready: Vec<Digest>,
    pub failed: std::collections::BTreeMap<Digest, String>,
    pub requests: u64,
    pub failed_requests: u64,
    pub memory_bytes: u64,
    pub cpu_secs: f64,
    /// Of the program's file that it runs, where that is known.
    pub program: Option<Digest>,
}

/// The environments of `project`, or of all projects.
///
/// # Errors
/// If the home can't be read.
pub async fn list(home: &Home, project: Option<&str>, now: Timestamp) -> Result<Vec<Listed>> {
    let mut lines = Vec::new();
    for environment in home.environments.environments(project).await? {
        if environment.removed && environment.state.placed.is_empty() {
            continue;
        }
        let reports = home.observations.reports(&environment.id).await?;
        lines.push(listed(home, &environment, &reports, now).await?);
    }
    Ok(lines)
}

/// All that is known of `id`.
///
/// # Errors
/// If there is no such environment, or the home can't be read.
pub async fn show(home: &Home, id: &EnvironmentId, now: Timestamp) -> Result<Shown> {
    let environment = find(home, id).await?;
    let reports = home.observations.reports(id).await?;
    let listed = listed(home, &environment, &reports, now).await?;
    let model = environment.state.stable().map(|placed| placed.model.clone());
    Ok(Shown {
        url: model.map(|model| format!("http://{}/predict/{model}", listed.listen)),
        settings: serde_json::to_value(&environment.spec).unwrap_or_default(),
        generation: environment.state.generation,
        placed: versions(&environment.state, |_| true),
        instances: newest(&reports).into_iter().map(|report| instance(report, now)).collect(),
        releasing: match environment.release {
            Some(id) => home.environments.release(id).await?,
            None => None,
        },
        freeze: environment.frozen.clone(),
        revision: environment.revision,
        listed,
    })
}

/// The environment `id`.
///
/// # Errors
/// [`Kind::NotFound`], with those there are.
pub async fn find(home: &Home, id: &EnvironmentId) -> Result<Environment> {
    if let Some(environment) = home.environments.environment(id).await? {
        return Ok(environment);
    }
    let there = home.environments.environments(Some(&id.project)).await?;
    Err(unknown(id, &there))
}

/// There is no environment `id`, but those.
pub(super) fn unknown(id: &EnvironmentId, there: &[Environment]) -> Fault {
    let names: Vec<&str> = there.iter().map(|environment| environment.id.name.as_str()).collect();
    let fault =
        Fault::new(Kind::NotFound, format!("project `{}` has no environment `{}`", id.project, id.name));
    let applied = names.join(", ");
    match nearest(&id.name, names.iter().copied()) {
        Some(near) => fault.hint(format!("did you mean `{near}`? applied are {applied}")),
        None if names.is_empty() => {
            fault.hint("declare [environments.NAME] in modelyard.toml and run `modelyard apply`")
        }
        None => fault.hint(format!("applied are {applied}")),
    }
}

/// Wants no replicas (`running` false), or wants them again. Answers whether that changed anything.
///
/// # Errors
/// If there is no such environment, or the home can't be written.
pub async fn set_running(home: &Home, id: &EnvironmentId, running: bool, actor: &Actor) -> Result<bool> {
    let decide = |mut environment: Environment| async move {
        if environment.running == running {
            return Ok((None, false));
        }
        if running && environment.removed {
            return Err(Fault::new(
                Kind::Conflict,
                format!("environment `{id}` is no longer in the project's file"),
            )
            .hint("declare it again and run `modelyard apply`"));
        }
        environment.running = running;
        let event = if running { "environment.started" } else { "environment.stopped" };
        Ok::<_, Fault>((Some(writing::plain(environment, None, event, "asked for".to_owned())), true))
    };
    Ok(writing::change(home, id, actor, decide).await?.1)
}

/// What of two environments must be equal, and is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Inequality)]
pub struct Unequal {
    pub name: String,
    /// As JSON.
    pub one: String,
    pub other: String,
    /// `late-flights@2`: what is declared is equal now, or not declared at all, but this version was tested
    /// before it was.
    pub tested: Option<String>,
}

/// The release that was tested last in the one of two environments that tests for the other: the required
/// one, else the first.
///
/// # Errors
/// If the home can't be read.
pub async fn last_tested(home: &Home, one: &Environment, other: &Environment) -> Result<Option<Release>> {
    let releases = home.environments.releases(&testing(one, other).id).await?;
    Ok(releases.into_iter().find(|release| release.passed.is_some() && release.facts.is_some()))
}

fn testing<'a>(one: &'a Environment, other: &'a Environment) -> &'a Environment {
    if one.spec.requires.as_deref() == Some(other.id.name.as_str()) { other } else { one }
}

/// Everything that would refuse a release from one environment to the other: what is declared otherwise now,
/// and what was otherwise when the newest version was [`tested`](last_tested), program and libraries among it.
pub fn differences(
    one: &Environment,
    other: &Environment,
    tested: Option<&Release>,
    machine: Machine,
) -> Vec<Unequal> {
    let now = |of: &Environment| Facts::of(&of.spec, machine.program, machine.onnx_library);
    let unequal = |one: &Facts, other: &Facts, tested: Option<&Release>| -> Vec<Unequal> {
        let differences = one.differences(other).into_iter();
        let row = |(name, one, other): (&str, String, String)| Unequal {
            name: name.to_owned(),
            one,
            other,
            tested: tested.map(title),
        };
        differences.map(row).collect()
    };
    let mut found = unequal(&now(one), &now(other), None);
    if let Some((release, then)) = tested.and_then(|release| Some((release, release.facts.as_ref()?))) {
        let since = match testing(one, other).id == one.id {
            true => unequal(then, &now(other), Some(release)),
            false => unequal(&now(one), then, Some(release)),
        };
        let is_known = |row: &Unequal| found.iter().any(|known| known.name == row.name);
        let news: Vec<Unequal> = since.into_iter().filter(|row| !is_known(row)).collect();
        found.extend(news);
    }
    found
}

async fn listed(
    home: &Home,
    environment: &Environment,
    reports: &[ReplicaReport],
    now: Timestamp,
) -> Result<Listed> {
    let live: Vec<&ReplicaReport> =
        newest(reports).into_iter().filter(|report| report.is_live(now)).collect();
    let declared = &environment.spec.listen;
    let elsewhere = live
        .first()
        .map(|report| &report.listen)
        .filter(|_| live.iter().all(|report| report.listen != *declared));
    let serving: Vec<Digest> = environment
        .state
        .placed
        .iter()
        .filter(|placed| placed.phase == Phase::Serve)
        .map(|placed| placed.package)
        .collect();
    let ready = live.iter().filter(|report| serving.iter().all(|package| report.ready.contains(package)));
    let replicas_ready = u32::try_from(ready.count()).unwrap_or(u32::MAX);
    let condition = if !environment.running {
        Condition::Stopped
    } else if serving.is_empty() {
        Condition::Empty
    } else if live.is_empty() {
        Condition::Down
    } else if replicas_ready == 0 {
        Condition::Starting
    } else {
        Condition::Ready
    };
    let release = match environment.release {
        Some(id) => home.environments.release(id).await?.map(|release| {
            let (title, kind) = (title(&release), release.strategy.kind.as_str());
            format!("{title} {kind} {}", release.status.as_str())
        }),
        None => None,
    };
    Ok(Listed {
        project: environment.id.project.clone(),
        name: environment.id.name.clone(),
        condition,
        versions: versions(&environment.state, |phase| phase == Phase::Serve),
        listen: elsewhere.unwrap_or(declared).clone(),
        wants: elsewhere.filter(|_| environment.running).map(|_| declared.clone()),
        replicas: if environment.running { environment.spec.replicas } else { 0 },
        replicas_ready,
        release,
        frozen: environment.is_frozen(now),
    })
}

fn versions(state: &EnvironmentState, which: impl Fn(Phase) -> bool) -> Vec<Version> {
    let placed = state.placed.iter().filter(|placed| which(placed.phase));
    placed
        .map(|placed| Version {
            model: placed.model.clone(),
            version: placed.number,
            package: placed.package,
            role: placed.role,
            phase: placed.phase,
            weight: placed.weight,
        })
        .collect()
}

fn instance(report: &ReplicaReport, now: Timestamp) -> Instance {
    Instance {
        replica: report.replica,
        pid: report.pid,
        live: report.is_live(now),
        reported_at: report.at,
        generation: report.generation,
        ready: report.ready.clone(),
        failed: report.failed.clone(),
        requests: report.counts.values().map(|counts| counts.answered + counts.refused + counts.failed).sum(),
        failed_requests: report.counts.values().map(|counts| counts.failed).sum(),
        memory_bytes: report.memory_bytes,
        cpu_secs: report.cpu_secs,
        program: report.program,
    }
}
