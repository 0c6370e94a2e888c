//! What the tests of this crate record.

use std::collections::BTreeMap;

use modelyard_core::action::{Action, ActionKey, ActionKind, ActionResult, Command, Sandbox, SandboxMode};
use modelyard_core::action::{Trust, Usage};
use modelyard_core::audit::Actor;
use modelyard_core::id::RunId;
use modelyard_core::run::{Run, RunKind, RunStatus};
use modelyard_core::{Clock, Digest, Timestamp};

/// Stands still; its random bits are `1`, `2`, … as they are given.
pub(crate) struct Still(pub(crate) u128);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        at(0)
    }

    fn entropy(&self) -> u128 {
        self.0
    }
}

/// `seconds` after a fixed instant.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros((1_760_000_000 + seconds) * 1_000_000)
}

pub(crate) fn actor() -> Actor {
    Actor { name: "ada".into(), at: at(0) }
}

/// A finished pipeline run of the project `flights`; `number` tells it from others.
pub(crate) fn run(number: u32) -> Run {
    Run {
        version: 1,
        id: RunId::new(&Still(u128::from(number))),
        project: "flights".into(),
        kind: RunKind::Pipeline,
        name: "run".into(),
        parent: None,
        status: RunStatus::Finished,
        started_at: at(i64::from(number)),
        ended_at: Some(at(i64::from(number) + 5)),
        params: BTreeMap::new(),
        metrics: BTreeMap::new(),
        tags: BTreeMap::new(),
        cached: false,
        key: None,
        usage: None,
        trust: None,
        log: None,
        error: None,
        snapshot: None,
        source: None,
        outcome: serde_json::Value::Null,
    }
}

/// The result of a training command with code and environment named by these words.
pub(crate) fn trained(code: &str, environment: &str, learning_rate: f64, roc_auc: f64) -> ActionResult {
    let command = Command {
        result_version: 1,
        words: vec!["python".into(), "train.py".into()],
        outputs: BTreeMap::new(),
        variables: BTreeMap::new(),
        secrets: Vec::new(),
        sandbox: Sandbox { mode: SandboxMode::On, network: false, read: BTreeMap::new() },
        threads: 2,
        seed: 0,
        refit: false,
    };
    let action = Action {
        version: 1,
        kind: ActionKind::Command(command),
        params: BTreeMap::from([("learning_rate".to_owned(), learning_rate.into())]),
        inputs: BTreeMap::from([("data.flights.train".to_owned(), Digest::of(b"train"))]),
        code: Some(Digest::of(code.as_bytes())),
        environment: Some(Digest::of(environment.as_bytes())),
    };
    let key: ActionKey = action.key();
    ActionResult {
        version: 1,
        key,
        action,
        outputs: BTreeMap::new(),
        metrics: BTreeMap::from([("validation.roc_auc".to_owned(), roc_auc)]),
        facts: serde_json::Value::Null,
        log: None,
        usage: Usage::default(),
        trust: Trust::full(),
        remarks: Vec::new(),
        finished_at: at(3),
    }
}
