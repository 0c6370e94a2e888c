//! Simulated rollouts, judged after every request.
//!
//! `MODELYARD_ROLLOUTS` sets how many; 100 unless told, looked at after every tenth request. With 1,000 or
//! more they are looked at after every one, as the promise is (`MODELYARD_ROLLOUTS=1000 cargo test -p
//! modelyard-lifecycle --test releases rollouts`); with fewer, twice as many may be late by chance.
//!
//! The numbers of requests stated here are those of the manual: of the candidate, with the default weights,
//! margins and samples, beside an incumbent that answered 20,000 requests before, of which 1 % failed where
//! nothing else is said, with latencies that are log-normal (p95 2.3 times the median). Faults are planted in
//! the first step, of 5 % of the traffic.

use modelyard_core::Digest;
use modelyard_core::deploy::observed::latency_bucket;
use modelyard_core::deploy::{Counts, Judge, LATENCY_ENDS_US, StrategyKind};
use modelyard_evaluate::sequential::Arm;
use modelyard_lifecycle::deploy::judge::{self, Alpha, Alphas, Compared, Findings, Verdict, Watched};

/// The candidate's requests within which 95 % of planted faults are caught.
const ERRORS_WITHIN: u64 = 5_000;
const SLOW_WITHIN: u64 = 1_000;
const CONSTANT_WITHIN: u64 = 100;
const SHIFTED_WITHIN: u64 = 100;

/// The candidate's requests over both steps within which 95 % of good rollouts get all the traffic, by the
/// share that fails.
const PASSED_WITHIN: [(f64, u64); 3] = [(0.0, 1_100), (0.001, 2_000), (0.01, 6_000)];

/// Requests of a good rollout, by step: its share and how many in all.
const STEPS: [(f64, u64); 2] = [(0.05, 40_000), (0.25, 12_000)];

/// Of a canary of two steps: their sum over the steps is 5 %, and so is the product.
fn alphas() -> Alphas {
    let not_worse = Judge::ALPHA.sqrt();
    Alphas {
        errors: Alpha { worse: 0.015, not_worse },
        latency: Alpha { worse: 0.005, not_worse },
        answers: 0.005,
        labels: Alpha { worse: 0.025, not_worse },
    }
}

/// How a version behaves.
#[derive(Clone, Copy)]
struct Version {
    failing: f64,
    /// Multiple of the usual latency.
    slowness: f64,
    /// Shares of three classes, or of bins of the incumbent's answers.
    classes: [f64; 3],
}

const GOOD: Version = Version { failing: 0.01, slowness: 1.0, classes: [0.75, 0.2, 0.05] };

/// SplitMix64: a test needs no more than numbers that repeat.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (2.0 * std::f64::consts::PI * self.uniform()).cos()
    }
}

struct Rollout {
    random: Random,
    compared: Compared,
    /// What both have counted since ever, as replicas report it.
    incumbent: Counts,
    candidate: Counts,
    above_us: u64,
}

fn empty() -> Counts {
    Counts { latency: vec![0; LATENCY_ENDS_US.len() + 1], outputs: vec![0; 4], ..Counts::default() }
}

impl Rollout {
    /// With an incumbent that has answered for a while, as `version` does.
    fn new(seed: u64, version: &Version) -> Self {
        let mut rollout = Self {
            random: Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d)),
            compared: Compared::default(),
            incumbent: empty(),
            candidate: empty(),
            above_us: 0,
        };
        for _ in 0..20_000 {
            let mut past = std::mem::take(&mut rollout.incumbent);
            rollout.answer(version, &mut past);
            rollout.incumbent = past;
        }
        rollout
    }

    /// A step begins: what came before is the past.
    fn step(&mut self) {
        let mut view = modelyard_lifecycle::deploy::View::default();
        view.counts.insert(Digest::of(b"incumbent"), self.incumbent.clone());
        self.above_us = judge::slow([&self.incumbent, &self.incumbent], &view).unwrap().above_us;
        let past = |counts: &Counts| Watched {
            before: counts.clone(),
            since: empty(),
            slow_before: slow(counts, self.above_us),
            slow_since: Arm::default(),
        };
        self.compared = Compared {
            candidate: past(&self.candidate),
            incumbent: past(&self.incumbent),
            ..Compared::default()
        };
    }

    fn answer(&mut self, version: &Version, counts: &mut Counts) -> Option<u64> {
        if self.random.uniform() < version.failing {
            counts.failed += 1;
            return None;
        }
        let micros = (5_000.0 * version.slowness * (0.5 * self.random.normal()).exp()) as u64;
        let mut place = self.random.uniform();
        let class = version.classes.iter().position(|share| {
            place -= share;
            place < 0.0
        });
        counts.answered += 1;
        counts.rows += 1;
        counts.latency[latency_bucket(micros)] += 1;
        counts.outputs[class.unwrap_or(2)] += 1;
        Some(micros)
    }

    /// The step has ended: the next one knows it as past.
    fn ended(&mut self) {
        let Compared { candidate, incumbent, .. } = std::mem::take(&mut self.compared);
        self.candidate.add(&candidate.since);
        self.incumbent.add(&incumbent.since);
    }

    /// One request; whether the candidate answered it.
    fn request(&mut self, share: f64, [candidate, incumbent]: [&Version; 2]) -> bool {
        let ours = self.random.uniform() < share;
        let version = if ours { candidate } else { incumbent };
        let mut compared = std::mem::take(&mut self.compared);
        let watched = if ours { &mut compared.candidate } else { &mut compared.incumbent };
        if let Some(micros) = self.answer(version, &mut watched.since) {
            watched.slow_since.count += 1.0;
            let bucket = latency_bucket(micros);
            // A bucket's end belongs to it, so what is slow lies in a later one.
            let slow = LATENCY_ENDS_US.get(bucket).is_none_or(|end| *end > self.above_us);
            watched.slow_since.sum += f64::from(u8::from(slow));
        }
        self.compared = compared;
        ours
    }

    fn findings(&self) -> Findings {
        judge::judge(&self.compared, &Judge::default(), &alphas())
    }
}

