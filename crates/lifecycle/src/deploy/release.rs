//! What people do with releases: begin one, pause, resume, promote, abort, roll back, freeze.
//!
//! Everything here writes what is wanted into the home, or refuses by name. Nothing waits and nothing acts:
//! that is the [reconciler](super::reconcile)'s. Only a rollback to a version that is still warm is complete
//! with what is written, since replicas follow the home by themselves.

mod back;
mod drill;
mod freeze;
mod look;

use std::collections::BTreeMap;

use modelyard_core::audit::Actor;
use modelyard_core::deploy::release::Decision;
use modelyard_core::deploy::{
    Environment, EnvironmentId, Facts, Release, ReleaseId, ReleaseKind, ReleaseStatus, Strategy,
    StrategyKind, Verdict, Wish,
};
use modelyard_core::model::{ModelRef, ModelVersion, Which};
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Digest, Fault, Kind, Result, Timestamp};
use serde_json::Value;

use super::writing::{self, plain};
use super::{apply, approval};

use back::note_drill;
pub use back::roll_back;
pub use drill::{Drill, drill, roll_back_until_followed};
use freeze::frozen;
pub use freeze::{freeze, unfreeze};
pub use look::{Look, look};

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub environment: EnvironmentId,
    /// `None`: the environment's model. Without a version the newest.
    pub model: Option<ModelRef>,
    pub kind: ReleaseKind,
    /// In place of the environment's; a deploy is always all at once.
    pub strategy: Option<StrategyKind>,
    /// `asked for`, a trigger's name.
    pub cause: String,
}

/// What of this machine must be equal where a package is tested and where it is released.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// Of this program's file.
    pub program: Digest,
    pub onnx_library: Option<Digest>,
}

#[derive(Clone, Debug)]
pub enum Begun {
    Release(Box<Release>),
    /// The version serves there alone already, and nothing tests it.
    Already(Box<ModelVersion>),
}

/// Records a release, which waits for the reconciler.
///
/// # Errors
/// By name: no such environment, version or package; another model than the environment's; frozen, stopped
/// or another release under way; not tested where `requires` says, or tested under other facts.
pub async fn begin(
    home: &Home,
    clock: &dyn Clock,
    machine: Machine,
    asked: &Asked,
    by: &str,
) -> Result<Begun> {
    let actor = &Actor { name: by.to_owned(), at: clock.now() };
    let decide = |environment: Environment| async move {
        let holds = apply::applied(home, &environment.id.project).await?.model;
        let version = wanted_version(home, &environment.id, &holds, asked.model.as_ref()).await?;
        let title = format!("{}@{}", version.name, version.number);
        let facts = allowed(home, &environment, &version, machine, actor.at).await?;
        let alone = environment.state.stable().is_some_and(|stable| stable.package == version.package);
        if alone && !environment.spec.tests.on {
            return Ok((None, Begun::Already(Box::new(version))));
        }
        let what = (version.name.as_str(), version.number, version.package);
        let release = Release {
            strategy: strategy(&environment, asked),
            facts: Some(facts),
            ..waits(ReleaseId::new(clock), &environment, asked.kind, what, &asked.cause, actor)
        };
        let cause = format!("release {} of {title} began: {}", release.id, release.cause);
        let mut next = environment;
        next.release = Some(release.id);
        let change = plain(next, Some(&release), "release.began", cause);
        Ok::<_, Fault>((Some(change), Begun::Release(Box::new(release))))
    };
    Ok(writing::change(home, &asked.environment, actor, decide).await?.1)
}

/// The facts under which a release of `version` to `environment` may begin; nothing is written.
///
/// # Errors
/// By name, as [`begin`].
pub async fn allowed(
    home: &Home,
    environment: &Environment,
    version: &ModelVersion,
    machine: Machine,
    now: Timestamp,
) -> Result<Facts> {
    let title = format!("{}@{}", version.name, version.number);
    check(home, environment, &title, now).await?;
    if !home.blobs.contains(version.package).await? {
        return Err(refused(&title, environment, "its package is not in the home")
            .detail("package", version.package.to_string())
            .hint("`modelyard run` builds and registers it again"));
    }
    let given = home.environments.approvals(&version.name, version.number).await?;
    if let Some(no) = approval::counting(&given).into_iter().find(|said| said.verdict == Verdict::Rejected) {
        let mut fault = refused(&title, environment, &format!("`{}` rejected it", no.by))
            .hint(format!("`modelyard models show {title}`"));
        if let Some(comment) = &no.comment {
            fault = fault.detail("comment", comment.clone());
        }
        return Err(fault);
    }
    let facts = Facts::of(&environment.spec, machine.program, machine.onnx_library);
    if let Some(required) = &environment.spec.requires {
        proven(home, environment, required, version, &facts).await?;
    }
    Ok(facts)
}

