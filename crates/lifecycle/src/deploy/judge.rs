//! Candidate against incumbent over the same period: worse, not worse, or not yet known.
//!
//! Watched are the share of failed requests, the share slower than the incumbent's 95 % quantile, and what
//! was answered; each by a test that stays valid however often one looks, with a third of
//! [`Judge::ALPHA`], divided among the steps that are judged. A good release is rolled back with at most that
//! probability, and a candidate that is worse by its margin is passed on with no more.
//!
//! The incumbent's quantile is an estimate, so the threshold is fixed from what it answered *before* the
//! comparison (the step before, else all that is counted; in an environment that has just started the first
//! [`SLOW_SAMPLES`] requests of the step itself, which then don't count). On what comes after, *both* arms'
//! shares above it are measured. So the threshold may be a little off, at the cost of some sharpness; two
//! equal versions stay equal under any threshold.
//!
//! Answers only bound the absurd, since a retrained model answers differently on purpose: values that are no
//! numbers, a constant, a total variation beyond `max_shift`. Rows of one request are seldom independent, so
//! they count as one answer together.

use modelyard_core::Digest;
use modelyard_core::deploy::{Counts, EnvironmentState, Judge, LATENCY_ENDS_US, Release, Slow, StrategyKind};
use modelyard_evaluate::sequential::{
    Arm, Sample, constant, distance, evidence_above, evidence_below, interval, joined, shifted, threshold,
};
use serde::Serialize;

use super::View;

/// Answers of the incumbent that a quantile is estimated from, at least.
pub const SLOW_SAMPLES: u64 = 500;

/// Failed, slow, answers.
const WATCHED: f64 = 3.0;

/// Distance of answers that is shown as different, though never acted upon.
const DIFFERENT: f64 = 0.1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Worse,
    NotWorse,
    Undecided,
}

/// The counts of a version, split where the comparison began.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    pub before: Counts,
    pub since: Counts,
    /// Answers and slow ones among them, before the threshold was fixed and since.
    pub slow_before: Arm,
    pub slow_since: Arm,
}

/// Both versions over one period.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    pub candidate: Watched,
    pub incumbent: Watched,
}

/// What is known at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    pub errors: Verdict,
    pub latency: Verdict,
    /// Why the answers are absurd.
    pub absurd: Option<String>,
}

/// A comparison as people and decisions see it.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    pub candidate: Seen,
    pub incumbent: Seen,
    /// Of one bound, of what is watched in this step.
    pub alpha: f64,
    pub errors: Bounds,
    pub latency: Bounds,
    pub outputs: Outputs,
}

#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    pub package: Digest,
    pub requests: u64,
    pub failed: u64,
    pub not_finite: u64,
    /// Upper end of the bucket that the 95 % quantile lies in.
    pub p95_us: Option<u64>,
    /// Copies that were dropped, of a shadow.
    pub dropped: u64,
    /// Copies answered otherwise, of a shadow.
    pub different: u64,
}

/// Candidate − incumbent, a difference of shares.
#[derive(Clone, Debug, Serialize)]
pub struct Bounds {
    pub candidate: Option<f64>,
    pub incumbent: Option<f64>,
    pub lower: f64,
    pub upper: f64,
    pub margin: f64,
    /// Of latency: from where on a request is slow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above_us: Option<u64>,
    pub verdict: Verdict,
}

#[derive(Clone, Debug, Serialize)]
pub struct Outputs {
    /// Total variation between both, as counted.
    pub distance: Option<f64>,
    pub max_shift: f64,
    /// Shown, never acted upon.
    pub different: bool,
    pub absurd: Option<String>,
}

impl Findings {
    /// Why it is worse.
    pub fn worse(&self) -> Option<String> {
        match self {
            Self { absurd: Some(reason), .. } => Some(reason.clone()),
            Self { errors: Verdict::Worse, .. } => Some("more requests fail".to_owned()),
            Self { latency: Verdict::Worse, .. } => Some("more requests are slow".to_owned()),
            _ => None,
        }
    }

    pub fn not_worse(&self) -> bool {
        self.errors == Verdict::NotWorse && self.latency == Verdict::NotWorse && self.absurd.is_none()
    }
}

