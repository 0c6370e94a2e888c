//! The life of an alert, on a clock that is set by hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use modelyard_core::monitor::{AlertState, Decay, Drift, LogSpec, Sink, SinkKind};

use super::state::{Act, next};
use super::*;

/// Seconds since the epoch.
#[derive(Default)]
pub(super) struct Hand {
    seconds: AtomicI64,
    drawn: AtomicU64,
}

impl Hand {
    pub(super) fn set(&self, seconds: i64) {
        self.seconds.store(seconds, Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        at(self.seconds.load(Relaxed))
    }

    fn entropy(&self) -> u128 {
        self.drawn.fetch_add(1, Relaxed).into()
    }
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// With these sinks, files, by name and least severity; a cool-down of 100 seconds.
pub(super) fn spec_of(sinks: &[(&str, Severity)]) -> MonitorSpec {
    let file = |name: &str| SinkKind::File { path: format!("{name}.jsonl") };
    MonitorSpec {
        environment: "production".to_owned(),
        window_secs: 3600.0,
        time: None,
        grace_secs: 3600.0,
        log: LogSpec::default(),
        drift: Drift::default(),
        decay: Decay::default(),
        sinks: sinks
            .iter()
            .map(|(name, severity)| ((*name).to_owned(), Sink { kind: file(name), severity: *severity }))
            .collect(),
        cool_down_secs: 100.0,
        silence_secs: None,
        max_age_secs: None,
    }
}

pub(super) async fn applied(home: &Home, monitor: &MonitorSpec, folder: &str) {
    let applied = modelyard_core::deploy::Applied {
        version: 1,
        project: "flights".to_owned(),
        folder: folder.to_owned(),
        snapshot: modelyard_core::Digest::of(b"snapshot"),
        model: "late".to_owned(),
        environments: BTreeMap::new(),
        monitor: Some(monitor.clone()),
        triggers: Vec::new(),
        source: None,
        at: at(0),
        by: "ada".to_owned(),
    };
    let actor = Actor { name: "ada".to_owned(), at: at(0) };
    home.environments.apply(&applied, &[], &actor).await.unwrap();
}

pub(super) fn about(subject: &str) -> About {
    About {
        project: "flights".to_owned(),
        environment: Some("production".to_owned()),
        rule: "drift".to_owned(),
        subject: subject.to_owned(),
    }
}

pub(super) fn notice(message: &str, severity: Severity) -> Notice {
    Notice { about: about("temp"), severity, message: message.to_owned(), since: at(-50) }
}

/// A home in memory with a clock, and the two sinks `mail` (from warnings on) and `pager` (critical alone).
struct Bench {
    home: Home,
    clock: Hand,
}

impl Bench {
    async fn new() -> Self {
        let home = modelyard_store::memory();
        let spec = spec_of(&[("mail", Severity::Warning), ("pager", Severity::Critical)]);
        applied(&home, &spec, "/nowhere").await;
        Self { home, clock: Hand::default() }
    }

    async fn raise(&self, seconds: i64, message: &str, severity: Severity) -> Alert {
        self.clock.set(seconds);
        raise(&self.home, &self.clock, &notice(message, severity), MONITOR).await.unwrap()
    }

    async fn resolve(&self, seconds: i64) -> Option<Alert> {
        self.clock.set(seconds);
        resolve(&self.home, &self.clock, &about("temp"), MONITOR).await.unwrap()
    }

    /// What is to be done about each delivery that is not done: `mail opened tell`.
    async fn acts(&self, seconds: i64) -> Vec<String> {
        let mut acts = Vec::new();
        for delivery in self.home.alerts.deliveries("flights").await.unwrap() {
            let (alert, told) = find(&self.home, delivery.alert).await.unwrap();
            let act = next(&alert, &delivery, &told, at(seconds));
            let what = format!("{:?} {act:?}", delivery.what).to_lowercase();
            acts.push(format!("{} {what}", delivery.sink));
        }
        acts
    }

    /// Tells and drops what is to be.
    async fn tell(&self, seconds: i64) {
        for mut delivery in self.home.alerts.deliveries("flights").await.unwrap() {
            let (alert, told) = find(&self.home, delivery.alert).await.unwrap();
            match next(&alert, &delivery, &told, at(seconds)) {
                Act::Wait => continue,
                Act::Tell => delivery.delivered_at = Some(at(seconds)),
                Act::Drop => {}
            }
            delivery.due = None;
            self.home.alerts.keep_delivery(&delivery).await.unwrap();
        }
    }

    async fn events(&self) -> Vec<String> {
        let entries = self.home.audit.entries().await.unwrap();
        entries.into_iter().map(|entry| entry.event).filter(|event| event.starts_with("alert.")).collect()
    }
}

#[tokio::test]
async fn to_say_the_same_again_is_no_news() {
    let bench = Bench::new().await;
    let first = bench.raise(0, "temp has moved", Severity::Warning).await;
    assert_eq!((first.state, first.seen, first.since), (AlertState::Opened, 1, at(-50)));
    assert_eq!(bench.raise(5, "temp has moved", Severity::Warning).await, first);
    let second = bench.raise(9, "temp has moved further", Severity::Warning).await;
    assert_eq!((second.id, second.seen, second.opened_at), (first.id, 2, first.opened_at));
    assert_eq!(bench.acts(9).await, ["mail opened tell"]);
    assert_eq!(bench.events().await, ["alert.opened", "alert.changed"]);
}

#[tokio::test]
async fn who_hears_of_graver_alerts_alone_is_told_when_it_becomes_one() {
    let bench = Bench::new().await;
    bench.raise(0, "temp has moved", Severity::Info).await;
    assert_eq!(bench.acts(0).await, [""; 0]);
    bench.raise(1, "temp has moved", Severity::Warning).await;
    bench.tell(1).await;
    bench.raise(2, "temp has moved far", Severity::Critical).await;
    assert_eq!(bench.acts(2).await, ["pager opened tell"]);
    let wavers = bench.raise(3, "temp has moved", Severity::Warning).await;
    assert_eq!(wavers.severity, Severity::Critical);
    assert_eq!(bench.acts(3).await, ["pager opened tell"]);
}

#[tokio::test]
async fn its_end_is_told_after_its_begin_and_once() {
    let bench = Bench::new().await;
    bench.raise(0, "temp has moved", Severity::Warning).await;
    let ended = bench.resolve(5).await.unwrap();
    assert_eq!((ended.state, ended.resolved_at), (AlertState::Resolved, Some(at(5))));
    assert_eq!(bench.resolve(6).await.unwrap(), ended);
    assert_eq!(bench.acts(7).await, ["mail opened tell", "mail resolved wait"]);
    bench.tell(7).await;
    assert_eq!(bench.acts(8).await, [""; 0]);
    let (_, told) = find(&bench.home, ended.id).await.unwrap();
    let whats: Vec<_> = told.iter().map(|delivery| (delivery.what, delivery.delivered_at)).collect();
    assert_eq!(whats, [(AlertState::Opened, Some(at(7))), (AlertState::Resolved, Some(at(7)))]);
    assert_eq!(bench.events().await, ["alert.opened", "alert.resolved"]);
}

#[tokio::test]
async fn what_opens_again_during_its_cool_down_is_told_only_if_it_stays() {
    let bench = Bench::new().await;
    bench.raise(0, "temp has moved", Severity::Warning).await;
    bench.tell(0).await;
    bench.resolve(10).await;
    bench.tell(10).await;
    bench.raise(20, "temp has moved", Severity::Warning).await;
    assert_eq!(bench.acts(109).await, ["mail opened wait"]);
    bench.resolve(30).await;
    assert_eq!(bench.acts(31).await, ["mail opened drop", "mail resolved wait"]);
    bench.tell(31).await;
    assert_eq!(bench.acts(31).await, [""; 0]);
    bench.raise(40, "temp has moved", Severity::Warning).await;
    assert_eq!(bench.acts(129).await, ["mail opened wait"]);
    assert_eq!(bench.acts(130).await, ["mail opened tell"]);
    bench.tell(130).await;
    bench.resolve(200).await;
    bench.tell(200).await;
    bench.raise(301, "temp has moved", Severity::Warning).await;
    assert_eq!(bench.acts(301).await, ["mail opened tell"], "the cool-down is over");
}

#[tokio::test]
async fn silence_holds_back_what_is_told_and_is_inherited() {
    let bench = Bench::new().await;
    let alert = bench.raise(0, "temp has moved", Severity::Warning).await;
    let silenced = silence(&bench.home, &bench.clock, alert.id, Some(at(500)), "ada").await.unwrap();
    assert_eq!(silenced.silenced_until, Some(at(500)));
    assert_eq!(bench.acts(499).await, ["mail opened wait"]);
    assert_eq!(bench.acts(500).await, ["mail opened tell"]);
    bench.resolve(10).await;
    bench.tell(11).await;
    assert_eq!(bench.acts(600).await, [""; 0], "it ended in silence");
    let again = bench.raise(300, "temp has moved", Severity::Warning).await;
    assert_eq!(again.silenced_until, Some(at(500)));
    assert_eq!(bench.acts(499).await, ["mail opened wait"]);
    silence(&bench.home, &bench.clock, again.id, None, "ada").await.unwrap();
    assert_eq!(bench.acts(301).await, ["mail opened tell"]);
}

#[tokio::test]
async fn one_person_acknowledges_what_is_open() {
    let bench = Bench::new().await;
    let alert = bench.raise(0, "temp has moved", Severity::Warning).await;
    bench.clock.set(5);
    let seen = acknowledge(&bench.home, &bench.clock, alert.id, "ada").await.unwrap();
    assert_eq!(
        (seen.state, &seen.acknowledged),
        (AlertState::Acknowledged, &Some(("ada".to_owned(), at(5))))
    );
    assert_eq!(acknowledge(&bench.home, &bench.clock, alert.id, "bob").await.unwrap(), seen);
    let further = bench.raise(6, "temp has moved further", Severity::Warning).await;
    assert_eq!(further.state, AlertState::Acknowledged);
    bench.resolve(7).await;
    let fault = acknowledge(&bench.home, &bench.clock, alert.id, "bob").await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Conflict);
    let events = bench.events().await;
    assert_eq!(events[..2], ["alert.opened", "alert.acknowledged"]);
    assert_eq!(events.last().map(String::as_str), Some("alert.resolved"));
}

#[tokio::test]
async fn a_project_without_a_monitor_has_alerts_and_tells_nobody() {
    let home = modelyard_store::memory();
    let clock = Hand::default();
    raise(&home, &clock, &notice("training failed", Severity::Critical), MONITOR).await.unwrap();
    assert_eq!(home.alerts.alerts("flights", true).await.unwrap().len(), 1);
    assert_eq!(home.alerts.deliveries("flights").await.unwrap(), []);
}
