//! Whatever is seen, in whatever order: a release's moves keep their promises.

use std::collections::BTreeMap;

use modelyard_core::deploy::{
    Counts, Environment, EnvironmentState, Judge, Phase, Placed, Release, ReleaseId, ReleaseKind,
    ReleaseStatus, ReplicaReport, Role, StrategyKind, Wish,
};
use modelyard_core::{Clock, Digest, Timestamp};
use modelyard_lifecycle::deploy::judge::{self, Findings};
use modelyard_lifecycle::deploy::moves::{self, Moved};
use modelyard_lifecycle::deploy::{Tested, View};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::rig::{id, machine, spec, strategy};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(0)
    }

    fn entropy(&self) -> u128 {
        7
    }
}

fn package(number: u8) -> Digest {
    Digest::of(&[number])
}

fn placed(number: u8, phase: Phase, weight: f64) -> Placed {
    Placed {
        package: package(number),
        model: "late".into(),
        number: number.into(),
        role: Role::Stable,
        phase,
        weight,
    }
}

/// Of version 2, while version 1 serves and version 3 is warm.
pub(crate) fn release(kind: StrategyKind) -> Release {
    let before = EnvironmentState {
        generation: 4,
        release: None,
        placed: vec![placed(1, Phase::Serve, 1.0), placed(3, Phase::Warm, 0.0)],
    };
    Release {
        version: 1,
        id: ReleaseId::new(&Fixed),
        environment: id("production"),
        kind: ReleaseKind::Release,
        model: "late".into(),
        number: 2,
        package: package(2),
        strategy: strategy(kind),
        status: ReleaseStatus::Waiting,
        step: 0,
        step_since: Timestamp::from_micros(0),
        step_counts: BTreeMap::new(),
        slow: None,
        before,
        by: "ada".into(),
        cause: "asked for".into(),
        began_at: Timestamp::from_micros(0),
        ended_at: None,
        decisions: Vec::new(),
        report: None,
        passed: None,
        reason: None,
        wish: None,
        wished_by: None,
        facts: None,
    }
}

/// What happens between two looks.
#[derive(Clone, Debug)]
struct Event {
    /// Seconds; the clock may go back.
    passes: i32,
    /// Of each replica: how far behind it is, whether it has everything ready, whether version 2 failed.
    replicas: Vec<(u64, bool, bool)>,
    /// Requests and failed ones, of version 1 and 2.
    requests: [(u16, u16); 2],
    wish: Option<Wish>,
    missing: bool,
    tested: Option<bool>,
    trouble: bool,
    rejected: bool,
    replacing: bool,
}

fn event() -> impl Strategy<Value = Event> {
    let wish = prop_oneof![Just(Wish::Pause), Just(Wish::Resume), Just(Wish::Promote), Just(Wish::Abort)];
    let replica =
        (prop_oneof![8 => Just(0_u64), 1 => 1..3_u64], prop::bool::weighted(0.9), prop::bool::weighted(0.02));
    let requests = (0..3_000_u16, prop_oneof![3 => Just(0_u16), 1 => 0..300_u16]);
    (
        -200..400_i32,
        vec(replica, 0..4),
        [requests.clone(), requests],
        option::weighted(0.1, wish),
        prop::bool::weighted(0.3),
        option::of(prop::bool::weighted(0.7)),
        prop::bool::weighted(0.05),
        prop::bool::weighted(0.03),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(passes, replicas, requests, wish, missing, tested, trouble, rejected, replacing)| {
            Event { passes, replicas, requests, wish, missing, tested, trouble, rejected, replacing }
        })
}

struct World {
    environment: Environment,
    release: Release,
    counts: BTreeMap<Digest, Counts>,
    now: i64,
}

impl World {
    fn new(kind: StrategyKind, first: bool, tests: bool) -> Self {
        let mut release = release(kind);
        if first {
            release.before = EnvironmentState::default();
        }
        let mut spec = spec(release.strategy.clone());
        spec.tests.on = tests;
        let mut environment = Environment::new(id("production"), spec);
        environment.state = release.before.clone();
        environment.release = Some(release.id);
        Self { environment, release, counts: BTreeMap::new(), now: 1_000_000_000_000 }
    }

