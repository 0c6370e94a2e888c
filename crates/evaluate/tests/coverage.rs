//! Whether 95 % intervals hold the true value in 95 % of samples, by simulation: populations whose
//! true value is known (from a million rows), a thousand samples of a few hundred rows, as windows have them.

use modelyard_core::package::Predictions;
use modelyard_evaluate::{Sample, Truth, compare, interval, metric};

const SAMPLES: u64 = 1_000;
const POPULATION: usize = 1_000_000;
/// With 1,000 samples the share itself has a standard deviation of 0.7 %.
const ACCEPTED: std::ops::RangeInclusive<f64> = 0.93..=0.97;

/// SplitMix64: enough for a simulation, and fixed.
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
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

/// Truth and two models' answers to it.
struct Drawn {
    truth: Truth,
    answers: [Predictions; 2],
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// A fifth to a third of rows are positive; both models see the signal, the second less of it.
fn two_classes(random: &mut Random, rows: usize) -> Drawn {
    two_classes_from(random, rows, 0.0)
}

/// One row in seven is positive.
fn rare_class(random: &mut Random, rows: usize) -> Drawn {
    two_classes_from(random, rows, -0.9)
}

fn two_classes_from(random: &mut Random, rows: usize, shift: f64) -> Drawn {
    let mut labels = Vec::new();
    let mut answers = [(); 2].map(|()| (Vec::new(), Vec::new()));
    for _ in 0..rows {
        let signal = random.normal();
        labels.push(usize::from(random.uniform() < sigmoid(1.2 * signal - 1.0 + shift)));
        for (noise, (predicted, probabilities)) in [0.4, 0.9].into_iter().zip(&mut answers) {
            let p = sigmoid(1.1 * (signal + noise * random.normal()) - 0.9 + shift);
            predicted.push(usize::from(p >= 0.5));
            probabilities.extend([1.0 - p, p]);
        }
    }
    let truth = Truth::Classes { labels, names: vec!["no".into(), "yes".into()], positive: 1 };
    let answers = answers
        .map(|(labels, probabilities)| Predictions::Classes { labels, probabilities: Some(probabilities) });
    Drawn { truth, answers }
}

fn three_classes(random: &mut Random, rows: usize) -> Drawn {
    let mut labels = Vec::new();
    let mut answers = [(); 2].map(|()| (Vec::new(), Vec::new()));
    for _ in 0..rows {
        let label = ((random.uniform() * 5.0) as usize).min(4).saturating_sub(2);
        labels.push(label);
        for (noise, (predicted, probabilities)) in [1.0, 1.5].into_iter().zip(&mut answers) {
            let raw: Vec<f64> = (0..3)
                .map(|class| (f64::from(u8::from(class == label)) + noise * random.normal()).exp())
                .collect();
            let sum: f64 = raw.iter().sum();
            let best = (0..3).max_by(|&a, &b| raw[a].total_cmp(&raw[b])).expect("three classes");
            predicted.push(best);
            probabilities.extend(raw.iter().map(|value| value / sum));
        }
    }
    let truth = Truth::Classes { labels, names: ["a", "b", "c"].map(String::from).to_vec(), positive: 2 };
    let answers = answers
        .map(|(labels, probabilities)| Predictions::Classes { labels, probabilities: Some(probabilities) });
    Drawn { truth, answers }
}

fn numbers(random: &mut Random, rows: usize) -> Drawn {
    let truth: Vec<f64> = (0..rows).map(|_| 50.0 + 10.0 * random.normal()).collect();
    let mut answer = |spread: f64| {
        Predictions::Values(truth.iter().map(|value| value + spread * random.normal() + 1.0).collect())
    };
    let answers = [answer(5.0), answer(6.0)];
    Drawn { truth: Truth::Values(truth), answers }
}

impl Drawn {
    fn sample(&self, model: usize) -> Sample<'_> {
        Sample::new(&self.truth, &self.answers[model]).expect("truth and answers fit")
    }
}

fn check(draw: fn(&mut Random, usize) -> Drawn, rows: usize, intervals: &[&str], differences: &[&str]) {
    let find = |name: &str| metric::lookup(name).expect("a known metric");
    let mut random = Random(rows as u64);
    let population = draw(&mut random, POPULATION);
    let value = |name: &str, model| find(name).score(&population.sample(model)).expect("it is defined");
    let wanted: Vec<f64> = intervals.iter().map(|name| value(name, 0)).collect();
    let wanted_differences: Vec<f64> =
        differences.iter().map(|name| value(name, 0) - value(name, 1)).collect();
    let mut held = vec![0_u64; intervals.len() + differences.len()];
    for seed in 0..SAMPLES {
        let drawn = draw(&mut random, rows);
        let (a, b) = (drawn.sample(0), drawn.sample(1));
        for (place, (name, wanted)) in intervals.iter().zip(&wanted).enumerate() {
            let found = interval::of(find(name), &a, seed).expect("it has an interval");
            held[place] += u64::from(found.low <= *wanted && *wanted <= found.high);
        }
        for (place, (name, wanted)) in differences.iter().zip(&wanted_differences).enumerate() {
            let found = compare::difference(find(name), &a, &b, seed).expect("they differ by something");
            let found = found.interval.expect("it has an interval");
            held[intervals.len() + place] += u64::from(found.low <= *wanted && *wanted <= found.high);
        }
    }
    let names = intervals.iter().map(|name| (*name).to_owned());
    let names = names.chain(differences.iter().map(|name| format!("difference in {name}")));
    let report: Vec<(String, f64)> =
        names.zip(held).map(|(name, held)| (name, held as f64 / SAMPLES as f64)).collect();
    assert!(report.iter().all(|(_, share)| ACCEPTED.contains(share)), "{report:#?}");
}

#[test]
fn intervals_of_two_classes_hold_the_truth() {
    let by_formula = ["accuracy", "precision", "recall", "roc_auc", "log_loss", "brier_score"];
    let resampled = ["f1", "balanced_accuracy", "average_precision", "f1_macro", "precision_weighted"];
    check(two_classes, 300, &[by_formula.as_slice(), &resampled].concat(), &["roc_auc", "f1", "log_loss"]);
}

#[test]
fn intervals_of_a_rare_class_hold_the_truth() {
    let metrics = ["accuracy", "precision", "recall", "roc_auc", "log_loss", "brier_score", "f1"];
    check(rare_class, 600, &[metrics.as_slice(), &["average_precision"]].concat(), &["roc_auc"]);
}

#[test]
fn intervals_of_three_classes_hold_the_truth() {
    check(
        three_classes,
        300,
        &[
            "accuracy",
            "f1_macro",
            "precision_macro",
            "recall_macro",
            "f1_weighted",
            "roc_auc_ovr",
            "log_loss",
        ],
        &["f1_macro", "roc_auc_ovr"],
    );
}

#[test]
fn intervals_of_numbers_hold_the_truth() {
    check(numbers, 200, &["rmse", "mae", "mape", "median_absolute_error", "r2"], &["rmse", "mae", "r2"]);
}

#[test]
fn the_bootstrap_of_many_rows_is_scaled_to_all_of_them() {
    // 200,000 rows have a quarter of the spread of 12,500, though both are resampled.
    let mut random = Random(1);
    let mut width = |rows: usize| {
        let drawn = two_classes(&mut random, rows);
        let found = interval::of(metric::lookup("f1").expect("known"), &drawn.sample(0), 1).expect("defined");
        found.high - found.low
    };
    let ratio = width(200_000) / width(12_500);
    assert!((0.22..0.28).contains(&ratio), "{ratio}");
}