fn slow(counts: &Counts, above_us: u64) -> Arm {
    let slow = counts
        .latency
        .iter()
        .enumerate()
        .filter(|(bucket, _)| LATENCY_ENDS_US.get(*bucket).is_none_or(|end| *end > above_us));
    Arm::new(slow.map(|(_, count)| *count).sum::<u64>() as f64, counts.answered as f64)
}

fn rollouts() -> (u64, u64) {
    let count = std::env::var("MODELYARD_ROLLOUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(100);
    (count, if count < 1_000 { 10 } else { 1 })
}

/// One of twenty; of few rollouts, as many again by chance.
fn most_late(count: u64) -> u64 {
    if count < 1_000 { count / 10 } else { count / 20 }
}

#[test]
fn the_simulation_is_of_the_defaults() {
    let mut release = super::moves::release(StrategyKind::Canary);
    assert_eq!(release.strategy.weights, [STEPS[0].0, STEPS[1].0, 1.0]);
    let found = judge::alphas(&release);
    for (found, wanted) in [(found.errors, alphas().errors), (found.latency, alphas().latency)] {
        assert!(
            (found.worse - wanted.worse).abs() < 1e-12 && (found.not_worse - wanted.not_worse).abs() < 1e-12
        );
    }
    assert!((found.answers - alphas().answers).abs() < 1e-12);
    release.strategy.weights = vec![0.01, 0.1, 0.2, 0.5, 1.0];
    assert_eq!(judge::alphas(&release).errors.not_worse, 0.25);
    release.strategy.kind = StrategyKind::AB;
    assert_eq!(judge::alphas(&release).errors.not_worse, 0.05);
}

#[test]
fn versions_that_are_alike_are_rolled_back_in_at_most_one_of_twenty_rollouts() {
    let (count, stride) = rollouts();
    let mut rolled_back = 0;
    for seed in 0..count {
        let mut rollout = Rollout::new(seed, &GOOD);
        let worse = STEPS.iter().any(|(share, requests)| {
            rollout.step();
            let worse = (0..*requests).any(|request| {
                rollout.request(*share, [&GOOD, &GOOD]);
                request % stride == 0 && rollout.findings().worse().is_some()
            });
            rollout.ended();
            worse
        });
        rolled_back += u64::from(worse);
    }
    eprintln!("of {count} rollouts {rolled_back} were rolled back");
    assert!(rolled_back * 20 <= count, "{rolled_back} of {count} rolled back");
}

/// Requests of `candidate` over both steps until it has passed them, beside `incumbent`; `None` where it is
/// rolled back or a step takes more than `most`.
fn passed(seed: u64, [candidate, incumbent]: [&Version; 2], stride: u64, most: u64) -> Option<u64> {
    let mut rollout = Rollout::new(seed, incumbent);
    let mut all = 0;
    for (share, _) in STEPS {
        rollout.step();
        let mut ours = 0;
        loop {
            if !rollout.request(share, [candidate, incumbent]) {
                continue;
            }
            ours += 1;
            if ours % stride != 0 {
                continue;
            }
            let findings = rollout.findings();
            if ours > most || findings.worse().is_some() {
                return None;
            }
            if ours >= Judge::default().min_samples && findings.not_worse() {
                break;
            }
        }
        all += ours;
        rollout.ended();
    }
    Some(all)
}

#[test]
fn versions_that_are_alike_pass_both_steps() {
    let (count, stride) = rollouts();
    for (failing, within) in PASSED_WITHIN {
        let version = Version { failing, ..GOOD };
        let mut when: Vec<u64> = (0..count)
            .filter_map(|seed| passed(seed ^ 0xa11, [&version, &version], stride, within))
            .collect();
        when.sort_unstable();
        let last = when.get((count * 95).div_ceil(100) as usize - 1);
        let half = when.get(count as usize / 2);
        eprintln!(
            "{failing} fail: {} of {count} pass, half within {half:?}, 95 % within {last:?}",
            when.len()
        );
        let late = count - when.iter().filter(|all| **all <= within).count() as u64;
        assert!(late <= most_late(count), "{failing}: {late} of {count} are not through within {within}");
    }
}

#[test]
fn one_that_is_worse_by_its_margin_gets_all_the_traffic_in_at_most_one_of_twenty_rollouts() {
    let (count, stride) = rollouts();
    let version = Version { failing: GOOD.failing + Judge::default().error_margin, ..GOOD };
    // One that nothing was decided about for so long waits for a person.
    let passed =
        (0..count).filter(|seed| passed(seed ^ 0xb0d, [&version, &GOOD], stride, 4_000).is_some()).count();
    eprintln!("worse by its margin: {passed} of {count} pass both steps");
    assert!(passed as u64 * 20 <= count, "{passed} of {count} passed");
}

/// Share of rollouts in which `version` is caught within `requests` of its own, and by when 95 % are.
fn caught(version: Version, within: u64, because: &[&str]) {
    let (count, stride) = rollouts();
    let mut when = Vec::new();
    for seed in 0..count {
        let mut rollout = Rollout::new(seed ^ 0xbad, &GOOD);
        rollout.step();
        let mut ours = 0;
        while ours < within {
            if rollout.request(0.05, [&version, &GOOD]) {
                ours += 1;
                // The incumbent's requests alone decide little.
                if ours % stride == 0
                    && let Some(reason) = rollout.findings().worse()
                {
                    assert!(because.contains(&&*reason), "{reason}");
                    when.push(ours);
                    break;
                }
            }
        }
    }
    when.sort_unstable();
    let caught = when.len() as u64;
    let place = (count * 95).div_ceil(100).saturating_sub(1) as usize;
    eprintln!("{because:?}: {caught} of {count} within {within}, 95 % within {:?}", when.get(place));
    assert!(count - caught <= most_late(count), "{caught} of {count} caught within {within} requests");
}

#[test]
fn two_points_more_errors_are_caught() {
    caught(Version { failing: GOOD.failing + 0.02, ..GOOD }, ERRORS_WITHIN, &["more requests fail"]);
}

#[test]
fn a_p95_half_as_long_again_is_caught() {
    caught(Version { slowness: 1.5, ..GOOD }, SLOW_WITHIN, &["more requests are slow"]);
}

#[test]
fn a_constant_answer_is_caught() {
    for classes in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]] {
        caught(Version { classes, ..GOOD }, CONSTANT_WITHIN, &["it answers one thing alone"]);
    }
}