    fn view(&mut self, event: &Event) -> View {
        for (number, (requests, failed)) in [1, 2].into_iter().zip(event.requests) {
            let serves = self
                .environment
                .state
                .placed
                .iter()
                .any(|placed| placed.package == package(number) && placed.phase == Phase::Serve);
            if serves {
                let counts = self.counts.entry(package(number)).or_default();
                let failed = failed.min(requests);
                counts.failed += u64::from(failed);
                counts.answered += u64::from(requests - failed);
                counts.rows = counts.answered;
                counts.latency.resize(77, 0);
                counts.latency[20] += u64::from(requests - failed);
                counts.outputs = vec![counts.answered / 2, counts.answered - counts.answered / 2];
            }
        }
        let state = &self.environment.state;
        let live = event.replicas.iter().zip(0..).map(|((behind, ready, failed), replica)| ReplicaReport {
            version: 1,
            environment: self.environment.id.clone(),
            replica,
            boot: "boot".into(),
            sequence: 1,
            at: Timestamp::from_micros(self.now),
            pid: 1,
            program: None,
            listen: String::new(),
            generation: state.generation.saturating_sub(*behind),
            ready: if *ready { state.wanted().map(|placed| placed.package).collect() } else { Vec::new() },
            startup_secs: BTreeMap::new(),
            failed: if *failed { [(package(2), "no".to_owned())].into() } else { BTreeMap::new() },
            counts: BTreeMap::new(),
            served: Vec::new(),
            cpu_secs: 0.0,
            memory_bytes: 0,
            ending: false,
        });
        let facts = modelyard_core::deploy::Facts::of(&self.environment.spec, machine().program, None);
        View {
            live: live.collect(),
            counts: self.counts.clone(),
            missing: event.missing.then(|| "1 of 1 approval is missing".to_owned()),
            tested: event.tested.map(|passed| {
                Ok(Tested { report: Digest::of(b""), passed, failures: Vec::new(), facts: facts.clone() })
            }),
            trouble: event.trouble.then(|| "the port is taken".to_owned()),
            rejected: event.rejected.then(|| "bob rejected it".to_owned()),
            testing: false,
            died: BTreeMap::new(),
            replacing: event.replacing,
            labels: None,
        }
    }

    /// What the judge says, apart from the moves.
    fn is_worse(&self, view: &View) -> bool {
        let Some(incumbent) = judge::incumbent(&self.release.before, self.release.package) else {
            return false;
        };
        let mut compared = judge::compared(&self.release, incumbent, view);
        if self.release.strategy.kind == StrategyKind::BlueGreen {
            compared = judge::against_the_past(compared);
        }
        let limits = Judge { ..self.release.strategy.judge.clone() };
        let findings: Findings = judge::judge(&compared, &limits, &judge::alphas(&self.release));
        findings.worse().is_some()
    }
}

fn traffic(environment: &Environment, package: Digest) -> f64 {
    let served = environment.state.placed.iter().filter(|placed| {
        placed.package == package && placed.phase == Phase::Serve && placed.role != Role::Shadow
    });
    served.map(|placed| placed.weight).sum()
}

