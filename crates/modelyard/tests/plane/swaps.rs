//! Swaps by the hundred under load: no answer fails, is lost, or comes from another version than the state
//! says.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use modelyard_core::deploy::environment::Limits;
use modelyard_core::deploy::state::position;
use modelyard_core::deploy::{EnvironmentState, Phase, Role};
use serde_json::{Value, json};

use crate::common::Example;
use crate::common::truth::Truth;
use crate::stage::Stage;

/// Which version must answer `key`.
fn routed(state: &EnvironmentState, key: &str) -> u32 {
    match (state.candidate(), state.release) {
        (Some(candidate), Some(release)) if position(release, key) < state.candidate_weight() => {
            candidate.number
        }
        _ => state.stable().unwrap().number,
    }
}

#[test]
fn a_hundred_swaps_under_sixteen_connections() {
    let mut stage = Stage::new(Example::Wine, Limits::default(), &[]);
    let truth = Truth::of(&stage.project);
    stage.further(|_| {});
    stage.further(|_| {});
    stage.serve(1, &[]);
    let server = stage.start(&[]);
    stage.is_followed();

    // Announced before it is written; how many are followed for sure, after it was reported.
    let announced = Mutex::new(vec![stage.environment.state.clone()]);
    let followed = AtomicUsize::new(1);
    let (is_over, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for caller in 0..16_usize {
            let (server, truth, announced, followed, is_over, answered) =
                (&server, &truth, &announced, &followed, &is_over, &answered);
            scope.spawn(move || {
                let mut client = server.client();
                for turn in 0_usize.. {
                    if is_over.load(Ordering::SeqCst) {
                        return;
                    }
                    let row = (caller + turn * 7) % truth.rows.len();
                    let key = format!("{caller}-{turn}");
                    // Some are routed by a key of their own, the others by their id.
                    let header = if turn % 2 == 0 { "x-modelyard-key" } else { "x-modelyard-id" };
                    let from = followed.load(Ordering::SeqCst) - 1;
                    let body = json!(truth.rows[row]).to_string();
                    let headers = format!("{header}: {key}\r\n");
                    let answer =
                        client.ask("POST", "/predict/wine-cultivar", &headers, body.as_bytes()).unwrap().ok();
                    let wanted: Vec<Value> = announced.lock().unwrap()[from..]
                        .iter()
                        .map(|state| json!(routed(state, &key)))
                        .collect();
                    assert!(wanted.contains(&answer["version"]), "{key}: {answer}, wanted {wanted:?}");
                    truth.python[row].check(&answer);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for swap in 0..100_u32 {
            let (stable, candidate, other) = (swap % 3 + 1, (swap + 1) % 3 + 1, (swap + 2) % 3 + 1);
            let weight = f64::from(swap % 11) / 10.0;
            let mut placed = vec![
                stage.placed(stable, Role::Stable, Phase::Serve, 1.0 - weight),
                stage.placed(candidate, Role::Candidate, Phase::Serve, weight),
            ];
            // Every tenth swap one version leaves, and is loaded anew by the next.
            if swap % 10 != 9 {
                placed.push(stage.placed(other, Role::Stable, Phase::Warm, 0.0));
            }
            // Loaded before it gets traffic, as a release would.
            let mut loading = placed.clone();
            loading.iter_mut().filter(|placed| placed.role == Role::Candidate).for_each(|placed| {
                placed.phase = Phase::Load;
                placed.weight = 0.0;
            });
            if swap % 10 == 0 {
                let state = stage.next(loading);
                announced.lock().unwrap().push(state.clone());
                stage.want(state);
                stage.is_followed();
                followed.fetch_add(1, Ordering::SeqCst);
            }
            let state = stage.next(placed);
            announced.lock().unwrap().push(state.clone());
            stage.want(state);
            stage.is_followed();
            followed.fetch_add(1, Ordering::SeqCst);
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let answered = answered.load(Ordering::Relaxed);
    assert!(answered > 1_000, "{answered}");
    server.end();
    let mut server = server;
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    let report = stage.report("its end", |report| report.ending);
    let counted =
        |what: fn(&modelyard_core::deploy::Counts) -> u64| report.counts.values().map(what).sum::<u64>();
    assert_eq!(counted(|counts| counts.answered), answered);
    assert_eq!(counted(|counts| counts.failed + counts.refused), 0);
    // Every span that answered is known to the home, and each was a wanted one.
    let announced = announced.into_inner().unwrap();
    let served = stage.served();
    assert!(served.len() > 100, "{}", served.len());
    for (generation, package) in served {
        let state = announced.iter().find(|state| state.generation == generation).unwrap();
        assert!(state.placed.iter().any(|placed| placed.package == package && placed.phase == Phase::Serve));
    }
}