#[test]
fn answers_that_have_moved_too_far_are_caught() {
    // Its first few answers may be one thing alone, of which the incumbent says it seldom.
    let because = ["its answers have moved further than `max_shift`", "it answers one thing alone"];
    caught(Version { classes: [0.0, 0.1, 0.9], ..GOOD }, SHIFTED_WITHIN, &because);
}

#[test]
fn answers_that_are_no_numbers_are_caught_and_margins_are_kept() {
    let mut rollout = Rollout::new(1, &GOOD);
    rollout.step();
    for _ in 0..2_000 {
        rollout.request(0.05, [&GOOD, &GOOD]);
    }
    assert_eq!(rollout.findings().worse(), None);
    let candidate = &mut rollout.compared.candidate.since;
    candidate.not_finite += 20;
    candidate.failed += 20;
    assert_eq!(rollout.findings().absurd.as_deref(), Some("answers are no numbers"));
    // Within a generous margin the errors alone would not be worse.
    let limits = Judge { error_margin: 0.9, ..Judge::default() };
    assert_ne!(judge::judge(&rollout.compared, &limits, &alphas()).errors, Verdict::Worse);
    // One that answers nothing else, which clients are told is their fault.
    rollout.compared.candidate.since = Counts { refused: 60, not_finite: 60, ..Counts::default() };
    assert_eq!(rollout.findings().absurd.as_deref(), Some("answers are no numbers"));
}
