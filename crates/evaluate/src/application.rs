//! The report of application testing: what a deployed version was asked in a test environment, and what
//! it answered, as one document. Stored as JSON, shown by [`crate::application_html`].
//!
//! It only holds results; who asks is `modelyard_lifecycle`. A row that is shown holds the columns that the
//! model is asked with, none of which is private.
//!
//! An example of each released version lies in `tests/formats/`.

use std::collections::BTreeMap;

use modelyard_core::deploy::Facts;
use modelyard_core::deploy::environment::Load;
use modelyard_core::{Digest, Fault, Kind, Result, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::verdict::Verdict;

/// What application testing found of one version in one environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApplicationReport {
    /// Format version, 1.
    pub version: u32,
    pub model: String,
    pub number: u32,
    pub package: Digest,
    /// `onnx` or `python`.
    pub runtime: String,
    /// `PROJECT/NAME`.
    pub environment: String,
    /// The release in whose course it was tested.
    pub release: String,
    /// Where it was asked.
    pub url: String,
    pub began_at: Timestamp,
    pub seconds: f64,
    pub verdict: Verdict,
    /// In the order in which they ran.
    pub checks: Vec<CheckResult>,
    pub load: Option<LoadResult>,
    pub robustness: Option<Robustness>,
    /// What of the environment must be equal in production.
    pub facts: Facts,
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Passed,
    Failed,
    /// Nothing was required of it.
    Reported,
    /// It could not be told, and nothing was required of it.
    Skipped,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CheckResult {
    /// `parity`, as its file is called.
    pub name: String,
    pub outcome: Outcome,
    /// What was found, in a sentence without a full stop.
    pub sentence: String,
    /// What was required: `p95 at most 20 ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted: Option<String>,
    /// Requests or rows that were looked at, and those that were not as they must be.
    pub cases: u64,
    pub failed: u64,
    /// The first of what failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub examples: Vec<Example>,
    /// Sorts of cases with what became of them, where a check has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// The last lines a command printed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    pub seconds: f64,
}

/// A case that was not as it must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// `row 17 of the test part`, `column distance: a text`.
    pub what: String,
    /// The row or the beginning of the body that was sent.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub sent: Value,
    pub wanted: String,
    pub got: String,
}

/// Cases of one sort.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub answered: u64,
    pub refused: u64,
    /// Among all of them: those that were not as they must be.
    pub failed: u64,
}

/// An open-loop load, counted from the moment at which each request was due.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadResult {
    /// What was wanted; of a load that was not declared rate and seconds alone count.
    pub wanted: Load,
    /// Whether it was declared.
    pub declared: bool,
    pub sent: u64,
    pub answered: u64,
    pub refused: u64,
    pub failed: u64,
    pub timed_out: u64,
    /// Answers a second, from the first moment due to the last answer.
    pub throughput: f64,
    /// Milliseconds from the moment due to the answer, of all requests; one that timed out counts with
    /// the time that was waited for it.
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
    /// How much later than due requests left the generator, in milliseconds: part of the latencies.
    pub late_p99_ms: f64,
    /// Requests by latency: upper ends of the bins in milliseconds, rising, and their counts.
    pub histogram: Vec<(f64, u64)>,
    /// Of the replicas' processes, during the load; `None` where no replica reported.
    pub cpu_us_per_request: Option<f64>,
    /// The most that all replicas together reported during the load.
    pub memory_bytes: Option<u64>,
    /// Connections that were open at once.
    pub connections: u32,
}

/// How far answers move when inputs move a little or go missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Robustness {
    /// Rows of the test part that were changed.
    pub rows: u64,
    /// When an answer counts as changed: `another class`, `by more than 3.2`.
    pub measure: String,
    /// Highest share of changed answers among small perturbations, that of the most sensitive column.
    pub worst_share: f64,
    /// The most sensitive first.
    pub columns: Vec<Sensitivity>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensitivity {
    pub column: String,
    /// `± 0.21`, `missing`.
    pub change: String,
    /// Whether it is a small perturbation, rather than a missing value.
    pub small: bool,
    pub answered: u64,
    /// Share of answers that changed, in [0, 1]; `None` where nothing was answered.
    pub changed: Option<f64>,
    /// Largest change of a value or probability.
    pub largest: Option<f64>,
}

impl ApplicationReport {
    pub const VERSION: u32 = 1;

    /// `late-flights@3`.
    pub fn title(&self) -> String {
        format!("{}@{}", self.model, self.number)
    }

    pub fn passed(&self) -> bool {
        self.verdict.passed
    }

    /// A line for each check that failed.
    pub fn failures(&self) -> Vec<String> {
        let failed = self.checks.iter().filter(|check| check.outcome == Outcome::Failed);
        failed.map(|check| format!("{}: {}", check.name, check.sentence)).collect()
    }

    /// The verdict that `checks` come to, over `title` in `environment`.
    pub fn judge(title: &str, environment: &str, checks: &[CheckResult]) -> Verdict {
        let failed: Vec<_> = checks.iter().filter(|check| check.outcome == Outcome::Failed).collect();
        let required = checks.iter().filter(|check| check.outcome != Outcome::Reported).count();
        let sentence = match failed.as_slice() {
            [] => {
                let (s, all) = if required == 1 { ("", "it") } else { ("s", "all of them") };
                format!("{title} may leave {environment}: {required} check{s} required, {all} passed.")
            }
            [one] => format!(
                "{title} may not leave {environment}: {} failed. {}.",
                one.name,
                capital(&one.sentence)
            ),
            several => {
                let names: Vec<_> = several.iter().map(|check| check.name.as_str()).collect();
                let (last, first) =
                    names.split_last().map_or(("", &names[..]), |(last, first)| (*last, first));
                format!("{title} may not leave {environment}: {} and {last} failed.", first.join(", "))
            }
        };
        Verdict { passed: failed.is_empty(), sentence }
    }

    /// Reads a stored report.
    ///
    /// # Errors
    /// If it is none, or of a later version than this program knows.
    pub fn from_json(bytes: &[u8]) -> Result<Self> {
        let broken = |error: serde_json::Error| {
            Fault::new(Kind::Store, "cannot read the report of application tests").because(error)
        };
        let found: BTreeMap<String, Value> = serde_json::from_slice(bytes).map_err(broken)?;
        match found.get("version").and_then(Value::as_u64) {
            Some(1) => serde_json::from_slice(bytes).map_err(broken),
            version => Err(Fault::new(
                Kind::Store,
                format!(
                    "the report of application tests has version {}, this program knows version {}",
                    version.unwrap_or_default(),
                    Self::VERSION
                ),
            )
            .hint("use a newer modelyard")),
        }
    }
}

fn capital(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