/// Lets the reconciler pause, resume, promote or abort what is under way.
///
/// # Errors
/// If nothing is, or it is not at a point where that means something.
pub async fn wish(home: &Home, id: &EnvironmentId, wish: Wish, by: &str, now: Timestamp) -> Result<Release> {
    let decide = |environment: Environment| async move {
        let mut release = under_way(home, &environment).await?;
        let verb = match wish {
            Wish::Pause => "pause",
            Wish::Resume => "resume",
            Wish::Promote => "promote",
            Wish::Abort => "abort",
        };
        use ReleaseStatus::{Held, Paused, Rolling};
        let possible = match wish {
            Wish::Abort => true,
            Wish::Pause => matches!(release.status, Rolling | Held),
            Wish::Resume => matches!(release.status, Paused | Held),
            Wish::Promote => matches!(release.status, Rolling | Paused | Held),
        };
        if !possible {
            let title = title(&release);
            let standing = standing(home, &environment, &release).await?;
            return Err(Fault::new(
                Kind::Conflict,
                format!("cannot {verb} the release of `{title}` to `{}`: it is {standing}", id.name),
            )
            .hint(format!("`modelyard release status {}`", id.name)));
        }
        if let (Wish::Resume | Wish::Promote, Some(no)) = (wish, rejection(home, &release).await?) {
            let title = title(&release);
            return Err(Fault::new(
                Kind::Release,
                format!("cannot {verb} the release of `{title}` to `{}`: {no}", id.name),
            )
            .hint("whoever rejected it can approve it, or end it: `modelyard release abort`"));
        }
        release.wish = Some(wish);
        release.wished_by = Some(by.to_owned());
        let cause = format!("release {}: {verb} asked for", release.id);
        let event = match wish {
            Wish::Pause => "release.pause_asked",
            Wish::Resume => "release.resume_asked",
            Wish::Promote => "release.promote_asked",
            Wish::Abort => "release.abort_asked",
        };
        Ok::<_, Fault>((Some(plain(environment, Some(&release), event, cause)), release))
    };
    let actor = Actor { name: by.to_owned(), at: now };
    Ok(writing::change(home, id, &actor, decide).await?.1)
}

/// What is missing before a `release` that waits may go on: what people have yet to say, and tests that were
/// passed when it began and are no longer what is required.
///
/// # Errors
/// If the home can't be read.
pub async fn missing(home: &Home, environment: &Environment, release: &Release) -> Result<Option<String>> {
    let which = Which::Number(release.number);
    let version = home.models.resolve(&ModelRef { name: release.model.clone(), which }).await?;
    let Some(version) = version else { return Ok(Some("the version is no longer registered".to_owned())) };
    let given = home.environments.approvals(&release.model, release.number).await?;
    if let Some(missing) = approval::missing(&environment.spec.approvals, &given, &version.created_by) {
        return Ok(Some(missing));
    }
    let (Some(required), Some(began)) = (&environment.spec.requires, &release.facts) else { return Ok(None) };
    let facts = Facts::of(&environment.spec, began.program, began.onnx_library);
    match proven(home, environment, required, &version, &facts).await {
        Err(fault) if fault.kind() == Kind::Release => Ok(Some(fault.message().to_owned())),
        proven => proven.map(|()| None),
    }
}

/// Who rejected the version of `release`; the way back is nobody's to reject.
///
/// # Errors
/// If the home can't be read.
pub async fn rejection(home: &Home, release: &Release) -> Result<Option<String>> {
    if release.kind == ReleaseKind::Rollback {
        return Ok(None);
    }
    Ok(approval::rejection(&home.environments.approvals(&release.model, release.number).await?))
}

