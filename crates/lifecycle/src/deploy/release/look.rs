//! Where a release stands, and what is known of it.

use modelyard_core::deploy::{EnvironmentId, Release, ReleaseStatus};
use modelyard_core::ports::Home;
use modelyard_core::{Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::{frozen, missing};
use crate::deploy::View;
use crate::deploy::environments::find;
use crate::deploy::judge::Comparison;

/// A release, and what is known of it now.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ReleaseLook)]
pub struct Look {
    pub release: Release,
    /// Candidate against incumbent in this step, while there is one.
    pub comparison: Option<Comparison>,
    /// What it waits for.
    pub missing: Option<String>,
    /// Number of the version that served before.
    pub incumbent: Option<u32>,
    /// Share of traffic of the candidate now; of a shadow, share of copies.
    pub share: f64,
}

/// The release under way in `id`, else the last one; `None` where there never was any.
///
/// # Errors
/// If there is no such environment, or the home can't be read.
pub async fn look(home: &Home, id: &EnvironmentId, now: Timestamp) -> Result<Option<Look>> {
    let environment = find(home, id).await?;
    let release = match environment.release {
        Some(release) => home.environments.release(release).await?,
        None => home.environments.releases(id).await?.into_iter().next(),
    };
    let Some(release) = release else { return Ok(None) };
    let view = View::of(home.observations.reports(id).await?, now);
    let rolls =
        matches!(release.status, ReleaseStatus::Rolling | ReleaseStatus::Paused | ReleaseStatus::Held);
    let placed = environment.state.placed.iter().find(|placed| placed.package == release.package);
    Ok(Some(Look {
        comparison: if rolls { Comparison::of(&release, &view) } else { None },
        missing: match release.status {
            ReleaseStatus::Waiting => {
                missing(home, &environment, &release).await?.or_else(|| frozen(&environment, now))
            }
            _ => None,
        },
        incumbent: release.before.stable().map(|placed| placed.number),
        share: placed.map_or(0.0, |placed| placed.weight),
        release,
    }))
}
