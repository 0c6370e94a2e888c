//! What sketches say against what rows say: the exact value lies within the bounds, the bounds are narrow, and
//! merging in another order or grouping changes neither.

use modelyard_evaluate::random::Random;
use modelyard_monitor::drift::{self, DriftTest};
use modelyard_monitor::sketch::{self, Sketch};
use modelyard_monitor::{Categories, Numbers, Pair, Sample};

/// Rows of one piece, as a window is read.
const PIECE: usize = 10_000;

fn uniform(random: &mut Random) -> f64 {
    (random.bits() >> 11) as f64 / (1_u64 << 53) as f64
}

fn normal(random: &mut Random) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(random)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(random)).cos()
}

fn draw(rows: usize, seed: u64, of: impl Fn(&mut Random) -> f64) -> Vec<f64> {
    let mut random = Random::new(seed);
    (0..rows).map(|_| of(&mut random)).collect()
}

fn numbers(values: &[f64]) -> Sample {
    Sample::Numbers(Numbers::new(values.to_vec()))
}

/// Piece by piece, then merged by twos.
fn sketched(values: &[f64]) -> Sketch {
    let mut parts: Vec<Sketch> =
        values.chunks(PIECE).map(|piece| Sketch::of(&numbers(piece)).expect("numbers")).collect();
    while parts.len() > 1 {
        parts = parts
            .chunks(2)
            .map(|pair| {
                let mut merged = pair[0].clone();
                pair[1..].iter().for_each(|other| merged.merge(other).expect("of one kind"));
                merged
            })
            .collect();
    }
    parts.remove(0)
}

/// How wide the bounds may be: those of Wasserstein follow the range, those of the others the bins' shares, and where
/// a logarithm is taken of nearly empty bins they are wide.
fn widest(test: &str) -> f64 {
    match test {
        "wasserstein" => 0.1,
        "jensenshannon" | "hellinger" => 0.15,
        "psi" | "kl_div" => 1.0,
        _ => 1.0,
    }
}

fn check(what: &str, before: &[f64], now: &[f64]) {
    let (reference, current) = (numbers(before), numbers(now));
    let pair = Pair::new(&reference, &current).expect("both have values");
    let (before, now) = (sketched(before), sketched(now));
    for test in drift::ALL.iter().filter(|test| test.fits(pair.kind())) {
        let exact = test.score(&pair).expect("numbers are compared");
        let Ok(found) = sketch::score(*test, &before, &now) else {
            assert_eq!(test.name(), "hellinger", "{what}");
            continue;
        };
        let slack = 1e-9 * exact.max(1.0);
        let holds = found.low - slack <= exact && exact <= found.high + slack;
        assert!(holds, "{what}, {}: {found:?}, exact {exact}", test.name());
        assert!(found.high - found.low <= widest(test.name()), "{what}, {}: {found:?}", test.name());
    }
}

#[test]
fn the_exact_value_lies_within_narrow_bounds() {
    let rows = 200_000;
    let usual = draw(rows, 1, normal);
    check("unchanged", &usual, &draw(rows, 2, normal));
    check("shifted", &usual, &draw(90_000, 3, |random| normal(random) + 0.3));
    check("spread", &usual, &draw(rows, 4, |random| 1.5 * normal(random)));
    check("a reference of few rows", &draw(3_000, 5, normal), &draw(rows, 6, |random| normal(random) - 0.1));
    check("uniform", &draw(rows, 7, uniform), &draw(rows, 8, |random| uniform(random).powf(1.2)));
}

#[test]
fn few_different_values_are_exact() {
    let of = |count: f64, seed| draw(120_000, seed, move |random| (uniform(random) * count).floor());
    for (count, other) in [(7.0, 7.0), (7.0, 9.0), (300.0, 310.0)] {
        let (before, now) = (of(count, 1), of(other, 2));
        let (reference, current) = (numbers(&before), numbers(&now));
        let pair = Pair::new(&reference, &current).unwrap();
        let (before, now) = (sketched(&before), sketched(&now));
        for test in drift::ALL.iter().filter(|test| test.fits(pair.kind())) {
            let (found, exact) = (sketch::score(*test, &before, &now).unwrap(), test.score(&pair).unwrap());
            assert!(found.is_exact(), "{}: {found:?}", test.name());
            assert!((found.value - exact).abs() < 1e-9, "{}: {found:?}, exact {exact}", test.name());
        }
    }
}

