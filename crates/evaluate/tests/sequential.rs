//! Sequential tests against SciPy, and against what they promise: looked at after every value, an interval
//! that leaves the truth out happens at most as often as `alpha` says.
//!
//! `MODELYARD_SIMULATIONS` sets how many runs are simulated; 300 unless told.

use std::collections::BTreeMap;

use modelyard_evaluate::sequential::{
    Arm, Sample, constant, evidence_above, evidence_below, interval, shifted, threshold,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    alpha: f64,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    /// Sum and count, before and since.
    candidate: [(f64, f64); 2],
    incumbent: [(f64, f64); 2],
    evidence: BTreeMap<String, f64>,
    lower: f64,
    upper: f64,
}

fn sample([before, since]: [(f64, f64); 2]) -> Sample {
    Sample::new(Arm::new(before.0, before.1), Arm::new(since.0, since.1))
}

#[test]
fn evidence_and_bounds_are_those_of_scipy() {
    let reference: Reference = serde_json::from_str(include_str!("sequential/reference.json")).unwrap();
    for case in &reference.cases {
        let (candidate, incumbent) = (sample(case.candidate), sample(case.incumbent));
        for (difference, wanted) in &case.evidence {
            let difference: f64 = difference.parse().unwrap();
            let found = evidence_above(&candidate, &incumbent, difference)
                .max(evidence_below(&candidate, &incumbent, difference));
            if found == f64::NEG_INFINITY {
                // The estimate itself lies there.
                continue;
            }
            // Both take logarithms of gamma functions around 1e7, of which the last digits differ.
            assert!((found - wanted).abs() < 1e-6 * wanted.abs().max(1.0), "{difference}: {found} {wanted}");
        }
        let (lower, upper) = interval(&candidate, &incumbent, reference.alpha);
        assert!((lower - case.lower).abs() < 1e-7, "lower {lower}, SciPy {}", case.lower);
        assert!((upper - case.upper).abs() < 1e-7, "upper {upper}, SciPy {}", case.upper);
    }
}

/// SplitMix64: the tests need no more than numbers that repeat.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn simulations() -> usize {
    std::env::var("MODELYARD_SIMULATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

/// Share of runs in which `check` says at some moment that the truth is left out, with the share that chance
/// may add to it at three standard errors.
fn misses(alpha: f64, mut run: impl FnMut(&mut Random) -> bool) {
    let runs = simulations();
    let mut random = Random(2021);
    let missed = (0..runs).filter(|_| run(&mut random)).count() as f64 / runs as f64;
    let allowed = alpha + 3.0 * (alpha * (1.0 - alpha) / runs as f64).sqrt();
    assert!(missed <= allowed, "left out in {missed}, allowed {allowed}");
}

#[test]
fn the_truth_is_left_out_as_seldom_as_promised_however_often_one_looks() {
    let alpha = 0.05;
    // Rates of candidate and incumbent, and the candidate's share of traffic.
    for (ours, theirs, share) in [(0.01, 0.01, 0.05), (0.3, 0.25, 0.5), (0.0, 0.002, 0.25), (0.06, 0.05, 0.1)]
    {
        misses(alpha, |random| {
            let (mut candidate, mut incumbent) = (Sample::default(), Sample::default());
            (0..3_000).any(|_| {
                let (arm, rate) =
                    if random.uniform() < share { (&mut candidate, ours) } else { (&mut incumbent, theirs) };
                arm.since.count += 1.0;
                arm.since.sum += f64::from(u8::from(random.uniform() < rate));
                let difference = ours - theirs;
                let limit = threshold(alpha);
                evidence_above(&candidate, &incumbent, difference) >= limit
                    || evidence_below(&candidate, &incumbent, difference) >= limit
            })
        });
    }
}

#[test]
fn a_misleading_past_makes_nothing_invalid() {
    misses(0.05, |random| {
        let mut candidate = Sample::new(Arm::new(300.0, 1_000.0), Arm::default());
        let mut incumbent = Sample::new(Arm::new(0.0, 50_000.0), Arm::default());
        (0..3_000).any(|_| {
            let arm = if random.uniform() < 0.5 { &mut candidate } else { &mut incumbent };
            arm.since.count += 1.0;
            arm.since.sum += f64::from(u8::from(random.uniform() < 0.02));
            evidence_above(&candidate, &incumbent, 0.0) >= threshold(0.05)
        })
    });
}

#[test]
fn any_value_between_0_and_1_can_be_compared() {
    misses(0.05, |random| {
        let (mut candidate, mut incumbent) = (Sample::default(), Sample::default());
        (0..2_000).any(|_| {
            // Means a half each, spread differently.
            let ours = random.uniform() < 0.5;
            let value = random.uniform();
            let (arm, value) = if ours { (&mut candidate, value) } else { (&mut incumbent, value.round()) };
            arm.since.count += 1.0;
            arm.since.sum += value;
            evidence_above(&candidate, &incumbent, 0.0) >= threshold(0.05)
        })
    });
}

#[test]
fn answers_from_one_distribution_are_neither_constant_nor_shifted_more_often_than_promised() {
    let shares = [0.9, 0.05, 0.03, 0.02];
    misses(0.05, |random| {
        let (mut candidate, mut incumbent) = ([0.0; 4], [0.0; 4]);
        (0..1_000).any(|_| {
            let arm = if random.uniform() < 0.2 { &mut candidate } else { &mut incumbent };
            let mut place = random.uniform();
            let bin = shares.iter().position(|share| {
                place -= share;
                place < 0.0
            });
            arm[bin.unwrap_or(3)] += 1.0;
            constant(&candidate, &incumbent) >= threshold(0.05)
                || shifted(&candidate, &incumbent, 0.02) >= threshold(0.05)
        })
    });
}
