//! What served, who said that it may, and whether anybody rewrote it.

use std::path::Path;
use std::sync::Arc;

use modelyard_core::audit::Actor;
use modelyard_core::deploy::environment::Approvals;
use modelyard_core::deploy::{
    Applied, Environment, EnvironmentId, EnvironmentState, Phase, Placed, ReplicaReport, Role, Served,
};
use modelyard_core::ports::{Change, Home};
use modelyard_core::{Clock, Digest, Timestamp};
use serde_json::{Value, json};
use sqlx::Connection;

use crate::prepared::{Prepared, prepare};
use crate::{assert_fits, document, modelyard, refused, told};

/// 2020-03-14T10:00:00Z, an hour after the runs.
struct Ten;

impl Clock for Ten {
    fn now(&self) -> Timestamp {
        minute(0)
    }

    fn entropy(&self) -> u128 {
        1
    }
}

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_micros((1_584_180_000 + 60 * minute) * 1_000_000)
}

fn by(name: &str, at: i64) -> Actor {
    Actor { name: name.to_owned(), at: minute(at) }
}

fn id() -> EnvironmentId {
    EnvironmentId { project: "prices".to_owned(), name: "production".to_owned() }
}

/// The stored example of the format `name`, with other values.
fn example(name: &str, other: Value) -> Value {
    let file = format!("{}/../core/tests/formats/{name}.v1.json", env!("CARGO_MANIFEST_DIR"));
    let mut document: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    document.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    document
}

/// `house-prices@1` in production: applied at 10:05, loaded at 10:10, serving from 10:11, answering from 10:12
/// to 10:30; nothing serves from 11:00 on.
fn deployed() -> Prepared {
    let prepared = prepare();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let home = modelyard_store::open(&prepared.home(), Arc::new(Ten)).await.unwrap();
        apply(&home).await;
        let version = home.models.resolve(&"house-prices@1".parse().unwrap()).await.unwrap().unwrap();
        let placed = |phase, weight| Placed {
            package: version.package,
            model: "house-prices".to_owned(),
            number: 1,
            role: Role::Stable,
            phase,
            weight,
        };
        want(&home, vec![placed(Phase::Load, 0.0)], "release began", by("ada", 10)).await;
        let serving = placed(Phase::Serve, 1.0);
        want(&home, vec![serving], "it is ready and passed its tests", by("modelyard", 11)).await;
        answered(&home, version.package).await;
        want(&home, Vec::new(), "asked for", by("eve", 60)).await;
    });
    prepared
}

async fn apply(home: &Home) {
    let state = json!(EnvironmentState::default());
    let other =
        json!({"id": id(), "revision": 0, "frozen": null, "state": state, "release": null, "previous": null});
    let mut environment: Environment = serde_json::from_value(example("environment", other)).unwrap();
    environment.spec.approvals = Approvals { count: 1, independent: true };
    let applied: Applied = serde_json::from_value(example("applied", json!({"project": "prices"}))).unwrap();
    home.environments.apply(&applied, &[environment], &by("ada", 5)).await.unwrap();
}

async fn want(home: &Home, placed: Vec<Placed>, cause: &str, by: Actor) {
    let mut environment = home.environments.environment(&id()).await.unwrap().unwrap();
    let generation = environment.state.generation + 1;
    environment.state = EnvironmentState { generation, release: None, placed };
    let change = Change {
        environment,
        release: None,
        aliases: Vec::new(),
        event: "release.moved",
        cause: cause.to_owned(),
        details: Value::Null,
    };
    home.environments.change(&change, &by).await.unwrap();
}

async fn answered(home: &Home, package: Digest) {
    let report = example("replica_report", json!({"environment": id()}));
    let mut report: ReplicaReport = serde_json::from_value(report).unwrap();
    report.served = vec![Served { generation: 2, package, first: minute(12), last: minute(30) }];
    home.observations.report(&report).await.unwrap();
}

