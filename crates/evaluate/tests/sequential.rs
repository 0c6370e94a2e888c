//! Sequential tests against SciPy, and against what they promise: looked at after every value, an interval
//! that leaves the truth out happens at most as often as `alpha` says.
//!
//! `MODELYARD_SIMULATIONS` sets how many runs are simulated; 300 unless told.

use std::collections::BTreeMap;

use modelyard_evaluate::sequential::{
    Alpha, Arm, Labelled, Losses, Measure, Pair, Sample, Verdict, constant, shifted, threshold,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    alpha: BTreeMap<String, f64>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    /// Sum and count, before and since.
    candidate: [(f64, f64); 2],
    incumbent: [(f64, f64); 2],
    margin: f64,
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
        let pair = Pair::new(sample(case.candidate), sample(case.incumbent), case.margin);
        for (difference, wanted) in &case.evidence {
            let difference: f64 = difference.parse().unwrap();
            let found = pair.evidence_above(difference).max(pair.evidence_below(difference));
            if found == f64::NEG_INFINITY {
                // The estimate itself lies there.
                continue;
            }
            // Both take logarithms of gamma functions around 1e7, of which the last digits differ.
            assert!((found - wanted).abs() < 1e-6 * wanted.abs().max(1.0), "{difference}: {found} {wanted}");
        }
        let (lower, upper) = pair.bounds(reference.alpha["lower"], reference.alpha["upper"]);
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

/// Adds a value to the candidate with probability `share`, else to the incumbent.
fn request(pair: &mut Pair, random: &mut Random, share: f64, values: [&dyn Fn(&mut Random) -> f64; 2]) {
    let ours = random.uniform() < share;
    let (arm, value) = if ours { (&mut pair.candidate, values[0]) } else { (&mut pair.incumbent, values[1]) };
    arm.since.push(value(random));
}

/// Zero or one.
fn coin(rate: f64) -> impl Fn(&mut Random) -> f64 {
    move |random| f64::from(u8::from(random.uniform() < rate))
}

#[test]
fn the_truth_is_left_out_as_seldom_as_promised_however_often_one_looks() {
    let alpha = 0.05;
    // Rates of candidate and incumbent, the candidate's share of traffic, what the past says of both.
    let known = Arm::new(200.0, 20_000.0);
    for (ours, theirs, share, past) in [
        (0.01, 0.01, 0.05, Arm::default()),
        (0.01, 0.01, 0.05, known),
        (0.018, 0.01, 0.25, known),
        (0.3, 0.25, 0.5, Arm::default()),
        (0.0, 0.002, 0.25, known),
        (0.06, 0.05, 0.1, Arm::new(1.0, 20.0)),
    ] {
        for above in [true, false] {
            misses(alpha, |random| {
                let before = Sample::new(past, Arm::default());
                let mut pair = Pair::new(before, before, 0.008);
                (0..3_000).any(|_| {
                    request(&mut pair, random, share, [&coin(ours), &coin(theirs)]);
                    let evidence = if above {
                        pair.evidence_above(ours - theirs)
                    } else {
                        pair.evidence_below(ours - theirs)
                    };
                    evidence >= threshold(alpha)
                })
            });
        }
    }
}

#[test]
fn a_misleading_past_makes_nothing_invalid() {
    for above in [true, false] {
        misses(0.05, |random| {
            let candidate = Sample::new(Arm::new(300.0, 1_000.0), Arm::default());
            let incumbent = Sample::new(Arm::new(0.0, 50_000.0), Arm::default());
            let mut pair = Pair::new(candidate, incumbent, 0.008);
            (0..3_000).any(|_| {
                request(&mut pair, random, 0.5, [&coin(0.02), &coin(0.02)]);
                let evidence = if above { pair.evidence_above(0.0) } else { pair.evidence_below(0.0) };
                evidence >= threshold(0.05)
            })
        });
    }
}

#[test]
fn any_value_between_0_and_1_can_be_compared() {
    misses(0.05, |random| {
        let mut pair = Pair::new(Sample::default(), Sample::default(), 0.05);
        (0..2_000).any(|_| {
            // Means a half each, spread differently.
            request(&mut pair, random, 0.5, [&|random| random.uniform(), &coin(0.5)]);
            pair.evidence_above(0.0) >= threshold(0.05)
        })
    });
}

/// What becomes known later, a value a request, is judged as errors are: here whether an answer was wrong,
/// and how far a probability lay from what happened (the Brier score).
#[test]
fn what_labels_tell_is_judged_by_the_same_code() {
    let judged = |candidate: &dyn Fn(&mut Random) -> f64, incumbent: &dyn Fn(&mut Random) -> f64| {
        let mut pair = Pair::new(Sample::default(), Sample::default(), 0.05);
        let mut random = Random(7);
        let alpha = Alpha { worse: 0.01, not_worse: 0.05 };
        for seen in 1..20_000 {
            request(&mut pair, &mut random, 0.5, [candidate, incumbent]);
            let verdict = pair.verdict(alpha);
            if verdict != Verdict::Undecided {
                return (verdict, seen);
            }
        }
        (Verdict::Undecided, 20_000)
    };
    let wrong = |share: f64| coin(share);
    let (verdict, seen) = judged(&wrong(0.33), &wrong(0.2));
    assert_eq!(verdict, Verdict::Worse, "after {seen} labels");
    assert!(seen < 6_000, "{seen} labels");
    let (verdict, seen) = judged(&wrong(0.2), &wrong(0.2));
    assert_eq!(verdict, Verdict::NotWorse, "after {seen} labels");
    let brier = |says: f64| move |random: &mut Random| (says - coin(0.3)(random)).powi(2);
    let (verdict, seen) = judged(&brier(0.7), &brier(0.3));
    assert_eq!(verdict, Verdict::Worse, "after {seen} labels");
    let (verdict, seen) = judged(&brier(0.31), &brier(0.3));
    assert_eq!(verdict, Verdict::NotWorse, "after {seen} labels");
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

/// A model that ranks with an area of Φ(`apart` / √2), on rows of which a quarter are positive.
fn ranked(random: &mut Random, apart: f64) -> (bool, f64) {
    let is = random.uniform() < 0.25;
    let radius = (-2.0 * (1.0 - random.uniform()).ln()).sqrt();
    (is, radius * (std::f64::consts::TAU * random.uniform()).cos() + if is { apart } else { 0.0 })
}

/// Labels until the candidate is called worse in its ranking, looked at every 1,000; `None` if it is not.
fn labels_until_worse(random: &mut Random, apart: [f64; 2], share: f64, most: usize) -> Option<usize> {
    let mut arms = [(); 2].map(|()| Labelled::new(Measure::Ranking));
    let alpha = Alpha { worse: 0.05, not_worse: 0.05 };
    (1..=most).find(|labels| {
        let arm = usize::from(random.uniform() >= share);
        arms[arm].class(true, Some(ranked(random, apart[arm])));
        let losses = || Losses { candidate: arms[0].loss(), incumbent: arms[1].loss() };
        labels % 1_000 == 0 && losses().verdict(alpha) == Verdict::Worse
    })
}

/// Areas of 0.76 and 0.71.
const APART: [f64; 2] = [0.998_9, 0.782_6];

#[test]
fn a_loss_of_area_is_caught_and_an_equal_one_is_not() {
    let runs = 200;
    let mut random = Random(76);
    let mut until = |apart: [f64; 2], most: usize| -> Vec<usize> {
        let found = (0..runs).filter_map(|_| labels_until_worse(&mut random, apart, 0.25, most));
        let mut found: Vec<usize> = found.collect();
        found.sort_unstable();
        found
    };
    // A quarter of the labels are the candidate's, a quarter of the rows positive.
    let caught = until([APART[1], APART[0]], 25_000);
    assert!(caught.len() * 20 >= runs * 19, "{} of {runs} caught: {caught:?}", caught.len());
    let wrongly = until([APART[0]; 2], 25_000);
    assert!(
        wrongly.len() * 20 <= runs,
        "{} of {runs} equal ones were called worse: {wrongly:?}",
        wrongly.len()
    );
}
