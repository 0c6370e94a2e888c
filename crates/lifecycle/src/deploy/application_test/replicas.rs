//! What the environment's replicas report.

use modelyard_core::deploy::{Environment, ReplicaReport};
use modelyard_core::ports::Home;
use modelyard_core::{Result, Timestamp};

/// A replica that has not reported for so long is not counted, in microseconds.
const STALE_US: i64 = 5_000_000;

/// Where the environment answers: as its replicas say, else as configured.
pub(super) async fn address(home: &Home, environment: &Environment, now: Timestamp) -> Result<String> {
    let reports = home.observations.reports(&environment.id).await?;
    let live = reports.iter().rfind(|report| is_live(report, now));
    Ok(live.map_or_else(|| environment.spec.listen.clone(), |report| report.listen.clone()))
}

fn is_live(report: &ReplicaReport, now: Timestamp) -> bool {
    !report.ending && now.micros() - report.at.micros() < STALE_US
}
