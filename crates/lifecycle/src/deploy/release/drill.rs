//! How long a rollback takes: measured by one, and by the way forth again.

use std::time::Duration;

use modelyard_core::deploy::{EnvironmentId, Release, ReleaseStatus};
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Fault, Kind, Result};
use serde::Serialize;
use utoipa::ToSchema;

use super::{note_drill, roll_back, title};
use crate::deploy::View;
use crate::deploy::environments::find;

/// A replica looks ten times a second; one that does not follow by then is not there.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a drill measured: from asking until every replica followed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Drill {
    /// `late-flights@2`
    pub back_to: String,
    pub back_ms: u64,
    pub forth_to: String,
    pub forth_ms: u64,
}

/// Goes back in `id` and forth again, and records how long each took.
///
/// # Errors
/// [`Kind::Release`] while a release is under way, where what served before is no longer warm, or where no
/// replica answers.
pub async fn drill(home: &Home, clock: &dyn Clock, id: &EnvironmentId, by: &str) -> Result<Drill> {
    let environment = find(home, id).await?;
    if environment.release.is_some() {
        return Err(Fault::new(
            Kind::Release,
            format!("cannot drill a rollback of `{}` while a release is under way", id.name),
        )
        .hint(format!("modelyard release status {}", id.name)));
    }
    let (back, away) = roll_back_until_followed(home, clock, id, "drill: back", by).await?;
    if back.status != ReleaseStatus::Done {
        return Err(Fault::new(
            Kind::Release,
            format!("the version before is no longer warm in `{}`; it is being loaded", id.name),
        )
        .hint(format!("modelyard release status {}", id.name)));
    }
    let (forth, home_again) = roll_back_until_followed(home, clock, id, "drill: forth again", by).await?;
    let (Some(away), Some(home_again)) = (away, home_again) else {
        return Err(Fault::new(
            Kind::Release,
            format!("no replica of `{}` answers: nothing was measured", id.name),
        )
        .hint("modelyard server"));
    };
    let [back_ms, forth_ms] = [away, home_again].map(|took| took.as_millis() as u64);
    note_drill(home, &back, back_ms, clock.now()).await?;
    note_drill(home, &forth, forth_ms, clock.now()).await?;
    Ok(Drill { back_to: title(&back), back_ms, forth_to: title(&forth), forth_ms })
}

/// As [`roll_back`]; what was recorded, and how long it took until every replica followed. `None` where none
/// answers, or where it has to be loaded first.
///
/// # Errors
/// As [`roll_back`]; [`Kind::Timeout`] if a replica does not follow.
pub async fn roll_back_until_followed(
    home: &Home,
    clock: &dyn Clock,
    id: &EnvironmentId,
    cause: &str,
    by: &str,
) -> Result<(Release, Option<Duration>)> {
    let began = clock.steady_micros();
    let took = || Duration::from_micros(u64::try_from(clock.steady_micros() - began).unwrap_or(0));
    let release = roll_back(home, clock, id, cause, by).await?;
    if !release.status.has_ended() {
        return Ok((release, None));
    }
    let generation = find(home, id).await?.state.generation;
    while took() < PATIENCE {
        let view = View::of(home.observations.reports(id).await?, clock.now());
        if view.live.is_empty() {
            return Ok((release, None));
        }
        if view.live.iter().all(|report| report.generation >= generation) {
            return Ok((release, Some(took())));
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(Fault::new(Kind::Timeout, format!("a replica of `{}` does not follow", id.name))
        .hint(format!("modelyard environments show {}", id.name)))
}
