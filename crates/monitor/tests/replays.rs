//! The own rule on replays: worlds that do not change raise nothing, one that changes always does.

use std::collections::BTreeMap;
use std::process::Command;

use modelyard_core::Timestamp;
use modelyard_core::table::{Column, Table};
use modelyard_evaluate::random::Random;
use modelyard_monitor::chunks::{self, How};
use modelyard_monitor::rule::{NoiseFloor, Observation, Rule, State};
use modelyard_monitor::{Pair, Sample, drift, whole};
use serde_json::Value;

const REPLAYS: u64 = 30;
const WEEKS: usize = 17;

/// A column as a monitor keeps it: prepared reference, noise, and what the last windows left.
struct Watched {
    reference: Sample,
    floor: NoiseFloor,
    state: State,
}

impl Watched {
    fn new(column: &Column, chunks: &chunks::Chunks) -> Self {
        let reference = Sample::of(column).expect("a column that is compared").prepare();
        let samples = chunks.samples(column).expect("a column that is compared");
        let floor =
            NoiseFloor::of(drift::effect(reference.kind()), &reference, &samples).expect("chunks enough");
        Self { reference, floor, state: State::default() }
    }

    /// Whether the column has moved after the window.
    fn see(&mut self, start: i64, column: &Column) -> bool {
        let current = Sample::of(column).expect("a column that is compared");
        let Ok(pair) = Pair::new(&self.reference, &current) else {
            return self.state.since().is_some();
        };
        let distance = drift::effect(pair.kind()).score(&pair).expect("a distance");
        let window = Observation { start: Timestamp::from_micros(start), rows: current.rows(), distance };
        let (judgement, state) = Rule::default().judge(&self.floor, &window, &self.state);
        self.state = state;
        judgement.moved
    }
}

/// Columns that differ in kind, skew and number of values, and from week to week a little.
struct World {
    random: Random,
}