/// Releases of a version that wait for people, in all environments, each with what it still lacks.
///
/// # Errors
/// If the home can't be read.
pub async fn waiting(home: &Home, model: &str, number: u32) -> Result<Vec<(Release, Option<String>)>> {
    let mut waiting = Vec::new();
    for environment in home.environments.environments(None).await? {
        let Some(id) = environment.release else { continue };
        let Some(release) = home.environments.release(id).await? else { continue };
        if release.status == ReleaseStatus::Waiting
            && (release.model.as_str(), release.number) == (model, number)
        {
            let missing = missing(home, &environment, &release).await?;
            waiting.push((release, missing));
        }
    }
    Ok(waiting)
}

/// Whether somebody has to go on with a release to `environment` after it has begun. The first version takes
/// over at once, and so does one that is tested where it serves alone.
pub fn needs_a_server(environment: &Environment, kind: StrategyKind) -> bool {
    environment.state.stable().is_some() && !environment.spec.tests.on && kind.needs_a_server()
}

/// The release under way in `environment`.
///
/// # Errors
/// If there is none.
pub async fn under_way(home: &Home, environment: &Environment) -> Result<Release> {
    let id = &environment.id;
    let found = match environment.release {
        Some(release) => home.environments.release(release).await?,
        None => None,
    };
    found.ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("no release is under way in `{}`", id.name))
            .hint(format!("`modelyard history {}` tells what was", id.name))
    })
}

/// Whether any release may begin.
async fn check(home: &Home, environment: &Environment, title: &str, now: Timestamp) -> Result<()> {
    let name = &environment.id.name;
    if environment.removed {
        return Err(refused(title, environment, "it is no longer in the project's file")
            .hint("declare it again and run `modelyard apply`"));
    }
    if !environment.running {
        return Err(
            refused(title, environment, "it is stopped").hint(format!("modelyard environments start {name}"))
        );
    }
    if let Some(frozen) = frozen(environment, now) {
        let mut fault = refused(title, environment, &frozen).hint(format!("modelyard unfreeze {name}"));
        if let Some(comment) = environment.frozen.as_ref().and_then(|freeze| freeze.comment.as_ref()) {
            fault = fault.detail("comment", comment.clone());
        }
        return Err(fault);
    }
    if let Some(other) = environment.release {
        let what = match home.environments.release(other).await? {
            None => "another release is under way".to_owned(),
            Some(other) => {
                let (title, by) = (self::title(&other), &other.by);
                let standing = standing(home, environment, &other).await?;
                format!("the release of `{title}` by `{by}` is under way, {standing}")
            }
        };
        return Err(refused(title, environment, &what).hint(format!(
            "`modelyard release status {name}` shows it, `modelyard release abort {name}` ends it"
        )));
    }
    Ok(())
}

fn refused(title: &str, environment: &Environment, why: &str) -> Fault {
    Fault::new(Kind::Release, format!("cannot release `{title}` to `{}`: {why}", environment.id.name))
}

/// The version that is asked for, of the environment `id`, which `holds` a model.
///
/// # Errors
/// If it is of another model, or is not there.
pub async fn wanted_version(
    home: &Home,
    id: &EnvironmentId,
    holds: &str,
    asked: Option<&ModelRef>,
) -> Result<ModelVersion> {
    let name = asked.map_or(holds, |asked| &asked.name);
    if name != holds {
        return Err(Fault::new(
            Kind::Usage,
            format!("cannot release `{name}` to `{}`: it holds `{holds}`", id.name),
        )
        .hint("an environment holds the model that its project registers"));
    }
    let newest = ModelRef { name: name.to_owned(), which: Which::Default };
    let asked = asked.unwrap_or(&newest);
    let found = match asked.which {
        Which::Default => home.models.versions(name).await?.into_iter().next(),
        _ => home.models.resolve(asked).await?,
    };
    found.ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("there is no version `{asked}`")).hint(match asked.which {
            Which::Default => "`modelyard run` registers one".to_owned(),
            _ => format!("`modelyard models show {name}` lists the versions there are"),
        })
    })
}

fn strategy(environment: &Environment, asked: &Asked) -> Strategy {
    let configured = &environment.spec.strategy;
    let kind = match asked.kind {
        ReleaseKind::Deploy | ReleaseKind::Rollback => StrategyKind::AllAtOnce,
        ReleaseKind::Release => asked.strategy.unwrap_or(configured.kind),
    };
    let weights = if kind == configured.kind { configured.weights.clone() } else { kind.default_weights() };
    Strategy { kind, weights, judge: configured.judge.clone() }
}

