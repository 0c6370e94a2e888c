//! The declared load: requests are sent when they are due, however slow the answers, and each is counted
//! from when it was due. A load that is not declared is short and mild, and nothing is required of it.

use std::time::Duration;

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::deploy::environment::Load;
use modelyard_core::deploy::observed::{LATENCY_ENDS_US, latency_bucket};
use modelyard_evaluate::application::{Example, LoadResult, Outcome};
use serde_json::Value;

use super::endpoint::{LoadMeasured, LoadPlan};
use super::{Bench, Check, Found, replicas};

pub(super) struct LoadCheck;

/// Where none is declared.
const MILD: Load = Load { rate: 50.0, seconds: 3.0, p95_ms: None, p99_ms: None, errors: 0.0 };

/// Different rows that are sent, in turn.
const BODIES: usize = 1_000;

#[async_trait]
impl Check for LoadCheck {
    fn name(&self) -> &'static str {
        "load"
    }

    async fn run(&self, bench: &Bench<'_>) -> Result<Found> {
        let declared = bench.environment.spec.tests.load;
        let wanted = declared.unwrap_or(MILD);
        let bodies: Vec<_> = bench
            .subject
            .some_rows(BODIES)
            .into_iter()
            .map(|row| Value::Object(row).to_string().into_bytes())
            .collect();
        if bodies.is_empty() {
            return Ok(Found::new(Outcome::Skipped, "the package has no row to send"));
        }
        let plan = LoadPlan {
            rate: wanted.rate,
            duration: Duration::from_secs_f64(wanted.seconds.clamp(0.0, 86_400.0)),
            bodies,
            patience: bench.patience,
        };
        let before = replicas::fresh(bench.home, bench.environment, bench.clock).await?;
        let measured = bench.endpoint.load(plan).await?;
        let after = match before.is_empty() {
            true => Vec::new(),
            false => replicas::fresh(bench.home, bench.environment, bench.clock).await?,
        };
        let failure = measured.first_failure.clone();
        let mut load = result(measured, wanted, declared.is_some());
        if let Some(cost) = replicas::cost(&before, &after, bench.subject.package) {
            load.memory_bytes = Some(cost.memory_bytes);
            load.cpu_us_per_request = (cost.requests > 0).then(|| cost.cpu_secs * 1e6 / cost.requests as f64);
        }
        Ok(judge(load, failure))
    }
}

fn result(measured: LoadMeasured, wanted: Load, declared: bool) -> LoadResult {
    let mut latencies = measured.latencies_us;
    let mut late = measured.late_us;
    latencies.sort_unstable();
    late.sort_unstable();
    let ms = |micros: u32| f64::from(micros) / 1e3;
    let mut counts = [0_u64; LATENCY_ENDS_US.len() + 1];
    for latency in &latencies {
        counts[latency_bucket(u64::from(*latency))] += 1;
    }
    let first = counts.iter().position(|count| *count > 0).unwrap_or(0);
    let last = counts.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
    let max = latencies.last().copied().unwrap_or(0);
    let end = |place: usize| LATENCY_ENDS_US.get(place).map_or(ms(max), |end| *end as f64 / 1e3);
    let took = measured.took.as_secs_f64();
    LoadResult {
        wanted,
        declared,
        sent: measured.sent,
        answered: measured.answered,
        refused: measured.refused,
        failed: measured.failed,
        timed_out: measured.timed_out,
        throughput: if took > 0.0 { measured.answered as f64 / took } else { 0.0 },
        p50_ms: ms(quantile(&latencies, 0.5)),
        p95_ms: ms(quantile(&latencies, 0.95)),
        p99_ms: ms(quantile(&latencies, 0.99)),
        max_ms: ms(max),
        late_p99_ms: ms(quantile(&late, 0.99)),
        histogram: (first..last).map(|place| (end(place), counts[place])).collect(),
        cpu_us_per_request: None,
        memory_bytes: None,
        connections: measured.connections,
    }
}

/// The smallest of the sorted values that at least the share `q` does not exceed; 0 of none.
fn quantile(sorted: &[u32], q: f64) -> u32 {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

fn judge(load: LoadResult, failure: Option<String>) -> Found {
    let wanted = load.wanted;
    let unanswered = load.sent - load.answered;
    let errors = unanswered as f64 / load.sent.max(1) as f64;
    let mut broken = Vec::new();
    if errors > wanted.errors {
        broken.push(format!("{unanswered} of {} requests were not answered", load.sent));
    }
    for (name, got, most) in [("p95", load.p95_ms, wanted.p95_ms), ("p99", load.p99_ms, wanted.p99_ms)] {
        if let Some(most) = most.filter(|most| got > *most) {
            broken.push(format!("{name} {got:.1} ms, at most {most} ms wanted"));
        }
    }
    let measured = format!(
        "{:.0} requests a second for {} s: p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, {}",
        wanted.rate,
        wanted.seconds,
        load.p50_ms,
        load.p95_ms,
        load.p99_ms,
        match unanswered {
            0 => "all answered".to_owned(),
            some => format!("{some} not answered"),
        }
    );
    let (outcome, sentence) = match (load.declared, broken.is_empty()) {
        (false, _) => (Outcome::Reported, measured),
        (true, true) => (Outcome::Passed, measured),
        (true, false) => {
            (Outcome::Failed, format!("at {:.0} requests a second: {}", wanted.rate, broken.join("; ")))
        }
    };
    let mut found = Found::new(outcome, sentence);
    found.wanted = load.declared.then(|| {
        let mut limits = vec![format!("at most {} % not answered", wanted.errors * 100.0)];
        limits.extend(wanted.p95_ms.map(|most| format!("p95 at most {most} ms")));
        limits.extend(wanted.p99_ms.map(|most| format!("p99 at most {most} ms")));
        limits.join(", ")
    });
    found.cases = load.sent;
    found.failed = unanswered;
    found.examples = failure
        .map(|got| Example {
            what: "the first that was not answered".into(),
            sent: Value::Null,
            wanted: "an answer".into(),
            got,
        })
        .into_iter()
        .collect();
    found.load = Some(load);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(latencies_us: Vec<u32>) -> LoadMeasured {
        LoadMeasured {
            sent: latencies_us.len() as u64,
            answered: latencies_us.len() as u64,
            late_us: latencies_us.clone(),
            latencies_us,
            took: Duration::from_secs(1),
            ..LoadMeasured::default()
        }
    }

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let result = result(measured((1..=100).map(|n| n * 1000).collect()), MILD, true);
        assert_eq!((result.p50_ms, result.p95_ms, result.p99_ms, result.max_ms), (50.0, 95.0, 99.0, 100.0));
        assert_eq!(result.histogram.iter().map(|(_, count)| count).sum::<u64>(), 100);
    }

    #[test]
    fn a_load_without_answers_has_no_quantiles_and_fails() {
        let mut none = measured(Vec::new());
        none.sent = 10;
        let found = judge(result(none, MILD, true), None);
        assert_eq!((found.outcome, found.failed), (Outcome::Failed, 10));
    }

    #[test]
    fn a_limit_is_named_with_what_was_measured() {
        let wanted = Load { p95_ms: Some(20.0), ..MILD };
        let found = judge(result(measured(vec![30_000; 10]), wanted, true), None);
        assert_eq!(found.sentence, "at 50 requests a second: p95 30.0 ms, at most 20 ms wanted");
        assert_eq!(judge(result(measured(vec![30_000; 10]), wanted, false), None).outcome, Outcome::Reported);
    }
}
