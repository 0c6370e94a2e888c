//! A mill that predicts how much flour comes of grain, in the standard library's Python: a line through the
//! origin. What comes of a kilogram changes with the season, so new data make a better model.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use modelyard_core::id::CauseId;
use modelyard_core::monitor::{Cause, CauseState, Origin};
use modelyard_core::{Clock, Timestamp, audit::Actor};
use serde_json::{Value, json};

use crate::hostile::Project;
use crate::http::Client;

const TOML: &str = r#"[project]
name = "mill"
task = "regression"
target = "flour"

[data.sacks]
format = "csv"
split = { method = "column", column = "part" }
sources.sacks = "data/*.csv"

[train]
run = "python3 train.py {data.sacks.train} {model} {params.scale}"
code = ["train.py"]
params = { scale = 1.0 }

[test]
metrics = ["rmse"]
gates = { champion = "better" }

[register]
name = "flour"

[environments.staging]
listen = "@STAGING@"
tests = { load = { rate = 20, seconds = 1 } }

[environments.production]
listen = "@PRODUCTION@"
requires = "staging"
strategy = "all-at-once"

[monitor]

"#;

const TRAIN: &str = r#"import csv, json, sys

train, model, scale = sys.argv[1:]
rows = list(csv.DictReader(open(train)))
if any(float(row["grain"]) < 0 for row in rows):
    sys.exit("grain is never negative")
grain = sum(float(row["grain"]) for row in rows)
slope = float(scale) * sum(float(row["flour"]) for row in rows) / grain
json.dump(slope, open(model + "/slope.json", "w"))
open(model + "/predict.py", "w").write("""
import json, os

def load(folder):
    return json.load(open(os.path.join(folder, "slope.json")))

def predict(slope, table):
    return [slope * (grain or 0) for grain in table["grain"]]
""")
"#;

pub(crate) struct Mill {
    pub(crate) project: Project,
    production: SocketAddr,
    server: Option<Child>,
    said: u32,
}

impl Mill {
    /// A season's data and `triggers`; version 1 serves production, and a server watches.
    pub(crate) fn open(triggers: &str) -> Self {
        let project = Project::new("");
        let production = free();
        let text =
            TOML.replace("@STAGING@", &free().to_string()).replace("@PRODUCTION@", &production.to_string());
        project.write("modelyard.toml", &format!("{text}{triggers}"));
        project.write("train.py", TRAIN);
        std::fs::remove_file(project.root().join("data/rows.csv")).unwrap();
        let mut mill = Self { project, production, server: None, said: 0 };
        mill.season(1, 0.5);
        mill.project.succeeds(&["run"]);
        mill.project.succeeds(&["apply", "--yes"]);
        mill.start();
        mill.project.succeeds(&["deploy", "staging", "flour@1", "--wait"]);
        mill.project.succeeds(&["release", "flour@1", "--to", "production", "--wait"]);
        mill
    }

    /// A file of rows in which a kilogram gives `share` of flour.
    pub(crate) fn season(&self, number: u32, share: f64) {
        let mut text = "part,grain,flour\n".to_owned();
        for row in 0..40 * number {
            let part = if row % 2 == 0 { "train" } else { "test" };
            let grain = f64::from(row + 40 * number);
            text.push_str(&format!("{part},{grain},{}\n", grain * share + f64::from(row % 3)));
        }
        self.project.write(&format!("data/{number}.csv"), &text);
    }

    pub(crate) fn start(&mut self) {
        self.said += 1;
        let log = File::create(self.project.root().join(format!("../server-{}.log", self.said))).unwrap();
        let server = self
            .project
            .command(&["server", "--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn();
        self.server = Some(server.unwrap());
    }

    pub(crate) fn kill(&mut self) {
        let mut server = self.server.take().expect("a server that lives");
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// Keeps a cause as the monitor does that has found a drift.
    pub(crate) fn drifts(&self, window: &str) {
        let now = Timestamp::parse("2026-11-24").unwrap();
        let cause = Cause {
            version: 1,
            id: CauseId::new(&At(now)),
            project: "mill".to_owned(),
            trigger: "drift".to_owned(),
            origin: Origin::Drift,
            key: format!("window {window}"),
            state: CauseState::Pending,
            reason: String::new(),
            actor: "monitor".to_owned(),
            at: now,
            changed_at: now,
            run: None,
            model: None,
            release: None,
            revision: 0,
        };
        let actor = Actor { name: "monitor".to_owned(), at: now };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let folder = self.project.home();
            let home = modelyard_store::open_existing(&folder, std::sync::Arc::new(At(now)));
            home.await.unwrap().causes.add_cause(&cause, &actor).await.unwrap();
        });
    }

    /// All causes, the oldest first.
    pub(crate) fn causes(&self) -> Vec<Value> {
        let log = self.project.document(&["triggers", "log"]);
        log.as_array().unwrap().iter().rev().cloned().collect()
    }

    /// Waits until the newest cause is `state`, and answers it.
    #[track_caller]
    pub(crate) fn comes_to(&self, state: &str) -> Value {
        let began = Instant::now();
        loop {
            let causes = self.causes();
            if let Some(cause) = causes.last().filter(|cause| cause["state"] == state) {
                return cause.clone();
            }
            assert!(began.elapsed() < Duration::from_secs(90), "not {state}: {causes:#?}\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Which version answers in production.
    #[track_caller]
    pub(crate) fn serving(&self) -> Value {
        let mut client = Client::connect(self.production).unwrap();
        client.post("/predict/flour", &json!({"grain": 10.0})).ok()["version"].clone()
    }

    /// Runs that triggers set off, with what they say of themselves.
    pub(crate) fn trainings(&self) -> Vec<Value> {
        let runs = self.project.document(&["runs", "list"]);
        runs.as_array().unwrap().iter().filter(|run| run["causes"].is_string()).cloned().collect()
    }

    pub(crate) fn alerts(&self) -> Vec<(String, String)> {
        let now = Timestamp::parse("2026-11-24").unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let open = runtime.block_on(async {
            let folder = self.project.home();
            let home = modelyard_store::open_existing(&folder, std::sync::Arc::new(At(now)));
            home.await.unwrap().alerts.alerts("mill", true).await.unwrap()
        });
        open.into_iter().map(|alert| (alert.rule, alert.message)).collect()
    }

    fn logs(&self) -> String {
        let logs = (1..=self.said).map(|number| self.project.root().join(format!("../server-{number}.log")));
        logs.map(|log| std::fs::read_to_string(log).unwrap_or_default()).collect()
    }
}

impl Drop for Mill {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
        // Replicas and trainings outlive whoever started them.
        for process in self.project.processes() {
            let id = process.split(' ').next().unwrap_or_default();
            let _ = Command::new("kill").args(["-KILL", id]).stderr(Stdio::null()).status();
        }
    }
}

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }

    #[allow(clippy::disallowed_methods, reason = "ids only have to differ")]
    fn entropy(&self) -> u128 {
        rand::random()
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