#[test]
fn merging_in_another_order_gives_the_same_within_the_error() {
    let parts: Vec<Vec<f64>> =
        (0..9).map(|part| draw(30_000, part, |random| normal(random) + part as f64)).collect();
    let all: Vec<f64> = parts.concat();
    let sketches: Vec<Sketch> = parts.iter().map(|part| sketched(part)).collect();
    let merged = |order: &mut dyn Iterator<Item = usize>| {
        let mut found = sketches[order.next().unwrap()].clone();
        order.for_each(|place| found.merge(&sketches[place]).unwrap());
        found
    };
    let mut halves = merged(&mut (0..4));
    halves.merge(&merged(&mut (4..9))).unwrap();
    let exact = Numbers::new(all.clone());
    for sketch in [merged(&mut (0..9)), merged(&mut (0..9).rev()), halves, sketched(&all)] {
        let Sketch::Numbers(sketch) = sketch else { panic!("{sketch:?}") };
        assert_eq!((sketch.rows(), sketch.range()), (exact.len() as u64, exact.range()));
        assert!((sketch.standard_deviation() - exact.standard_deviation()).abs() < 1e-9);
        for percent in 1..100 {
            let share = f64::from(percent) / 100.0;
            let value = sketch.quantile(share).unwrap();
            let below = exact.sorted().partition_point(|known| *known <= value) as f64 / exact.len() as f64;
            assert!((below - share).abs() <= sketch.rank_error(), "{percent} %: {below}");
        }
    }
}

#[test]
fn categories_are_counted_up_to_a_bound_and_then_the_frequent_ones() {
    let test: &dyn DriftTest = drift::lookup("jensenshannon").unwrap();
    let of = |different: usize, seed: u64| {
        let mut random = Random::new(seed);
        // The value 0 in every third row.
        let names: Vec<String> = (0..60_000)
            .map(|row| if row % 3 == 0 { 0 } else { random.below(different) })
            .map(|name| name.to_string())
            .collect();
        let sample = |names: &[String]| {
            Sample::Categories(Categories::new(names.iter().map(|name| Some(name.as_str()))))
        };
        let mut merged = Sketch::of(&sample(&names[..20_000])).unwrap();
        merged.merge(&Sketch::of(&sample(&names[20_000..])).unwrap()).unwrap();
        (sample(&names), merged)
    };
    let ((before, reference), (now, current)) = (of(1_000, 1), of(1_200, 2));
    let exact = test.score(&Pair::new(&before, &now).unwrap()).unwrap();
    let found = sketch::score(test, &reference, &current).unwrap();
    assert!(found.is_exact() && (found.value - exact).abs() < 1e-12, "{found:?}, exact {exact}");

    let (all, many) = of(50_000, 3);
    let reason = sketch::score(test, &reference, &many).unwrap_err().to_string();
    assert_eq!(reason, "there are too many different values to compare them");
    let (Sketch::Categories(many), Sample::Categories(all)) = (many, all) else { panic!("numbers") };
    let frequent = many.frequent();
    assert_eq!((frequent[0].value.as_str(), many.rows()), ("0", 60_000));
    let real = all.counts()["0"];
    assert!((frequent[0].at_least..=frequent[0].at_most).contains(&real), "{:?}, really {real}", frequent[0]);
}

#[test]
fn a_sketch_survives_being_stored_and_other_kinds_are_refused() {
    let words = Sketch::of(&Sample::Categories(Categories::new([Some("a"), None, Some("b")]))).unwrap();
    let mut long = sketched(&draw(100_000, 1, normal));
    for sketch in [&words, &long] {
        let stored = serde_json::to_string(sketch).unwrap();
        let read: Sketch = serde_json::from_str(&stored).unwrap();
        assert_eq!((read.rows(), read.missing()), (sketch.rows(), sketch.missing()));
        assert_eq!(serde_json::to_string(&read).unwrap(), stored);
    }
    let reason = long.merge(&words).unwrap_err().to_string();
    assert_eq!(reason, "the column was numeric and is categorical now");
    assert!(serde_json::from_str::<Sketch>(r#"{"kind":"categories","items":"AAAA","missing":0}"#).is_err());
}
