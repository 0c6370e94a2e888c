//! Candidate against incumbent over the same period: worse, not worse, or not yet known.
//!
//! Watched are the share of requests that fail or are refused, the share slower than the incumbent's 95 %
//! quantile, and what was answered; each by a test that stays valid however often one looks. Where labels come
//! (see [`labelled`](super::labelled)) the model's own metric is compared too, with an error probability of its own: it can end a
//! release, and is not waited for.
//!
//! Both errors of a whole release have the probability [`Judge::ALPHA`], and each is divided as it adds up
//! (see [`alphas`]). One test that says *worse* ends a release, so those share it, and divide it among the
//! steps. *Not worse* must be said of everything at every step, wrongly each time of one that is worse in
//! something by its margin, so a single step may err more often.
//!
//! The incumbent's quantile is an estimate, so the threshold is fixed from what it answered *before* the
//! comparison (the step before, else all that is counted; in an environment that has just started the first
//! [`SLOW_SAMPLES`] requests of the step itself, which then don't count). On what comes after, *both* arms'
//! shares above it are measured. So the threshold may be a little off, at the cost of some sharpness; two
//! equal versions stay equal under any threshold.
//!
//! Answers only bound the absurd, since a retrained model answers differently on purpose: values that are no
//! numbers, a constant, a total variation beyond `max_shift`, where both are counted by the bins of the
//! incumbent's profile. Rows of one request are seldom independent, so they count as one answer together.
//!
//! # How soon
//!
//! Requests of the candidate within which it happens in 95 % of 1,000 rollouts simulated with the defaults
//! (`tests/releases/rollouts.rs`); in brackets what Wald's test of both rates would take if it were told them.
//! One that is as good passes both steps after 1,020 where nothing fails, 1,804 where 0.1 % does, 5,486
//! (3,680) where 1 % does. Two points more errors are found after 4,658 (2,980), a p95 half as long again
//! after 548, a constant after 61.

use modelyard_core::Digest;
use modelyard_core::deploy::{Counts, EnvironmentState, Judge, LATENCY_ENDS_US, Release, Slow, StrategyKind};
pub use modelyard_evaluate::sequential::{Alpha, Verdict};
use modelyard_evaluate::sequential::{
    Arm, Losses, Pair, Sample, constant, distance, joined, shifted, threshold,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::View;

/// Answers of the incumbent that a quantile is estimated from, at least.
pub const SLOW_SAMPLES: u64 = 500;

/// What failures, slowness and answers have of the probability that a good release is rolled back. Slowness
/// and absurd answers show within a few hundred requests, failures need thousands.
const SHARES: [f64; 3] = [0.6, 0.2, 0.2];

/// However many steps there are, one that is worse by its margin passes a single one no more often.
const MOST_A_STEP: f64 = 0.25;

/// Distance of answers that is shown as different, though never acted upon.
const DIFFERENT: f64 = 0.1;

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
    /// Times say nothing of the versions: copies wait behind what is answered, and before a switch the load
    /// was another.
    pub untimed: bool,
    /// Both in the model's own metric, on rows whose labels have come.
    pub labelled: Option<Labelled>,
}

/// What labels say, and by which metric.
#[derive(Clone, Debug)]
pub struct Labelled {
    pub metric: String,
    pub rows: u64,
    pub losses: Losses,
}

/// What is known at a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Findings {
    pub errors: Verdict,
    /// `None` where times are not compared.
    pub latency: Option<Verdict>,
    /// Why the answers are absurd.
    pub absurd: Option<String>,
    /// What labels say, where there are some; never waited for.
    pub labels: Option<Verdict>,
}

/// A comparison as people and decisions see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ReleaseComparison)]
pub struct Comparison {
    pub candidate: Seen,
    pub incumbent: Seen,
    pub errors: Bounds,
    pub latency: Bounds,
    pub outputs: Outputs,
    /// On rows whose labels have come, where the environment logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelsCompared>,
}

