//! What the environment's replicas report.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use modelyard_core::clock::Clock;
use modelyard_core::deploy::{Environment, ReplicaReport};
use modelyard_core::ports::Home;
use modelyard_core::{Digest, Fault, Kind, Result};

/// Replicas report at least so often, and a little later.
const PATIENCE: Duration = Duration::from_secs(4);

const PAUSE: Duration = Duration::from_millis(100);

/// Of those that live.
pub(super) async fn live(
    home: &Home,
    environment: &Environment,
    clock: &dyn Clock,
) -> Result<Vec<ReplicaReport>> {
    let now = clock.now();
    let mut reports = home.observations.reports(&environment.id).await?;
    reports.retain(|report| report.is_live(now));
    Ok(reports)
}

/// Where the environment answers: as its replicas say, else as configured.
pub(super) async fn address(home: &Home, environment: &Environment, clock: &dyn Clock) -> Result<String> {
    let reports = live(home, environment, clock).await?;
    Ok(reports.last().map_or_else(|| environment.spec.listen.clone(), |report| report.listen.clone()))
}

/// The program of those that have `package` ready; `None` where none of them says.
///
/// # Errors
/// If they are not all of one.
pub(super) async fn program(
    home: &Home,
    environment: &Environment,
    clock: &dyn Clock,
    package: Digest,
) -> Result<Option<Digest>> {
    let reports = live(home, environment, clock).await?;
    let tested = reports.iter().filter(|report| report.ready.contains(&package));
    let programs: BTreeSet<Digest> = tested.filter_map(|report| report.program).collect();
    if programs.len() > 1 {
        let shown: Vec<_> = programs.iter().map(|program| program.short().to_string()).collect();
        let message = format!("the replicas of {} are not all of one program", environment.id);
        return Err(Fault::new(Kind::Release, message)
            .detail("programs", shown.join(", "))
            .hint("deploy it again once `modelyard server` has replaced them all"));
    }
    Ok(programs.first().copied())
}

/// Reports that were all made after this call, of those replicas that go on reporting; none where nobody
/// reports.
pub(super) async fn fresh(
    home: &Home,
    environment: &Environment,
    clock: &dyn Clock,
) -> Result<Vec<ReplicaReport>> {
    let asked = clock.now();
    let mut waited = Duration::ZERO;
    loop {
        let mut reports = live(home, environment, clock).await?;
        let all = reports.iter().all(|report| report.at > asked);
        if all || waited >= PATIENCE {
            reports.retain(|report| report.at > asked);
            return Ok(reports);
        }
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    }
}

/// What requests cost between two looks at the same replicas.
pub(super) struct Cost {
    pub(super) cpu_secs: f64,
    /// Of the version that is tested.
    pub(super) requests: u64,
    /// The most that all of them held.
    pub(super) memory_bytes: u64,
}

/// `None` where no replica is in both.
pub(super) fn cost(before: &[ReplicaReport], after: &[ReplicaReport], package: Digest) -> Option<Cost> {
    let boots: BTreeMap<_, _> =
        before.iter().map(|report| ((report.replica, report.boot.as_str()), report)).collect();
    let pairs: Vec<_> = after
        .iter()
        .filter_map(|later| Some((*boots.get(&(later.replica, later.boot.as_str()))?, later)))
        .collect();
    let requests = |report: &ReplicaReport| {
        report.counts.get(&package).map_or(0, |counts| counts.requests() + counts.refused)
    };
    let sum =
        |of: &dyn Fn(&ReplicaReport) -> u64, reports: &[ReplicaReport]| reports.iter().map(of).sum::<u64>();
    let memory = |report: &ReplicaReport| report.memory_bytes;
    (!pairs.is_empty()).then(|| Cost {
        cpu_secs: pairs.iter().map(|(earlier, later)| (later.cpu_secs - earlier.cpu_secs).max(0.0)).sum(),
        requests: pairs
            .iter()
            .map(|(earlier, later)| requests(later).saturating_sub(requests(earlier)))
            .sum(),
        memory_bytes: sum(&memory, before).max(sum(&memory, after)),
    })
}