/// The share of α that one watched thing has in one step.
pub fn alpha(release: &Release) -> f64 {
    let strategy = &release.strategy;
    let judged = match strategy.kind {
        // All traffic is the end, not a step.
        StrategyKind::Canary => strategy.weights.iter().filter(|weight| **weight < 1.0).count(),
        _ => 1,
    };
    Judge::ALPHA / WATCHED / judged.max(1) as f64
}

/// Both versions as they are compared in this step; `None` without an incumbent.
pub fn compared(release: &Release, incumbent: Digest, view: &View) -> Compared {
    let watched = |package: Digest| {
        let now = view.counted(package);
        let base = release.step_counts.get(&package).cloned().unwrap_or_default();
        let (slow_before, slow_since) = match &release.slow {
            None => (Arm::default(), Arm::default()),
            Some(slow) => {
                let base = slow.since.get(&package).cloned().unwrap_or_default();
                (slow_arm(&base, slow.above_us), slow_arm(&now.since(&base), slow.above_us))
            }
        };
        Watched { since: now.since(&base), before: base, slow_before, slow_since }
    };
    Compared { candidate: watched(release.package), incumbent: watched(incumbent) }
}

/// What `compared` shows with error probability `alpha` a watched thing.
pub fn judge(compared: &Compared, limits: &Judge, alpha: f64) -> Findings {
    let (candidate, incumbent) = (&compared.candidate, &compared.incumbent);
    Findings {
        errors: verdict(&errors(candidate), &errors(incumbent), limits.error_margin, alpha),
        latency: verdict(&latency(candidate), &latency(incumbent), limits.latency_margin, alpha),
        absurd: absurd(candidate, incumbent, limits.max_shift, alpha),
    }
}

/// The threshold for the comparison that begins now; `None` if the incumbent has answered too little.
/// `recent` are its newest counts, `all` those since ever; of both what has enough, the newest first.
pub fn slow(incumbent: [&Counts; 2], view: &View) -> Option<Slow> {
    let counts = incumbent.into_iter().find(|counts| counts.answered >= SLOW_SAMPLES)?;
    Some(Slow { above_us: p95_end(counts)?, since: view.counts.clone() })
}

/// The bucket end above which the share of `counts` is nearest to 5 %.
fn p95_end(counts: &Counts) -> Option<u64> {
    let total: u64 = counts.latency.iter().sum();
    let mut above = total;
    let mut nearest: Option<(f64, u64)> = None;
    for (count, end) in counts.latency.iter().zip(LATENCY_ENDS_US) {
        above -= count;
        let off = (above as f64 / total.max(1) as f64 - 0.05).abs();
        if nearest.is_none_or(|(least, _)| off < least) {
            nearest = Some((off, end));
        }
    }
    (total > 0).then_some(nearest?.1)
}

fn slow_arm(counts: &Counts, above_us: u64) -> Arm {
    let first = LATENCY_ENDS_US.partition_point(|end| *end <= above_us);
    let slow: u64 = counts.latency.iter().skip(first).sum();
    Arm::new(slow as f64, counts.latency.iter().sum::<u64>() as f64)
}

fn errors(watched: &Watched) -> Sample {
    let arm = |counts: &Counts| Arm::new(counts.failed as f64, counts.requests() as f64);
    Sample::new(arm(&watched.before), arm(&watched.since))
}

fn latency(watched: &Watched) -> Sample {
    Sample::new(watched.slow_before, watched.slow_since)
}

fn verdict(candidate: &Sample, incumbent: &Sample, margin: f64, alpha: f64) -> Verdict {
    let limit = threshold(alpha);
    if evidence_above(candidate, incumbent, margin) >= limit {
        Verdict::Worse
    } else if evidence_below(candidate, incumbent, margin) >= limit {
        Verdict::NotWorse
    } else {
        Verdict::Undecided
    }
}