/// The model's own metric, as a loss a row: of a ranking a positive row that is ranked below another.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LabelsCompared {
    pub metric: String,
    /// Labelled rows of both in this step.
    pub rows: u64,
    #[serde(flatten)]
    pub bounds: Bounds,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = VersionSeen)]
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
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = DifferenceBounds)]
pub struct Bounds {
    pub candidate: Option<f64>,
    pub incumbent: Option<f64>,
    pub lower: f64,
    pub upper: f64,
    /// Of the lower bound and of the upper one, in this step.
    pub alpha: Alpha,
    pub margin: f64,
    /// Of latency: from where on a request is slow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above_us: Option<u64>,
    /// `None` where this is shown and not judged.
    pub verdict: Option<Verdict>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = OutputsCompared)]
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
            Self { latency: Some(Verdict::Worse), .. } => Some("more requests are slow".to_owned()),
            Self { labels: Some(Verdict::Worse), .. } => {
                Some("its answers are worse, by their labels".to_owned())
            }
            _ => None,
        }
    }

    pub fn not_worse(&self) -> bool {
        self.errors == Verdict::NotWorse
            && self.latency.is_none_or(|latency| latency == Verdict::NotWorse)
            && self.absurd.is_none()
    }
}

/// The error probabilities in one step of a release.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alphas {
    pub errors: Alpha,
    pub latency: Alpha,
    /// Of calling answers absurd that are not.
    pub answers: f64,
    /// Apart from the others: labels come late or never, and take nothing from what is always there.
    pub labels: Alpha,
}

/// The error probabilities of each watched thing in one step.
///
/// *Worse* is said by chance in at most the sum over all that is watched and all steps. *Not worse* takes
/// everything in every step: of a candidate that is worse by its margin throughout, in at most the product over
/// the steps, and in no more where several things are worse (an intersection–union test: Berger,
/// Technometrics 24, 1982). Each step is compared by what comes after the one before, so both hold for tests
/// of which each holds given the past.
pub fn alphas(release: &Release) -> Alphas {
    let strategy = &release.strategy;
    let judged = match strategy.kind {
        // All traffic is the end, not a step.
        StrategyKind::Canary => strategy.weights.iter().filter(|weight| **weight < 1.0).count(),
        _ => 1,
    };
    let judged = judged.max(1) as f64;
    let not_worse = Judge::ALPHA.powf(1.0 / judged).min(MOST_A_STEP);
    let [errors, latency, answers] = SHARES.map(|share| Judge::ALPHA * share / judged);
    Alphas {
        errors: Alpha { worse: errors, not_worse },
        latency: Alpha { worse: latency, not_worse },
        answers,
        labels: Alpha { worse: Judge::ALPHA / judged, not_worse },
    }
}

/// Both versions as they are compared in this step; `None` without an incumbent.
pub fn compared(release: &Release, incumbent: Digest, view: &View) -> Compared {
    let watched = |package: Digest| {
        let mut now = view.counted(package);
        let mut base = release.step_counts.get(&package).cloned().unwrap_or_default();
        // Two profiles have other bins, and two models may name their classes in another order.
        if let Some(beside) = now.outputs_beside.get(&incumbent).filter(|_| package != incumbent) {
            now.outputs = beside.clone();
            base.outputs = base.outputs_beside.get(&incumbent).cloned().unwrap_or_default();
        }
        let (slow_before, slow_since) = match &release.slow {
            None => (Arm::default(), Arm::default()),
            Some(slow) => {
                let base = slow.since.get(&package).cloned().unwrap_or_default();
                (slow_arm(&base, slow.above_us), slow_arm(&now.since(&base), slow.above_us))
            }
        };
        Watched { since: now.since(&base), before: base, slow_before, slow_since }
    };
    let untimed = release.strategy.kind == StrategyKind::Shadow;
    let labelled = view.labels.as_ref().map(|labels| Labelled {
        metric: labels.metric.clone(),
        rows: labels.rows,
        losses: labels.losses(release.package, incumbent),
    });
    Compared { candidate: watched(release.package), incumbent: watched(incumbent), untimed, labelled }
}

