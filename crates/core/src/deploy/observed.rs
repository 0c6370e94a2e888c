//! What a replica reports once a second: what it has ready, and what it counted; and how tests get on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{EnvironmentId, ReleaseId, Served};
use crate::Digest;
use crate::clock::Timestamp;

/// Upper ends of the latency buckets, in microseconds, each included; one more bucket takes the rest.
/// Fixed, a fifth apart from 10 µs to 10 s, so that histograms of several processes can be added
/// and a share above a quantile is known to a tenth.
pub const LATENCY_ENDS_US: [u64; 76] = latency_ends();

const fn latency_ends() -> [u64; 76] {
    let mut ends = [0; 76];
    let (mut place, mut end) = (0, 10_000_u64);
    while place < ends.len() {
        // In nanoseconds while growing, so that small ends stay apart.
        ends[place] = end / 1_000;
        end = end * 6 / 5;
        place += 1;
    }
    ends
}

/// One replica's report. `sequence` rises with every report of a `boot`; an older one changes nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicaReport {
    /// Format version, 1.
    pub version: u32,
    pub environment: EnvironmentId,
    /// 0, 1, … as the target numbers them.
    pub replica: u32,
    /// Differs between two starts of the same replica.
    pub boot: String,
    pub sequence: u64,
    pub at: Timestamp,
    pub pid: u32,
    /// Of the program's file that runs; `None` where it can't be told, or is of an older version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Digest>,
    /// Where it answers.
    pub listen: String,
    /// The newest generation it follows.
    pub generation: u64,
    /// Packages that are loaded and proven.
    pub ready: Vec<Digest>,
    /// Seconds that a package which is ready took to be loaded and proven: from the start of this process
    /// for those that were wanted then, else from when it was wanted.
    #[serde(default)]
    pub startup_secs: BTreeMap<Digest, f64>,
    /// Packages that could not be loaded or proven, with the reason.
    pub failed: BTreeMap<Digest, String>,
    /// Since this boot, by package.
    pub counts: BTreeMap<Digest, Counts>,
    /// When versions answered, by generation; of this boot.
    pub served: Vec<Served>,
    /// Of this process, seconds since it started.
    pub cpu_secs: f64,
    /// Resident, of this process.
    pub memory_bytes: u64,
    /// Whether it is ending: it takes no more requests.
    #[serde(default)]
    pub ending: bool,
}

impl ReplicaReport {
    /// A replica that has not reported for so long is taken for dead.
    pub const LIVE_MICROS: i64 = 5_000_000;

    /// Whether the replica answers, as far as is known at `now`. A report from the future is one from before
    /// the clock was set back.
    pub fn is_live(&self, now: Timestamp) -> bool {
        !self.ending && now.micros().saturating_sub(self.at.micros()).abs() < Self::LIVE_MICROS
    }
}

/// Cumulative counts of one version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Counts {
    /// Requests that were answered.
    pub answered: u64,
    /// Requests that were refused, the client being at fault.
    pub refused: u64,
    /// Requests that failed, the version or this program being at fault.
    pub failed: u64,
    pub rows: u64,
    /// Of requests answered or given up, by [`LATENCY_ENDS_US`]; empty before the first.
    pub latency: Vec<u64>,
    /// Rows by bin of the package's output profile, or by class; the last takes what fits nowhere.
    pub outputs: Vec<u64>,
    /// The same rows by the bins, or the classes, of the package that serves beside it as incumbent: two
    /// histograms can only be compared over the same bins. Empty where none does.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs_beside: BTreeMap<Digest, Vec<u64>>,
    /// Requests whose answer was no number.
    pub not_finite: u64,
    /// Copies that were dropped since too many waited, of a shadow.
    pub dropped: u64,
    /// Copies whose answer differed from the served one by more than the tolerance, of a shadow.
    pub different: u64,
    /// Times its worker was ended or died and was replaced.
    pub restarts: u64,
}

impl Counts {
    /// Requests of which the version was asked. An answer that is no number is told to the client as its
    /// own fault, so it is among those refused.
    pub fn requests(&self) -> u64 {
        self.answered + self.failed + self.not_finite
    }

    /// Adds what another replica counted.
    pub fn add(&mut self, other: &Self) {
        self.combine(other, |a, b| a + b);
    }

    /// What was counted since `earlier`; never below zero, for a replica that began anew.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut difference = self.clone();
        difference.combine(earlier, u64::saturating_sub);
        difference
    }

    fn combine(&mut self, other: &Self, with: impl Fn(u64, u64) -> u64) {
        let Self {
            answered,
            refused,
            failed,
            rows,
            latency,
            outputs,
            outputs_beside,
            not_finite,
            dropped,
            different,
            restarts,
        } = self;
        for (mine, theirs) in [
            (answered, other.answered),
            (refused, other.refused),
            (failed, other.failed),
            (rows, other.rows),
            (not_finite, other.not_finite),
            (dropped, other.dropped),
            (different, other.different),
            (restarts, other.restarts),
        ] {
            *mine = with(*mine, theirs);
        }
        for package in other.outputs_beside.keys() {
            outputs_beside.entry(*package).or_default();
        }
        let beside =
            outputs_beside.iter_mut().map(|(package, mine)| (mine, other.outputs_beside.get(package)));
        let beside = beside.filter_map(|(mine, theirs)| theirs.map(|theirs| (mine, theirs)));
        for (mine, theirs) in [(latency, &other.latency), (outputs, &other.outputs)].into_iter().chain(beside)
        {
            mine.resize(mine.len().max(theirs.len()), 0);
            for (mine, theirs) in mine.iter_mut().zip(theirs) {
                *mine = with(*mine, *theirs);
            }
        }
    }
}

/// How far the application tests of a release have come; kept until those of the next one begin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TestsUnderWay {
    /// Format version, 1.
    pub version: u32,
    pub environment: EnvironmentId,
    pub release: ReleaseId,
    /// In the order in which they ended.
    pub finished: Vec<TestFinished>,
    /// `None` before the first, between two, and after the last.
    pub running: Option<TestRunning>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TestFinished {
    /// `parity`.
    pub test: String,
    /// `passed`, `failed`, `reported`, `skipped`.
    pub outcome: String,
    pub sentence: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TestRunning {
    pub test: String,
    /// Requests or rows, of `of`; both 0 where nothing is counted.
    pub done: u64,
    pub of: u64,
}

/// Which bucket of [`LATENCY_ENDS_US`] takes `micros`.
pub fn latency_bucket(micros: u64) -> usize {
    LATENCY_ENDS_US.partition_point(|end| *end < micros)
}
