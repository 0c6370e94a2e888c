//! From a registered version to production and back, through the built binary as a person would, with no
//! server: `apply`, `deploy`, `release`, approvals, `rollback`, `history`, `audit`.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "common/line/mod.rs"]
mod common;
#[path = "common/port.rs"]
mod port;

use std::net::SocketAddr;

use common::http::Client;
use common::{Example, Project};
use port::free;
use serde_json::{Value, json};

/// A project whose environments are ended with it.
struct Rig {
    project: Project,
    production: SocketAddr,
}

impl Rig {
    fn new(production_rules: &str) -> Self {
        let project = Project::built(Example::Wine);
        let [staging, production] = [free(), free()];
        let text = project.read("modelyard.toml");
        project.write(
            "modelyard.toml",
            &format!(
                "{text}
[environments.staging]
listen = \"{staging}\"
tests = {{}}

[environments.production]
listen = \"{production}\"
requires = \"staging\"
{production_rules}
"
            ),
        );
        Self { project, production }
    }

    /// Which version answers in production, once it is the wanted one.
    fn version(&self) -> Value {
        let row: Value = json!({
            "alcohol": 13.2, "malic_acid": 1.78, "ash": 2.14, "alcalinity_of_ash": 11.2, "magnesium": 100.0,
            "total_phenols": 2.65, "flavanoids": 2.76, "nonflavanoid_phenols": 0.26, "proanthocyanins": 1.28,
            "color_intensity": 4.38, "hue": 1.05, "od280_od315": 3.4, "proline": 1050.0,
        });
        // A replica takes a tenth of a second, or longer on a busy machine, to follow what is wanted.
        let shown = self.project.document(&["environments", "show", "production"]);
        let placed = shown["placed"].as_array().unwrap();
        let wanted = &placed.iter().find(|placed| placed["phase"] == "serve").unwrap()["version"];
        let mut client = Client::connect(self.production).unwrap();
        let began = std::time::Instant::now();
        loop {
            let version = client.post("/predict/wine-cultivar", &row).ok()["version"].clone();
            if version == *wanted || began.elapsed().as_secs() >= 30 {
                return version;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn aliases(&self) -> Value {
        self.project.document(&["models", "list"])[0]["aliases"].clone()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        for environment in ["staging", "production"] {
            let _ = self.project.command(&["environments", "stop", environment, "--wait"]).output();
        }
    }
}

#[test]
fn a_version_is_tested_released_replaced_and_rolled_back() {
    let rig = Rig::new("");
    let project = &rig.project;
    let dry = project.document(&["apply", "--dry-run"]);
    assert_eq!((dry["changes"].as_array().unwrap().len(), &dry["applied"]), (2, &json!(false)));
    assert_eq!(project.document(&["environments", "list"]), json!([]), "a dry run writes nothing");
    project.succeeds(&["apply", "--yes"]);
    assert_eq!(project.document(&["apply"])["changes"], json!([]));

    project.fails(
        &["release", "wine-cultivar@1", "--to", "production"],
        16,
        "cannot release `wine-cultivar@1` to `production`: it was not tested in `staging`",
    );
    let tested = project.document(&["deploy", "staging", "wine-cultivar@1"])["release"].clone();
    assert_eq!((&tested["status"], &tested["passed"]), (&json!("done"), &json!(true)));
    let done = project.document(&["release", "wine-cultivar@1", "--to", "production"]);
    assert_eq!(done["release"]["status"], "done");
    assert_eq!(rig.version(), 1);

    project.edit("modelyard.toml", "c = [0.01, 0.1, 1.0]", "c = [0.3]");
    project.succeeds(&["run"]);
    assert_eq!(rig.aliases(), json!({"champion": 1, "challenger": 2}));
    project.succeeds(&["deploy", "staging", "wine-cultivar@2"]);
    project.fails(
        &["release", "wine-cultivar@2", "--to", "production", "--strategy", "canary"],
        16,
        "cannot begin a canary release to `production`: no server runs that would go on with it",
    );
    project.succeeds(&["release", "wine-cultivar@2", "--to", "production"]);
    assert_eq!(rig.version(), 2);
    assert_eq!(rig.aliases()["champion"], 2);

    project.succeeds(&["rollback", "production", "--wait"]);
    assert_eq!(rig.version(), 1);
    assert_eq!(rig.aliases()["champion"], 1);

    let history = project.document(&["history", "production"]);
    let served: Vec<&Value> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|state| state["versions"].as_array().unwrap())
        .filter_map(|versions| versions.iter().find(|version| version["phase"] == "serve"))
        .map(|version| &version["number"])
        .collect();
    assert_eq!(served.first(), Some(&&json!(1)));
    assert!(served.contains(&&json!(2)), "{history}");
    project.succeeds(&["audit", "--verify"]);
}

#[test]
fn a_release_waits_for_people_and_for_what_must_be_equal() {
    let rig = Rig::new("approvals = 1\nlimits = { requests = 50 }");
    let project = &rig.project;
    project.succeeds(&["deploy", "staging", "wine-cultivar@1"]);
    let refused = project.fails(
        &["release", "wine-cultivar@1", "--to", "production"],
        16,
        "cannot release `wine-cultivar@1` to `production`",
    );
    assert!(refused.stderr.contains("limits"), "{}", refused.stderr);
    let differences = project.document(&["environments", "diff", "staging", "production"]);
    assert_eq!((&differences[0]["name"], &differences[0]["tested"]), (&json!("limits"), &json!(null)));

    project.edit("modelyard.toml", "limits = { requests = 50 }", "");
    project.succeeds(&["freeze", "production", "--until", "1h"]);
    project.fails(
        &["release", "wine-cultivar@1", "--to", "production"],
        16,
        "cannot release `wine-cultivar@1` to `production`",
    );
    project.succeeds(&["unfreeze", "production"]);
    let waiting = project.document(&["release", "wine-cultivar@1", "--to", "production"]);
    assert_eq!(waiting["release"]["status"], "waiting");
    let status = project.modelyard(&["release", "status", "production"]);
    assert!(status.stderr.contains("next: modelyard models approve wine-cultivar@1"), "{}", status.text());
    // Nobody else goes on with it: the one who approves does.
    let approved = project.document(&["models", "approve", "wine-cultivar@1", "--comment", "looked at"]);
    assert_eq!(approved["releases"][0]["status"], "done", "{approved}");
    assert_eq!(rig.version(), 1);

    // What was tested under other settings is told, also once the settings are equal.
    for rules in ["tests = {}", "requires = \"staging\""] {
        project.edit("modelyard.toml", rules, &format!("{rules}\nlimits = {{ requests = 60 }}"));
    }
    project.succeeds(&["apply", "--yes"]);
    let differences = project.document(&["environments", "diff", "staging", "production"]);
    let found: Vec<_> =
        differences.as_array().unwrap().iter().map(|row| (&row["name"], &row["tested"])).collect();
    assert_eq!(found, [(&json!("limits"), &json!("wine-cultivar@1"))], "{differences}");
}