fn check(world: &mut World, event: &Event) -> Result<(), TestCaseError> {
    world.now += i64::from(event.passes) * 1_000_000;
    let now = Timestamp::from_micros(world.now);
    if !world.release.status.has_ended() && world.release.wish.is_none() {
        world.release.wish = event.wish;
    }
    let view = world.view(event);
    let (before, was) = (world.environment.clone(), world.release.clone());
    let worse = world.is_worse(&view);
    let moved = moves::next(&was, &before, &view, now);
    if was.status.has_ended() {
        prop_assert!(moved.is_none(), "an ended release moved");
        return Ok(());
    }
    let moving = matches!(was.status, ReleaseStatus::Rolling | ReleaseStatus::Paused | ReleaseStatus::Held);
    if worse && moving && was.wish.is_none() {
        let status = moved.as_ref().map(|moved| moved.release.status);
        prop_assert_eq!(status, Some(ReleaseStatus::RolledBack), "worse, and still there");
    }
    let Some(Moved { environment, release, aliases, .. }) = moved else { return Ok(()) };

    prop_assert!(
        !event.rejected || release.status != ReleaseStatus::Done || was.status == ReleaseStatus::Testing,
        "what was rejected takes over"
    );
    let others = environment.state.placed.iter().filter(|placed| placed.role != Role::Stable);
    prop_assert!(others.count() <= 1, "more than one candidate");
    let serving: Vec<_> = environment
        .state
        .placed
        .iter()
        .filter(|placed| placed.phase == Phase::Serve && placed.role != Role::Shadow)
        .collect();
    let sum: f64 = serving.iter().map(|placed| placed.weight).sum();
    prop_assert!(serving.is_empty() || (sum - 1.0).abs() < 1e-12, "weights sum to {}", sum);
    prop_assert!(!serving.is_empty() || was.before.stable().is_none(), "nothing serves");
    let mut packages: Vec<_> = environment.state.placed.iter().map(|placed| placed.package).collect();
    packages.sort();
    packages.dedup();
    prop_assert_eq!(packages.len(), environment.state.placed.len(), "a version is placed twice");

    // The state follows replicas, never the other way round.
    let more = traffic(&environment, release.package) > traffic(&before, release.package);
    if more {
        let all = view.live.iter().all(|report| {
            report.generation >= before.state.generation
                && report.ready.contains(&release.package)
                && !report.failed.contains_key(&release.package)
        });
        prop_assert!(all && !view.live.is_empty(), "traffic for a version that is not ready everywhere");
        prop_assert!(!view.live.iter().any(|report| report.failed.contains_key(&release.package)));
    }
    if environment.state != before.state {
        prop_assert_eq!(environment.state.generation, before.state.generation + 1);
    }
    let forward = was.status == ReleaseStatus::Rolling
        && was.wish.is_none()
        && (release.step > was.step || release.status == ReleaseStatus::Done);
    if forward {
        let lasted = (world.now - was.step_since.micros()) as f64 / 1e6;
        prop_assert!(lasted >= was.strategy.judge.min_time_secs, "went on after {} s", lasted);
    }
    if release.status == ReleaseStatus::Done {
        prop_assert_eq!(traffic(&environment, release.package), 1.0);
        prop_assert_eq!(aliases, vec![("late".to_owned(), 2, "champion".to_owned())]);
    } else {
        prop_assert!(aliases.is_empty());
    }
    if release.status.has_ended() {
        prop_assert_eq!(environment.release, None);
        if release.status != ReleaseStatus::Done {
            prop_assert_eq!(traffic(&environment, release.package), 0.0, "ended and still serving");
            let serves = environment.state.stable().map(|placed| placed.package);
            prop_assert_eq!(serves, was.before.stable().map(|placed| placed.package));
            prop_assert!(release.reason.is_some(), "no reason");
        }
    }
    world.environment = environment;
    world.release = release;
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn moves_keep_their_promises(
        kind in prop::sample::select(StrategyKind::ALL.to_vec()),
        first in prop::bool::weighted(0.2),
        tests in prop::bool::weighted(0.2),
        events in vec(event(), 1..40),
    ) {
        let mut world = World::new(kind, first, tests);
        for event in &events {
            check(&mut world, event)?;
        }
    }
}

#[test]
fn a_tested_environment_restores_what_served_when_the_tests_fail() {
    let mut world = World::new(StrategyKind::Canary, false, true);
    let quiet = Event {
        passes: 1,
        replicas: vec![(0, true, false)],
        requests: [(10, 0), (10, 0)],
        wish: None,
        missing: false,
        tested: None,
        trouble: false,
        rejected: false,
        replacing: false,
    };
    // It is not tested on replicas that make way.
    for _ in 0..3 {
        check(&mut world, &Event { replacing: true, ..quiet.clone() }).unwrap();
        assert_eq!(world.release.status, ReleaseStatus::Loading);
    }
    for tested in [None, None, Some(false)] {
        check(&mut world, &Event { tested, ..quiet.clone() }).unwrap();
    }
    assert_eq!(world.release.status, ReleaseStatus::Failed);
    assert_eq!(traffic(&world.environment, package(1)), 1.0);
}
