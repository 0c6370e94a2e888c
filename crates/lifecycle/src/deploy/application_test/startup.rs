//! From a replica's start, or from when the version was wanted, to its first proven answer: as the replicas
//! report it.

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_evaluate::application::Outcome;

use super::{Bench, Check, Found, replicas};

pub(super) struct Startup;

#[async_trait]
impl Check for Startup {
    fn name(&self) -> &'static str {
        "startup"
    }

    async fn run(&self, bench: &Bench<'_>) -> Result<Found> {
        let reports = replicas::live(bench.home, bench.environment, bench.clock).await?;
        let package = &bench.subject.package;
        let times: Vec<f64> =
            reports.iter().filter_map(|report| report.startup_secs.get(package).copied()).collect();
        let limit = bench.environment.spec.tests.startup_secs;
        let mut found = match (times.iter().copied().reduce(f64::max), limit) {
            (None, None) => Found::new(Outcome::Skipped, "no replica has reported its start"),
            (None, Some(_)) => Found::new(Outcome::Failed, "no replica has reported its start"),
            (Some(slowest), limit) => {
                let s = if times.len() == 1 { "" } else { "s, the slowest" };
                let outcome = match limit {
                    None => Outcome::Reported,
                    Some(limit) if slowest <= limit => Outcome::Passed,
                    Some(_) => Outcome::Failed,
                };
                let sentence =
                    format!("proven {slowest:.2} s after it was wanted, on {} replica{s}", times.len());
                Found::new(outcome, sentence)
            }
        };
        found.wanted = limit.map(|limit| format!("at most {limit} s"));
        found.cases = times.len() as u64;
        found.failed = times.iter().filter(|time| limit.is_some_and(|limit| **time > limit)).count() as u64;
        Ok(found)
    }
}
