//! Back to what served before, and how long it takes.

use modelyard_core::audit::Actor;
use modelyard_core::deploy::{
    Environment, EnvironmentId, Phase, Release, ReleaseId, ReleaseKind, ReleaseStatus,
};
use modelyard_core::ports::{Change, Home};
use modelyard_core::{Clock, Fault, Kind, Result, Timestamp};

use super::{decision, title, under_way, waits};
use crate::deploy::writing::{self, plain};
use crate::deploy::{View, moves};

/// Puts back what served before: the state before the release under way, which ends; else before the last
/// one that ended. A release that merely waits has changed nothing: it ends, and so does what serves. Answers
/// the release that was recorded, which is done where the version is still warm; otherwise it has to be loaded
/// first. A way back that is under way is answered as it is.
///
/// # Errors
/// If there is nothing to go back to.
pub async fn roll_back(
    home: &Home,
    clock: &dyn Clock,
    id: &EnvironmentId,
    cause: &str,
    by: &str,
) -> Result<Release> {
    loop {
        let actor = &Actor { name: by.to_owned(), at: clock.now() };
        let decide = |environment: Environment| async move {
            Ok::<_, Fault>(match environment.release {
                Some(_) => cut_short(home, environment, cause, actor).await?,
                None => gone_back(home, clock, environment, cause, actor).await?,
            })
        };
        let (_, release) = writing::change(home, id, actor, decide).await?;
        // One that merely waited has made way for the way back.
        if release.status != ReleaseStatus::Aborted {
            return Ok(release);
        }
    }
}

/// Ends the release under way; what served before it serves alone.
async fn cut_short(
    home: &Home,
    environment: Environment,
    cause: &str,
    actor: &Actor,
) -> Result<(Option<Change>, Release)> {
    let mut release = under_way(home, &environment).await?;
    if release.kind == ReleaseKind::Rollback {
        return Ok((None, release));
    }
    let waits = release.status == ReleaseStatus::Waiting && environment.previous.is_some();
    let (status, what, event) = match waits {
        true => (ReleaseStatus::Aborted, "aborted", "release.aborted"),
        false => (ReleaseStatus::RolledBack, "rolled back", "release.rolled_back"),
    };
    let mut next = environment;
    if next.state != release.before {
        next.state = moves::restored(&next.state, &release);
    }
    next.release = None;
    release.status = status;
    release.ended_at = Some(actor.at);
    release.reason = Some(cause.to_owned());
    (release.wish, release.wished_by) = (None, None);
    release.decisions.push(decision(what, cause, &actor.name, actor.at));
    let why = format!("release {}, {what}: {cause}", release.id);
    Ok((Some(plain(next, Some(&release), event, why)), release))
}

async fn gone_back(
    home: &Home,
    clock: &dyn Clock,
    environment: Environment,
    cause: &str,
    actor: &Actor,
) -> Result<(Option<Change>, Release)> {
    let name = &environment.id.name;
    let Some(back) = environment.previous.as_ref().and_then(|state| state.stable()).cloned() else {
        return Err(Fault::new(Kind::Release, format!("cannot roll back `{name}`: nothing served before"))
            .hint(format!("`modelyard history {name}` tells what was")));
    };
    let view = View::of(home.observations.reports(&environment.id).await?, actor.at);
    let state = &environment.state;
    // A replica that is loading it still will follow as soon as it has it; one that can't would not.
    let warm = view.failure(back.package, state).is_none()
        && state.placed.iter().any(|placed| placed.package == back.package && placed.phase == Phase::Warm);
    let what = (back.model.as_str(), back.number, back.package);
    let did = if warm { "all traffic" } else { "loading" };
    let release = Release {
        status: if warm { ReleaseStatus::Done } else { ReleaseStatus::Loading },
        ended_at: warm.then_some(actor.at),
        decisions: vec![decision(did, cause, &actor.name, actor.at)],
        ..waits(ReleaseId::new(clock), &environment, ReleaseKind::Rollback, what, cause, actor)
    };
    let title = title(&release);
    let mut next = environment;
    let mut aliases = Vec::new();
    if warm {
        next.previous = Some(next.state.clone());
        next.state = moves::serving_alone(&next.state, back.clone());
        next.state.release = Some(release.id);
        aliases = moves::champion(&next, &back.model, back.number);
    } else {
        next.state = moves::with_candidate(&next.state, &release);
        next.release = Some(release.id);
    }
    let cause = format!("release {}, back to {title}: {cause}", release.id);
    let change = plain(next, Some(&release), "environment.rolled_back", cause);
    Ok((Some(Change { aliases, ..change }), release))
}

/// Keeps with the rollback `release` how long it took until every replica followed.
///
/// # Errors
/// If the home can't be written.
pub(super) async fn note_drill(
    home: &Home,
    release: &Release,
    followed_ms: u64,
    now: Timestamp,
) -> Result<()> {
    let mut release = release.clone();
    let mut measured =
        decision("measured", &format!("every replica followed in {followed_ms} ms"), &release.by, now);
    measured.saw = serde_json::json!({ "followed_ms": followed_ms });
    release.decisions.push(measured);
    let release = &release;
    let decide = |environment: Environment| async move {
        let cause = format!("release {}, measured: {followed_ms} ms", release.id);
        Ok::<_, Fault>((Some(plain(environment, Some(release), "release.measured", cause)), ()))
    };
    let actor = Actor { name: release.by.clone(), at: now };
    writing::change(home, &release.environment, &actor, decide).await?;
    Ok(())
}