/// Whether the very package passed its tests in the `required` environment, under the same facts.
async fn proven(
    home: &Home,
    environment: &Environment,
    required: &str,
    version: &ModelVersion,
    facts: &Facts,
) -> Result<()> {
    let title = format!("{}@{}", version.name, version.number);
    let id = EnvironmentId { project: environment.id.project.clone(), name: required.to_owned() };
    let way = format!("modelyard deploy {required} {title}");
    let releases = home.environments.releases(&id).await?;
    let mut its = releases.into_iter().filter(|release| release.package == version.package).peekable();
    // Why the newest one ended, which may have been before its tests.
    let failed = its.peek().filter(|newest| newest.status == ReleaseStatus::Failed);
    let failed = failed.and_then(|newest| newest.reason.clone());
    let Some(tested) = its.find(|release| release.passed.is_some()) else {
        let mut fault = refused(&title, environment, &format!("it was not tested in `{required}`"))
            .detail("package", version.package.short().to_string());
        if let Some(reason) = failed {
            fault = fault.detail("it failed there", reason);
        }
        return Err(fault.hint(way));
    };
    if tested.passed != Some(true) {
        let mut fault =
            refused(&title, environment, &format!("it failed its tests in `{required}`")).hint(way);
        if let Some(reason) = tested.reason {
            fault = fault.detail("tests", reason);
        }
        return Err(fault);
    }
    let differences = tested.facts.as_ref().map(|tested| tested.differences(facts)).unwrap_or_default();
    if differences.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = differences.iter().map(|(name, ..)| format!("`{name}`")).collect();
    let why = format!("`{required}`, where it was tested, differs in {}", names.join(", "));
    let mut fault = refused(&title, environment, &why);
    for (name, there, here) in differences {
        fault = fault.detail(name, format!("{there} in {required}, {here} in {}", environment.id.name));
    }
    Err(fault.hint(format!("make them equal, `modelyard apply`, and test it again: {way}")))
}

/// The record of a release of `what` (model, number, package) that begins and waits, all at once as long as
/// nothing else is said of it.
fn waits(
    id: ReleaseId,
    environment: &Environment,
    kind: ReleaseKind,
    (model, number, package): (&str, u32, Digest),
    cause: &str,
    actor: &Actor,
) -> Release {
    Release {
        version: 1,
        id,
        environment: environment.id.clone(),
        kind,
        model: model.to_owned(),
        number,
        package,
        strategy: Strategy {
            kind: StrategyKind::AllAtOnce,
            weights: Vec::new(),
            judge: environment.spec.strategy.judge.clone(),
        },
        status: ReleaseStatus::Waiting,
        step: 0,
        step_since: actor.at,
        step_counts: BTreeMap::new(),
        slow: None,
        before: environment.state.clone(),
        by: actor.name.clone(),
        cause: cause.to_owned(),
        began_at: actor.at,
        ended_at: None,
        decisions: Vec::new(),
        report: None,
        passed: None,
        reason: None,
        wish: None,
        wished_by: None,
        facts: None,
    }
}

fn decision(what: &str, why: &str, by: &str, at: Timestamp) -> Decision {
    Decision { at, what: what.to_owned(), why: why.to_owned(), by: by.to_owned(), saw: Value::Null }
}

/// `late-flights@3`.
pub fn title(release: &Release) -> String {
    format!("{}@{}", release.model, release.number)
}

/// How a release stands, within a sentence.
async fn standing(home: &Home, environment: &Environment, release: &Release) -> Result<&'static str> {
    let is_missing = missing(home, environment, release).await?.is_some();
    Ok(match status(release, is_missing) {
        "begins" => "just begun",
        other => other,
    })
}

/// As people read it: `waiting for approval`, where something `is_missing`.
pub fn status(release: &Release, is_missing: bool) -> &'static str {
    match release.status {
        ReleaseStatus::Waiting if is_missing => "waiting for approval",
        // Whoever reconciles looks within a moment.
        ReleaseStatus::Waiting => "begins",
        ReleaseStatus::RolledBack => "rolled back",
        other => other.as_str(),
    }
}