/// What `compared` shows with the error probabilities `alphas`.
pub fn judge(compared: &Compared, limits: &Judge, alphas: &Alphas) -> Findings {
    Findings {
        errors: errors(compared, limits).verdict(alphas.errors),
        latency: (!compared.untimed).then(|| latency(compared, limits).verdict(alphas.latency)),
        absurd: absurd(&compared.candidate, &compared.incumbent, limits, alphas.answers),
        labels: compared.labelled.as_ref().map(|labelled| labelled.losses.verdict(alphas.labels)),
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

fn errors(compared: &Compared, limits: &Judge) -> Pair {
    // Both versions meet the same clients: of what these send amiss, both refuse the same share.
    let sample = |watched: &Watched| watched.sample(|counts| counts.failed + counts.refused);
    Pair::new(sample(&compared.candidate), sample(&compared.incumbent), limits.error_margin)
}

fn latency(compared: &Compared, limits: &Judge) -> Pair {
    let sample = |watched: &Watched| Sample::new(watched.slow_before, watched.slow_since);
    Pair::new(sample(&compared.candidate), sample(&compared.incumbent), limits.latency_margin)
}

impl Watched {
    /// Requests of a kind among all.
    fn sample(&self, of_kind: impl Fn(&Counts) -> u64) -> Sample {
        let all = |counts: &Counts| counts.requests() + counts.refused;
        let arm = |counts: &Counts| Arm::new(of_kind(counts) as f64, all(counts) as f64);
        Sample::new(arm(&self.before), arm(&self.since))
    }
}

/// Three tests that share one error probability.
fn absurd(candidate: &Watched, incumbent: &Watched, limits: &Judge, alpha: f64) -> Option<String> {
    let numbers = |watched: &Watched| watched.sample(|counts| counts.not_finite);
    let no_numbers = Pair::new(numbers(candidate), numbers(incumbent), limits.error_margin);
    let (ours, theirs) = (answers(&candidate.since), answers(&incumbent.since));
    let tests = [
        (no_numbers.evidence_above(0.0), "answers are no numbers"),
        (constant(&ours, &theirs), "it answers one thing alone"),
        (shifted(&ours, &theirs, limits.max_shift), "its answers have moved further than `max_shift`"),
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
        let (limits, alphas) = (&release.strategy.judge, alphas(release));
        let findings = judge(&compared, limits, &alphas);
        let bounds = |pair: Pair, alpha: Alpha, verdict: Option<Verdict>| {
            let (lower, upper) = pair.bounds(alpha.worse, alpha.not_worse);
            let share = |sample: Sample| (sample.since.count > 0.0).then(|| sample.since.mean());
            Bounds {
                candidate: share(pair.candidate),
                incumbent: share(pair.incumbent),
                lower,
                upper,
                alpha,
                margin: pair.margin,
                above_us: None,
                verdict,
            }
        };
        let mut slow = bounds(latency(&compared, limits), alphas.latency, findings.latency);
        slow.above_us = release.slow.as_ref().map(|slow| slow.above_us);
        let labels = compared.labelled.as_ref().and_then(|labelled| {
            let bounds = of_losses(&labelled.losses, alphas.labels)?;
            Some(LabelsCompared { metric: labelled.metric.clone(), rows: labelled.rows, bounds })
        });
        let Compared { candidate, incumbent, .. } = &compared;
        let between = distance(&answers(&candidate.since), &answers(&incumbent.since));
        Some(Self {
            candidate: Seen::of(release.package, &candidate.since),
            incumbent: Seen::of(package, &incumbent.since),
            errors: bounds(errors(&compared, limits), alphas.errors, Some(findings.errors)),
            latency: slow,
            outputs: Outputs {
                distance: between,
                max_shift: limits.max_shift,
                different: between.is_some_and(|between| between > DIFFERENT),
                absurd: findings.absurd,
            },
            labels,
        })
    }
}

/// `None` while there are too few labels.
fn of_losses(losses: &Losses, alpha: Alpha) -> Option<Bounds> {
    let (lower, upper) = losses.bounds(alpha)?;
    Some(Bounds {
        candidate: losses.candidate.map(|loss| loss.value),
        incumbent: losses.incumbent.map(|loss| loss.value),
        lower,
        upper,
        alpha,
        margin: losses.margin(),
        above_us: None,
        verdict: Some(losses.verdict(alpha)),
    })
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
    compared.untimed = true;
    compared
}

/// Whether the candidate is better in errors or latency by the margin, with the error probability of calling
/// it worse. A smaller difference is none: answers of one moment are not wholly independent, and a million of
/// them make a difference of nothing certain.
pub fn is_better(compared: &Compared, limits: &Judge, alphas: &Alphas) -> bool {
    let better = |pair: Pair, alpha: Alpha| pair.evidence_below(-pair.margin) >= threshold(alpha.worse);
    better(errors(compared, limits), alphas.errors)
        || !compared.untimed && better(latency(compared, limits), alphas.latency)
}