#[test]
fn history_tells_what_served_the_newest_first() {
    let prepared = deployed();
    let path = prepared.path();
    let text = told(path, &["history", "production"]);
    assert_fits(&text);
    assert_eq!(
        text,
        "wanted from (UTC)    by, why\n  \
         serves          share  first served  last served\n\
         2020-03-14 11:00:00  eve: asked for\n  \
         nothing\n\
         2020-03-14 10:11:00  modelyard: it is ready and passed its tests\n  \
         house-prices@1  100 %  10:12:00      10:30:00\n\n\
         next: modelyard history production --at TIME   all about an instant\n      \
         modelyard audit --verify         nobody rewrote it\n"
    );
    let all = told(path, &["history", "production", "--all", "--quiet"]);
    assert!(all.ends_with("\n2020-03-14 10:10:00  ada: release began\n  nothing\n"), "{all}");
    let states = document(path, &["history", "prices/production"]);
    let states = states.as_array().unwrap();
    assert_eq!(states.len(), 3, "the document has them all");
    assert_eq!(states[1]["wanted_until"], "2020-03-14T11:00:00Z");
    assert_eq!(states[1]["versions"][0]["run"], prepared.registered.to_string());
    assert_eq!(states[1]["versions"][0]["data"], json!(["houses@1"]));
}

#[test]
fn an_instant_has_one_answer_with_all_that_is_known() {
    let prepared = deployed();
    let path = prepared.path();
    told(path, &["models", "approve", "house-prices@1", "-m", "fine"]);
    let text = told(path, &["history", "production", "--at", "2020-03-14 10:20"]);
    let package =
        &document(path, &["models", "show", "house-prices"])["package"].as_str().unwrap()[..8].to_owned();
    let snapshot = &"7b7b7b7b";
    assert_eq!(
        text,
        format!(
            "prices/production at 2020-03-14 10:20:00 UTC: house-prices@1 100 %\n  \
             wanted    from 2020-03-14 10:11:00 until 2020-03-14 11:00:00\n  \
             by        modelyard\n  \
             why       it is ready and passed its tests\n  \
             audit     entry 6\n  \
             applied   snapshot {snapshot}, 2020-03-14 10:05:00 by ada\n\
             house-prices@1 100 %   {package}\n  \
             served    first 2020-03-14 10:12:00, last 2020-03-14 10:30:00\n  \
             from      registered 2020-03-14 09:02:00 by ada\n            \
             ← run {}\n            \
             ← houses@1\n            \
             ← commit 4f1c2aa0, with uncommitted changes\n",
            prepared.registered
        ),
        "it was approved only later"
    );
    let before = told(path, &["history", "production", "--at", "2020-03-14T10:00:00Z"]);
    assert_eq!(before, "At 2020-03-14 10:00:00 nothing had been deployed to prices/production yet.\n");
    let moment = document(path, &["history", "production", "--at", "2020-03-14T10:15:00Z"]);
    assert_eq!(moment["state"]["generation"], 2);
    assert_eq!(moment["state"]["configuration"]["settings"]["replicas"], 2);
    let (code, text) = refused(path, &["history", "production", "--at", "yesterday"]);
    assert_eq!(code, 2);
    assert!(
        text.starts_with("error: cannot read the time `yesterday`\n  hint: wanted an instant: "),
        "{text}"
    );
    assert_eq!(refused(path, &["history", "staging"]).0, 13);
}

#[test]
fn versions_are_approved_and_rejected() {
    let prepared = deployed();
    let path = prepared.path();
    assert_eq!(
        told(path, &["models", "reject", "house-prices@1", "--comment", "too slow"]),
        "house-prices@1 is rejected by ada\n  so far: rejected by ada: too slow\n"
    );
    assert_eq!(
        told(path, &["models", "approve", "house-prices@champion"]),
        "house-prices@1 is approved by ada; before ada had rejected it\n  so far: approved by ada\n"
    );
    let shown = told(path, &["models", "show", "house-prices@1"]);
    assert!(shown.contains("\n  people    approved by ada\n"), "{shown}");
    let approvals = &document(path, &["models", "show", "house-prices@1"])["approvals"];
    assert_eq!((&approvals[0]["by"], &approvals[0]["verdict"]), (&json!("ada"), &json!("approved")));
    let audit = told(path, &["audit", "house-prices@1"]);
    assert!(audit.contains("house-prices@1  rejected"), "{audit}");
    assert!(audit.contains("\n       comment: too slow"), "{audit}");
    let (code, text) = refused(path, &["models", "approve", "house-prices"]);
    assert_eq!(code, 2);
    assert!(text.contains("does not say which version"), "{text}");
    assert_eq!(refused(path, &["models", "approve", "house-prices@7"]).0, 13);
}

