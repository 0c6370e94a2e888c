//! Documents and homes to test with.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use modelyard_core::action::{Action, ActionKind, ActionResult, Trust, Usage};
use modelyard_core::audit::Actor;
use modelyard_core::data::{DataVersion, Roles};
use modelyard_core::id::RunId;
use modelyard_core::model::NewVersion;
use modelyard_core::ports::Home;
use modelyard_core::run::{Run, RunKind, RunStatus};
use modelyard_core::{Clock, Digest, Timestamp};

/// Tells a microsecond more each time it is asked; its entropy counts too.
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(1)))
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + self.0.fetch_add(1, Ordering::Relaxed) as i64)
    }

    fn entropy(&self) -> u128 {
        // Of the process too: what several of them make must not collide.
        (u128::from(std::process::id()) << 64) | u128::from(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

pub(crate) async fn open(folder: &Path) -> Home {
    modelyard_store::open(folder, TestClock::new()).await.expect("a home opens")
}

pub(crate) fn digest(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

pub(crate) fn actor() -> Actor {
    Actor { name: "ada".to_owned(), at: Timestamp::from_micros(1_700_000_000_123_456) }
}

pub(crate) fn new_version(name: &str, package: &str, alias: Option<&str>) -> NewVersion {
    NewVersion {
        name: name.to_owned(),
        package: digest(package),
        runtime: "onnx".to_owned(),
        project: Some("flights".to_owned()),
        run: None,
        report: Some(digest("report")),
        metric: Some(("roc_auc".to_owned(), 0.1 + 0.2)),
        alias: alias.map(str::to_owned),
    }
}

pub(crate) fn data_version(name: &str, content: &str) -> DataVersion {
    DataVersion {
        version: 1,
        name: name.to_owned(),
        digest: digest(content),
        schema: Vec::new(),
        rows: 3,
        roles: Roles::default(),
        split: BTreeMap::new(),
        profile: digest("profile"),
        sources: Vec::new(),
        losses: Vec::new(),
        remarks: vec!["ü \"quoted\"\n".to_owned()],
    }
}

pub(crate) fn action_result(seed: u64) -> ActionResult {
    let action = Action {
        version: 1,
        kind: ActionKind::Builtin { name: "split".to_owned(), result_version: 1 },
        params: BTreeMap::from([("seed".to_owned(), seed.into())]),
        inputs: BTreeMap::new(),
        code: None,
        environment: None,
    };
    ActionResult {
        version: 1,
        key: action.key(),
        action,
        outputs: BTreeMap::new(),
        metrics: BTreeMap::from([("loss".to_owned(), 0.1), ("worst".to_owned(), f64::INFINITY)]),
        facts: serde_json::json!({"rows": [1, 2.5, null]}),
        log: None,
        usage: Usage::default(),
        trust: Trust::full(),
        remarks: Vec::new(),
        finished_at: Timestamp::from_micros(1_700_000_000_000_001),
    }
}

pub(crate) fn run(clock: &dyn Clock, project: &str, kind: RunKind, parent: Option<RunId>) -> Run {
    Run {
        version: 1,
        id: RunId::new(clock),
        project: project.to_owned(),
        kind,
        name: "train".to_owned(),
        parent,
        status: RunStatus::Running,
        started_at: clock.now(),
        ended_at: None,
        params: BTreeMap::new(),
        metrics: BTreeMap::from([("auc".to_owned(), 0.75)]),
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

/// Every file below `folder`, as paths relative to it, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    fn visit(root: &Path, folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                visit(root, &path, found);
            } else {
                found.push(path.strip_prefix(root).expect("below").display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    visit(folder, folder, &mut found);
    found.sort();
    found
}

/// Every blob file of the home in `folder` holds what its name says; answers how many there are.
pub(crate) fn assert_blobs_whole(folder: &Path) -> usize {
    let blobs = folder.join("blobs");
    let files = files_below(&blobs);
    for file in &files {
        let bytes = std::fs::read(blobs.join(file)).expect("a blob");
        assert_eq!(Digest::of(&bytes).to_string(), file.replace('/', ""), "a blob is half-written");
    }
    files.len()
}