/// Three tests that share one error probability.
fn absurd(candidate: &Watched, incumbent: &Watched, max_shift: f64, alpha: f64) -> Option<String> {
    let numbers = |watched: &Watched| {
        let arm = |counts: &Counts| Arm::new(counts.not_finite as f64, counts.requests() as f64);
        Sample::new(arm(&watched.before), arm(&watched.since))
    };
    let (ours, theirs) = (answers(&candidate.since), answers(&incumbent.since));
    let tests = [
        (evidence_above(&numbers(candidate), &numbers(incumbent), 0.0), "answers are no numbers"),
        (constant(&ours, &theirs), "it answers one thing alone"),
        (shifted(&ours, &theirs, max_shift), "its answers have moved further than `max_shift`"),
    ];
    if joined(&tests.map(|(evidence, _)| evidence)) < threshold(alpha) {
        return None;
    }
    let strongest = tests.into_iter().max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(strongest.1.to_owned())
}

/// Answers by bin, those of one request as one.
fn answers(counts: &Counts) -> Vec<f64> {
    let rows = counts.outputs.iter().sum::<u64>() as f64;
    let scale = if rows > 0.0 { (counts.answered as f64 / rows).min(1.0) } else { 1.0 };
    counts.outputs.iter().map(|count| *count as f64 * scale).collect()
}

/// The incumbent of a release: what served when it began.
pub fn incumbent(before: &EnvironmentState, candidate: Digest) -> Option<Digest> {
    before.stable().map(|placed| placed.package).filter(|package| *package != candidate)
}

impl Comparison {
    /// Of `release` now; `None` without an incumbent.
    pub fn of(release: &Release, view: &View) -> Option<Self> {
        let package = incumbent(&release.before, release.package)?;
        let compared = compared(release, package, view);
        let (limits, alpha) = (&release.strategy.judge, alpha(release));
        let findings = judge(&compared, limits, alpha);
        let bounds = |candidate: Sample, incumbent: Sample, margin: f64, verdict: Verdict| {
            let (lower, upper) = interval(&candidate, &incumbent, alpha);
            let share = |sample: Sample| (sample.since.count > 0.0).then(|| sample.since.mean());
            Bounds {
                candidate: share(candidate),
                incumbent: share(incumbent),
                lower,
                upper,
                margin,
                above_us: None,
                verdict,
            }
        };
        let Compared { candidate, incumbent } = &compared;
        let mut slow =
            bounds(latency(candidate), latency(incumbent), limits.latency_margin, findings.latency);
        slow.above_us = release.slow.as_ref().map(|slow| slow.above_us);
        let between = distance(&answers(&candidate.since), &answers(&incumbent.since));
        Some(Self {
            candidate: Seen::of(release.package, &candidate.since),
            incumbent: Seen::of(package, &incumbent.since),
            alpha,
            errors: bounds(errors(candidate), errors(incumbent), limits.error_margin, findings.errors),
            latency: slow,
            outputs: Outputs {
                distance: between,
                max_shift: limits.max_shift,
                different: between.is_some_and(|between| between > DIFFERENT),
                absurd: findings.absurd,
            },
        })
    }
}

impl Seen {
    fn of(package: Digest, counts: &Counts) -> Self {
        Self {
            package,
            requests: counts.requests(),
            failed: counts.failed,
            not_finite: counts.not_finite,
            p95_us: p95_end(counts),
            dropped: counts.dropped,
            different: counts.different,
        }
    }
}

/// The candidate since the switch against the incumbent before it, where there is no common period; without
/// latency, which follows the load.
pub fn against_the_past(mut compared: Compared) -> Compared {
    let Watched { before, .. } = compared.incumbent;
    compared.incumbent = Watched { since: before, ..Watched::default() };
    compared.candidate.slow_before = Arm::default();
    compared.candidate.slow_since = Arm::default();
    compared
}

/// Whether the candidate is better in errors or latency, and not worse in the other.
pub fn is_better(compared: &Compared, alpha: f64) -> bool {
    let (candidate, incumbent) = (&compared.candidate, &compared.incumbent);
    let limit = threshold(alpha);
    evidence_below(&errors(candidate), &errors(incumbent), 0.0) >= limit
        || evidence_below(&latency(candidate), &latency(incumbent), 0.0) >= limit
}