#[test]
fn the_audit_log_tells_causes_before_and_after() {
    let prepared = deployed();
    let text = told(prepared.path(), &["audit", "production", "-n", "2"]);
    assert_fits(&text);
    // The digests, at the ends of the entries' lines, are others each time.
    let without_digest = |line: &str| match line.starts_with("       ") {
        true => line.to_owned(),
        false => line.rsplit_once("  ").map_or(line, |(rest, _)| rest).trim_end().to_owned(),
    };
    assert_eq!(
        text.lines().map(without_digest).collect::<Vec<_>>(),
        [
            "entry  when           subject            what           by",
            "    7  14 March 2020  prices/production  release.moved  eve",
            "       asked for",
            "       house-prices@1 100 % → nothing",
            "    6  14 March 2020  prices/production  release.moved  modelyard",
            "       it is ready and passed its tests",
            "       house-prices@1 load → house-prices@1 100 %",
        ]
    );
}

/// Exit code and answer of `audit --verify` after `statements`, as somebody with the file in hand might run them.
fn verified_after(statements: &[&'static str]) -> (i32, String) {
    let prepared = deployed();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(run(&prepared.home().join("modelyard.db"), statements));
    let output = modelyard(prepared.path(), &["audit", "--verify"]);
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

async fn run(database: &Path, statements: &[&'static str]) {
    let mut database = sqlx::SqliteConnection::connect(database.to_str().unwrap()).await.unwrap();
    for statement in statements {
        sqlx::query(*statement).execute(&mut database).await.unwrap();
    }
    database.close().await.unwrap();
}

#[test]
fn whoever_rewrites_the_log_is_found_out() {
    let stay = "DROP TRIGGER audit_log_stays";
    let hold = "DROP TRIGGER audit_log_holds";
    for (statements, broken) in [
        (
            &[
                hold,
                "UPDATE audit_log SET document = replace(document, '\"eve\"', '\"ada\"') WHERE number = 7",
            ][..],
            7,
        ),
        (
            &[
                hold,
                "UPDATE audit_log SET document = replace(document, 'release began', 'x') WHERE number = 5",
            ],
            5,
        ),
        (
            &[
                hold,
                "UPDATE audit_log SET document = replace(document, '\"actor\":\"', '\"actor\":\"not ') WHERE number = 1",
            ],
            1,
        ),
        // Two in a row: what follows the first does not prove itself either.
        (
            &[
                hold,
                "UPDATE audit_log SET document = replace(document, '\"actor\":\"', '\"actor\":\"not ') WHERE number IN (4, 5)",
            ],
            4,
        ),
        (
            &[
                hold,
                "UPDATE audit_log SET digest = substr(digest, 1, length(digest) - 4) || '0000' WHERE number = 3",
            ],
            3,
        ),
        (&[stay, "DELETE FROM audit_log WHERE number = 1"], 1),
        (&[stay, "DELETE FROM audit_log WHERE number = 4"], 4),
        (&[stay, "DELETE FROM audit_log WHERE number = 7"], 7),
        (
            &[
                hold,
                "UPDATE audit_log SET number = 99 WHERE number = 5",
                "UPDATE audit_log SET number = 5 WHERE number = 6",
                "UPDATE audit_log SET number = 6 WHERE number = 99",
            ],
            5,
        ),
    ] {
        let (code, text) = verified_after(statements);
        assert_eq!(code, 1, "{text}");
        assert!(text.starts_with(&format!("chain broken at entry {broken}: ")), "{statements:?}: {text}");
    }
}

#[test]
fn whoever_rewrites_what_the_log_says_is_found_out() {
    let (code, text) = verified_after(&[
        "DROP TRIGGER states_hold",
        "UPDATE states SET document = replace(document, '\"eve\"', '\"ada\"')",
    ]);
    assert_eq!(
        (code, text.as_str()),
        (1, "altered: state 3 of prices/production: it is not what entry 7 says\n")
    );
    let (code, text) = verified_after(&[]);
    assert_eq!(code, 0);
    assert!(text.starts_with("chain verified: 7 entries, head "), "{text}");
}