impl World {
    fn uniform(&mut self) -> f64 {
        (self.random.bits() >> 11) as f64 / 2.0_f64.powi(53)
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// A week's rows; `shift` moves the columns of which the names say so.
    fn week(&mut self, shift: f64, mood: f64) -> Vec<(&'static str, Column)> {
        let rows = 700 + self.random.below(600);
        let mood = mood * self.normal();
        let mut numbers = |of: &dyn Fn(&mut Self) -> f64| {
            Column::Float((0..rows).map(|_| Some(of(self))).collect::<Vec<_>>())
        };
        let columns = vec![
            ("bell", numbers(&|world| world.normal())),
            ("bell, moved", numbers(&|world| world.normal() + shift)),
            ("skewed", numbers(&|world| world.normal().exp())),
            ("moody", numbers(&|world| world.normal() + mood)),
        ];
        let hours = Column::Int((0..rows).map(|_| Some((self.uniform().sqrt() * 24.0) as i64)).collect());
        let mut places = |power: f64| {
            let place = |u: f64| format!("place {}", (40.0 * u.powf(power)) as u32);
            Column::String((0..rows).map(|_| Some(place(self.uniform()))).collect())
        };
        let places = [("place", places(3.0)), ("place, moved", places(3.0 - 3.0 * shift))];
        columns.into_iter().chain([("hour", hours)]).chain(places).collect()
    }
}

/// Names of the columns that had moved after any of the weeks after the reference's, with the week.
fn replay(seed: u64, shift: f64, mood: f64) -> Vec<(&'static str, usize)> {
    let mut world = World { random: Random::new(seed) };
    let mut reference = world.week(0.0, mood);
    let mut times = vec![Some(0); reference[0].1.len()];
    for week in 1..WEEKS {
        for ((_, whole), (_, part)) in reference.iter_mut().zip(world.week(0.0, mood)) {
            whole.append(part);
        }
        times.resize(reference[0].1.len(), Some(week as i64));
    }
    let chunks = chunks::by_time(&times, Timestamp::from_micros(0), 1, 200).expect("chunks enough");
    assert_eq!((chunks.rows.len(), chunks.how), (WEEKS, How::Windows));
    let mut watched: Vec<Watched> =
        reference.iter().map(|(_, column)| Watched::new(column, &chunks)).collect();
    let mut moved = Vec::new();
    for week in 0..WEEKS {
        for ((name, column), watched) in world.week(shift, mood).iter().zip(&mut watched) {
            if watched.see(week as i64, column) {
                moved.push((*name, week));
            }
        }
    }
    moved
}

#[test]
fn a_world_that_does_not_change_raises_nothing() {
    for seed in 0..REPLAYS {
        assert_eq!(replay(seed, 0.0, 0.0), [], "replay {seed}");
    }
}

#[test]
fn a_world_that_changes_raises_an_alarm_in_its_second_week_and_keeps_it() {
    for seed in 0..REPLAYS {
        let moved = replay(seed, 0.3, 0.0);
        for name in ["bell, moved", "place, moved"] {
            let weeks: Vec<usize> =
                moved.iter().filter(|(moved, _)| *moved == name).map(|(_, week)| *week).collect();
            assert_eq!(weeks, (1..WEEKS).collect::<Vec<_>>(), "replay {seed}, {name}");
        }
        assert_eq!(moved.len(), 2 * (WEEKS - 1), "replay {seed}: {moved:?}");
    }
}

/// Where weeks differ, three standard deviations of 17 of them are not known well: some weeks must be above.
#[test]
fn weeks_that_differ_by_themselves_seldom_raise_an_alarm() {
    for mood in [0.1, 0.5] {
        let moved: usize = (0..100).map(|seed| replay(seed, 0.0, mood).len()).sum();
        assert!(moved * 50 < 100 * WEEKS, "mood {mood}: alarms in {moved} of {} weeks", 100 * WEEKS);
    }
}

/// The flights example's year, a column each, and the week of each row, counted from 1 January 2013.
fn year() -> (Vec<i64>, Table) {
    let python = std::env::var("MODELYARD_TEST_PYTHON").expect(
        "MODELYARD_TEST_PYTHON must name a Python with the packages of tests/requirements.txt; `make test` sets it",
    );
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/year.py");
    let output = Command::new(python).arg(script).output().expect("the interpreter starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let year: Value = serde_json::from_slice(&output.stdout).expect("the script prints JSON");
    let times: Vec<i64> = serde_json::from_value(year["time"].clone()).expect("times");
    let weeks = times.iter().map(|time| (time - times[0]) / (7 * 86_400_000_000)).collect();
    let columns: BTreeMap<String, Vec<Value>> =
        serde_json::from_value(year["columns"].clone()).expect("columns");
    let mut table = Table::new();
    for (name, values) in columns {
        let column = if values.iter().any(Value::is_string) {
            Column::String(values.iter().map(|value| value.as_str().map(str::to_owned)).collect())
        } else {
            Column::Float(values.iter().map(Value::as_f64).collect())
        };
        table.push(name, column);
    }
    (weeks, table)
}

#[test]
fn summer_is_not_winter_in_the_flights_example() {
    let (weeks, table) = year();
    let first_of = |week: i64| weeks.partition_point(|other| *other < week);
    // Train and validation of January to April: nine tenths, by time.
    let reference = table.slice(0, 35_183 * 9 / 10);
    let times: Vec<Option<i64>> = weeks[..reference.rows()].iter().copied().map(Some).collect();
    let chunks = chunks::by_time(&times, Timestamp::from_micros(0), 1, 200).expect("chunks enough");
    let later = 17..=weeks[weeks.len() - 1];

    let mut moved: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for (name, column) in reference.columns() {
        let mut watched = Watched::new(column, &chunks);
        let year = table.column(name).expect("the column");
        let mut see = |week: i64| watched.see(week, &year.slice(first_of(week), first_of(week + 1)));
        assert!((0..17).all(|week| !see(week)), "`{name}` moved before May");
        moved.insert(name, later.clone().filter(|week| see(*week)).collect());
    }
    // Week 19 begins on 14 May; the second week above makes it an alarm, the second below ends it.
    assert_eq!(moved["temp"], (20..=40).collect::<Vec<_>>(), "{moved:?}");
    assert!(moved["dest"].len() > 15, "{moved:?}");

    let part = |from: i64, to: i64| table.slice(first_of(from), first_of(to));
    let area = |window: &Table| whole::tell_apart(&reference, window, 1).expect("an area");
    let (winter, summer) = (area(&part(4, 8)), area(&part(26, 30)));
    assert!(summer.low > 0.9 && winter.high < summer.low, "winter {winter:?}, summer {summer:?}");
    let directions = whole::Pca::fit(&reference).expect("directions");
    let change = |window: &Table| directions.change(window).expect("an error");
    let (winter, summer) = (change(&part(4, 8)), change(&part(26, 30)));
    assert!(summer > 2.0 * winter, "winter {winter}, summer {summer}");
}
