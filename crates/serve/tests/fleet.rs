//! Fleets: swaps under load, versions that stay until their last answer, shadows that misbehave, and Python
//! workers that leak or hang.

#![allow(clippy::unwrap_used)] // A test may panic.
#![allow(dead_code)] // The other binary's support, of which this one needs a part.

#[path = "serve/same.rs"]
mod same;
#[path = "serve/support.rs"]
mod support;

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use modelyard_core::deploy::state::position;
use modelyard_core::deploy::{EnvironmentState, Phase, Placed, ReleaseId, Role};
use modelyard_core::table::Table;
use modelyard_core::{Clock, Digest, Timestamp};
use modelyard_deploy::package;
use modelyard_serve::fleet::Asking;
use modelyard_serve::request::Question;
use modelyard_serve::{ErrorCode, Fleet, Model, Options, PredictError, request};
use serde_json::{Map, Value};
use support::{Fixture, options};

/// Time that goes on by a microsecond whenever it is asked.
#[derive(Default)]
struct Ticks(AtomicU64);

impl Clock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(1, Ordering::Relaxed) as i64)
    }

    fn entropy(&self) -> u128 {
        u128::from(self.0.fetch_add(1, Ordering::Relaxed))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
    }
}

/// The package of `name` under another digest, as a further version of it would be.
async fn version(name: &str, number: u32) -> Fixture {
    let mut fixture = Fixture::new(name).await;
    fixture.package.manifest.provenance.params.insert("number".to_owned(), number.into());
    write(&mut fixture);
    fixture
}

fn write(fixture: &mut Fixture) {
    let profile = modelyard_core::package::TrainingProfile { version: 1, inputs: vec![], outputs: vec![] };
    let (folder, package) = (fixture.folder.path(), &fixture.package);
    fixture.package = package::write(folder, &package.manifest, &package.golden, &profile).unwrap();
}

async fn open(fixture: &Fixture, options: &Options) -> Model {
    Model::open(&fixture.package, options).await.unwrap_or_else(|fault| panic!("{}", fault.report()))
}

fn placed(package: Digest, number: u32, role: Role, phase: Phase, weight: f64) -> Placed {
    Placed { package, model: "m".to_owned(), number, role, phase, weight }
}

/// Raises a number when it is dropped.
struct Mark(Arc<AtomicUsize>);

impl Drop for Mark {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

type Row = Map<String, Value>;

fn asking(size_bytes: usize) -> Asking<'static> {
    Asking { id: "any", key: None, size_bytes }
}

/// What a protocol would do: the question of a row.
fn reading(row: Row) -> impl Fn(&modelyard_core::package::Signature) -> Result<(Question, ()), PredictError> {
    move |signature| {
        request::question(signature, std::slice::from_ref(&row), false).map(|question| (question, ()))
    }
}

async fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain for: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Which version must answer `key`.
fn routed(state: &EnvironmentState, key: &str) -> u32 {
    let stable = state.stable().unwrap().number;
    match (state.candidate(), state.release) {
        (Some(candidate), Some(release)) if position(release, key) < state.candidate_weight() => {
            candidate.number
        }
        _ => stable,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_swaps_under_load_fail_lose_and_misroute_nothing() {
    let clock = Arc::new(Ticks::default());
    let fleet = Arc::new(Fleet::new(clock.clone()));
    let closed = Arc::new(AtomicUsize::new(0));
    let mut fixtures = Vec::new();
    for number in 1..=3 {
        fixtures.push(version("matrix", number).await);
    }
    let digests: Vec<Digest> = fixtures.iter().map(|fixture| fixture.package.digest()).collect();
    let fixture = Arc::new(fixtures.remove(0));
    let first = open(&fixture, &options()).await;
    fleet.take_in(first, None, Box::new(Mark(closed.clone())));
    let mut opened = 1;

    // Announced before it is followed; how many are followed, after.
    let announced: Arc<Mutex<Vec<EnvironmentState>>> = Arc::default();
    let followed = Arc::new(AtomicUsize::new(0));
    let is_over = Arc::new(AtomicBool::new(false));
    let mut state = EnvironmentState {
        generation: 1,
        release: Some(ReleaseId::new(&*clock)),
        placed: vec![placed(digests[0], 1, Role::Stable, Phase::Serve, 1.0)],
    };
    announced.lock().unwrap().push(state.clone());
    assert!(fleet.follow(&state));
    followed.store(1, Ordering::SeqCst);

    let callers: Vec<_> = (0..16)
        .map(|caller| {
            let (fleet, fixture, announced, followed, is_over) =
                (fleet.clone(), fixture.clone(), announced.clone(), followed.clone(), is_over.clone());
            tokio::spawn(async move {
                let mut answered = 0_u64;
                while !is_over.load(Ordering::Relaxed) {
                    let key = format!("{caller}/{answered}");
                    let place = (caller + answered as usize * 7) % fixture.rows.len();
                    let from = followed.load(Ordering::SeqCst) - 1;
                    let turn = fleet.turn(&key).unwrap();
                    let number = turn.number().unwrap();
                    let until = announced.lock().unwrap().len();
                    let asked = turn.ask(asking(0), reading(fixture.rows[place].clone())).await;
                    let wanted: Vec<_> = announced.lock().unwrap()[from..until]
                        .iter()
                        .map(|state| routed(state, &key))
                        .collect();
                    assert!(wanted.contains(&number), "{key}: answered by {number}, wanted {wanted:?}");
                    let got = asked.unwrap().0.answer(0, &fixture.package.manifest.classes);
                    assert_eq!(got.prediction, fixture.answers[place].prediction);
                    answered += 1;
                }
                answered
            })
        })
        .collect();

    for swap in 0..300_usize {
        let (stable, candidate) = (swap % 3, (swap + 1) % 3);
        // Loaded anew where an earlier swap had it closed.
        for place in [stable, candidate] {
            if !fleet.loaded().contains(&digests[place]) {
                let fixture = if place == 0 { &*fixture } else { &fixtures[place - 1] };
                let model = open(fixture, &options()).await;
                fleet.take_in(model, None, Box::new(Mark(closed.clone())));
                opened += 1;
            }
        }
        state.generation += 1;
        state.release = Some(ReleaseId::new(&*clock));
        let weight = (swap % 11) as f64 / 10.0;
        state.placed = vec![
            placed(digests[stable], stable as u32 + 1, Role::Stable, Phase::Serve, 1.0 - weight),
            placed(digests[candidate], candidate as u32 + 1, Role::Candidate, Phase::Serve, weight),
        ];
        announced.lock().unwrap().push(state.clone());
        assert!(fleet.follow(&state));
        followed.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    is_over.store(true, Ordering::Relaxed);
    let mut answered = 0;
    for caller in callers {
        answered += caller.await.unwrap();
    }
    let counts = fleet.counts();
    assert_eq!(counts.values().map(|counts| counts.answered).sum::<u64>(), answered);
    assert_eq!(counts.values().map(|counts| counts.rows).sum::<u64>(), answered);
    assert!(counts.values().all(|counts| counts.failed + counts.refused == 0 && counts.answered > 0));
    assert!(counts.values().all(|counts| counts.latency.iter().sum::<u64>() == counts.answered));
    // Three classes: every answer in its own, none in the last.
    assert!(counts.values().all(|counts| counts.outputs.iter().sum::<u64>() == counts.answered));
    assert!(counts.values().all(|counts| counts.outputs.last() == Some(&0)));
    let served = fleet.served();
    assert!(served.windows(2).all(|pair| pair[0].generation <= pair[1].generation));
    assert!(served.iter().all(|span| span.first <= span.last));
    fleet.close().await;
    assert_eq!(closed.load(Ordering::Relaxed), opened);
}

/// A training profile whose answers lay between `edges`.
fn profile(edges: [f64; 4]) -> modelyard_core::package::TrainingProfile {
    let numbers = serde_json::json!({
        "min": edges[0], "max": edges[3], "mean": 0.0, "standard_deviation": 0.0, "quantiles": [],
        "edges": edges, "counts": [0, 0, 0],
    });
    let column =
        serde_json::json!({"name": "y", "type": "float", "nulls": 0, "distinct": 0, "numbers": numbers});
    serde_json::from_value(serde_json::json!({"version": 1, "inputs": [], "outputs": [column]})).unwrap()
}

#[tokio::test]
async fn a_candidate_is_counted_by_the_incumbents_bins_too() {
    let clock = Arc::new(Ticks::default());
    let fleet = Fleet::new(clock.clone());
    let (one, two) = (version("single", 1).await, version("single", 2).await);
    let [first, second] = [&one, &two].map(|fixture| fixture.package.digest());
    let state = |stable, beside: Option<(Digest, Role)>, generation| EnvironmentState {
        generation,
        release: Some(ReleaseId::new(&*clock)),
        placed: [Some(placed(stable, 1, Role::Stable, Phase::Serve, 0.0))]
            .into_iter()
            .chain([beside.map(|(package, role)| placed(package, 2, role, Phase::Serve, 1.0))])
            .flatten()
            .collect(),
    };
    // The answers of rows n are n + n / 7.
    fleet.take_in(open(&one, &options()).await, Some(&profile([0.0, 2.0, 6.0, 30.0])), Box::new(()));
    fleet.take_in(open(&two, &options()).await, Some(&profile([2.0, 4.0, 8.0, 100.0])), Box::new(()));
    assert!(fleet.follow(&state(first, Some((second, Role::Candidate)), 1)));
    for row in one.rows.iter().take(8) {
        fleet.turn("any").unwrap().ask(asking(0), reading(row.clone())).await.unwrap();
    }
    let counted = fleet.counts().remove(&second).unwrap();
    assert_eq!(counted.outputs, [2, 3, 1, 2]);
    assert_eq!(counted.outputs_beside, [(first, vec![2, 4, 2, 0])].into());
    // A further generation counts on; an incumbent is compared with nobody.
    assert!(fleet.follow(&state(first, Some((second, Role::Candidate)), 2)));
    fleet.turn("any").unwrap().ask(asking(0), reading(one.rows[0].clone())).await.unwrap();
    assert_eq!(fleet.counts()[&second].outputs_beside, [(first, vec![3, 4, 2, 0])].into());
    assert!(fleet.follow(&state(second, Some((first, Role::Candidate)), 3)));
    assert!(fleet.counts()[&second].outputs_beside.is_empty());
    assert_eq!(fleet.counts()[&first].outputs_beside, [(second, vec![0; 4])].into());
    fleet.close().await;
}

#[tokio::test]
async fn a_version_that_left_stays_until_its_last_request_is_answered() {
    let fleet = Fleet::new(Arc::new(Ticks::default()));
    let (one, two) = (version("matrix", 1).await, version("matrix", 2).await);
    let closed = Arc::new(AtomicUsize::new(0));
    for fixture in [&one, &two] {
        fleet.take_in(open(fixture, &options()).await, None, Box::new(Mark(closed.clone())));
    }
    let serving = |fixture: &Fixture, number, generation| EnvironmentState {
        generation,
        release: None,
        placed: vec![placed(fixture.package.digest(), number, Role::Stable, Phase::Serve, 1.0)],
    };
    let mut both = serving(&one, 1, 1);
    both.placed.push(placed(two.package.digest(), 2, Role::Stable, Phase::Warm, 0.0));
    assert!(fleet.follow(&both));
    let turn = fleet.turn("a").unwrap();
    assert!(fleet.follow(&serving(&two, 2, 2)));
    assert_eq!(fleet.turn("a").unwrap().number(), Some(2));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(closed.load(Ordering::Relaxed), 0);
    assert!(turn.ask(asking(0), reading(one.rows[0].clone())).await.is_ok());
    assert_eq!(turn.number(), Some(1));
    drop(turn);
    wait_for("the first version is closed", || closed.load(Ordering::Relaxed) == 1).await;

    // What is not loaded: the incumbent stays, a candidate gets nothing.
    assert!(!fleet.follow(&serving(&one, 1, 3)));
    assert_eq!((fleet.generation(), fleet.turn("a").unwrap().number()), (2, Some(2)));
    let mut with_candidate = serving(&two, 2, 4);
    with_candidate.release = Some(ReleaseId::new(&Ticks::default()));
    with_candidate.placed.push(placed(one.package.digest(), 1, Role::Candidate, Phase::Serve, 1.0));
    assert!(fleet.follow(&with_candidate));
    assert_eq!(fleet.turn("a").unwrap().number(), Some(2));
    // Back again, it counts on.
    fleet.take_in(open(&one, &options()).await, None, Box::new(()));
    assert!(fleet.follow(&with_candidate));
    let turn = fleet.turn("a").unwrap();
    assert_eq!(turn.number(), Some(1));
    turn.ask(asking(0), reading(one.rows[0].clone())).await.unwrap();
    assert_eq!(fleet.counts()[&one.package.digest()].answered, 2);

    // Nothing is deployed any more.
    assert!(fleet.follow(&EnvironmentState { generation: 5, ..EnvironmentState::default() }));
    assert_eq!(fleet.turn("a").err().unwrap().code, ErrorCode::NotReady);
}

#[tokio::test]
async fn what_left_long_ago_is_no_longer_counted() {
    let fleet = Fleet::new(Arc::new(Ticks::default()));
    let mut last = None;
    for number in 1..=12 {
        let fixture = version("single", number).await;
        let package = fixture.package.digest();
        fleet.take_in(open(&fixture, &options()).await, None, Box::new(()));
        let placed = vec![placed(package, number, Role::Stable, Phase::Serve, 1.0)];
        assert!(fleet.follow(&EnvironmentState { generation: number.into(), release: None, placed }));
        last = Some(package);
    }
    let counts = fleet.counts();
    assert_eq!(counts.len(), 9);
    assert!(counts.contains_key(&last.unwrap()));
    fleet.close().await;
}

/// A row of the shadow's with `word`, and a good one for everybody else.
fn reading_for(
    words: &Fixture,
    word: Option<&'static str>,
    row: Row,
) -> impl Fn(&modelyard_core::package::Signature) -> Result<(Question, ()), PredictError> + use<> {
    let mut copy = words.rows[0].clone();
    if let Some(word) = word {
        copy.insert("word".to_owned(), word.into());
    }
    move |signature| {
        let row = if signature.inputs[0].name == "word" { &copy } else { &row };
        request::question(signature, std::slice::from_ref(row), false).map(|question| (question, ()))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shadow_that_answers_otherwise_hangs_or_dies_costs_no_answer() {
    let (stable, words) = (version("matrix", 1).await, version("words", 2).await);
    let mut impatient = options();
    impatient.python.as_mut().unwrap().patience = Duration::from_secs(1);
    for (word, copies) in [(None, 300), (Some("hang"), 4_000), (Some("die"), 4_000)] {
        let fleet = Fleet::new(Arc::new(Ticks::default()));
        let closed = Arc::new(AtomicUsize::new(0));
        fleet.take_in(open(&stable, &options()).await, None, Box::new(()));
        fleet.take_in(open(&words, &impatient).await, None, Box::new(Mark(closed.clone())));
        let shadow = words.package.digest();
        let mut state = EnvironmentState {
            generation: 1,
            release: Some(ReleaseId::new(&Ticks::default())),
            placed: vec![
                placed(stable.package.digest(), 1, Role::Stable, Phase::Serve, 1.0),
                placed(shadow, 2, Role::Shadow, Phase::Serve, 1.0),
            ],
        };
        assert!(fleet.follow(&state));
        let mut slowest = Duration::ZERO;
        for asked in 0..copies {
            let row = stable.rows[asked % stable.rows.len()].clone();
            let began = Instant::now();
            let turn = fleet.turn(&asked.to_string()).unwrap();
            assert_eq!(turn.number(), Some(1));
            turn.ask(asking(100), reading_for(&words, word, row)).await.unwrap();
            slowest = slowest.max(began.elapsed());
        }
        let counted = || fleet.counts()[&shadow].clone();
        assert_eq!(fleet.counts()[&stable.package.digest()].answered, copies as u64);
        assert!(slowest < Duration::from_millis(900), "{word:?}: an answer took {slowest:?}");
        match word {
            None => {
                wait_for("all copies are answered", || counted().answered == copies as u64).await;
                assert_eq!((counted().different, counted().dropped), (copies as u64, 0));
            }
            Some(_) => {
                wait_for("a copy failed", || counted().failed > 0).await;
                assert!(counted().dropped > 0 && counted().restarts > 0, "{:?}", counted());
            }
        }
        // What nobody got is in no history.
        assert!(fleet.served().iter().all(|span| span.package != shadow));
        state.generation = 2;
        state.placed.truncate(1);
        assert!(fleet.follow(&state));
        wait_for("the shadow is closed", || closed.load(Ordering::Relaxed) == 1).await;
        fleet.close().await;
    }
}

/// A copy of `words` whose script does something else with some words.
async fn with_habits(number: u32) -> Fixture {
    let mut fixture = version("words", number).await;
    let path = fixture.folder.path().join("model/predict.py");
    let script = std::fs::read_to_string(&path).unwrap();
    let habits = "        if word == \"leak\":\n            state[\"leak\"] = b\"x\" * 400_000_000\n            \
                  time.sleep(3)\n        if word == \"die\":\n";
    assert!(script.contains("        if word == \"die\":\n"));
    std::fs::write(path, script.replace("        if word == \"die\":\n", habits)).unwrap();
    write(&mut fixture);
    fixture
}

fn spoken(fixture: &Fixture, word: &str) -> Table {
    let mut row = fixture.rows[0].clone();
    row.insert("word".to_owned(), word.into());
    fixture.table(&[row])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_leaks_is_ended_and_replaced() {
    let fixture = with_habits(1).await;
    let mut limited = options();
    limited.python.as_mut().unwrap().memory_bytes = Some(300_000_000);
    let model = open(&fixture, &limited).await;
    let error = model.predict(spoken(&fixture, "leak")).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Inference);
    let ended = "MB of memory, more than the 300 MB that it may, `limits.memory`)";
    assert!(error.message.ends_with(ended), "{}", error.message);
    let predictions = model.predict(fixture.table(&fixture.rows[..3])).await.unwrap();
    same::same(&model, &predictions, &fixture.answers[..3]);
    // A lost row is tried once more: it may have been innocent.
    assert_eq!(model.restarts().unwrap().load(Ordering::Relaxed), 2);
    model.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_workers_hang_in_a_row_requests_are_refused_at_once() {
    let fixture = version("words", 1).await;
    let mut impatient = options();
    impatient.python.as_mut().unwrap().patience = Duration::from_secs(1);
    let model = open(&fixture, &impatient).await;
    for _ in 0..2 {
        let error = model.predict(spoken(&fixture, "hang")).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Timeout);
    }
    let began = Instant::now();
    let error = model.predict(fixture.table(&fixture.rows[..1])).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::NotReady);
    assert!(began.elapsed() < Duration::from_millis(500));
    // Tried again after a pause.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let predictions = model.predict(fixture.table(&fixture.rows[..3])).await.unwrap();
    same::same(&model, &predictions, &fixture.answers[..3]);
    assert_eq!(model.restarts().unwrap().load(Ordering::Relaxed), 2);
    model.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_gives_up_waiting_is_counted_with_the_time_that_was_waited() {
    let fleet = Fleet::new(Arc::new(Ticks::default()));
    let words = version("words", 1).await;
    let package = words.package.digest();
    fleet.take_in(open(&words, &options()).await, None, Box::new(()));
    assert!(fleet.follow(&EnvironmentState {
        generation: 1,
        release: None,
        placed: vec![placed(package, 1, Role::Stable, Phase::Serve, 1.0)],
    }));
    let turn = fleet.turn("a").unwrap();
    turn.ask(asking(0), reading_for(&words, None, Row::new())).await.unwrap();
    let counted = || {
        let counts = fleet.counts()[&package].clone();
        (counts.answered, counts.refused, counts.failed, counts.latency.iter().sum::<u64>())
    };
    assert_eq!(counted(), (1, 0, 0, 1));
    let asked = turn.ask(asking(0), reading_for(&words, Some("hang"), Row::new()));
    assert!(tokio::time::timeout(Duration::from_secs(2), asked).await.is_err());
    assert_eq!(counted(), (1, 0, 1, 2));
    let version = &fleet.versions()[0];
    assert!(version.codes.contains(&(ErrorCode::GivenUp, 1)), "{:?}", version.codes);
    assert!(version.latency_sum_us >= 2_000_000, "{} µs", version.latency_sum_us);
}
