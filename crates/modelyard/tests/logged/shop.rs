//! A shop that predicts who buys, in the standard library's Python, with columns of every role, in production.

use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::hostile::Project;
use crate::http::Client;
use crate::port::free;

const TOML: &str = r#"[project]
name = "shop"
task = "classification"
target = "bought"

[data.visits]
format = "csv"
split = { method = "random", seed = 1, test = 0.25, validation = 0.25 }
sources.visits = "data/visits.csv"
roles = { id = "visit", time = "happened", private = ["email"] }

[train]
run = "python3 train.py {model} {params.bias}"
code = ["train.py"]
params = { bias = 0.0 }

[test]
metrics = ["accuracy"]

[register]
name = "buyers"

[environments.production]
listen = "@PRODUCTION@"
strategy = { method = "all-at-once" }

[monitor]
window = "1d"
"#;

const TRAIN: &str = r#"import json, sys
model, bias = sys.argv[1:]
json.dump(["no", "yes"], open(model + "/classes.json", "w"))
json.dump(float(bias), open(model + "/bias.json", "w"))
open(model + "/predict.py", "w").write('''import json, math, os

def load(folder):
    return json.load(open(os.path.join(folder, "bias.json")))

def predict(bias, table):
    answers = []
    for price, pages, status in zip(table["price"], table["pages"], table["status"]):
        if status == "!":
            raise ValueError("bad luck")
        yes = 1 / (1 + math.exp(-((price or 0) - 8 + (pages or 0) / 500 + bias)))
        answers.append({"no": 1 - yes, "yes": yes})
    return answers
''')
"#;

pub(crate) struct Shop {
    pub(crate) project: Project,
    pub(crate) production: SocketAddr,
}

impl Shop {
    /// Version 1 in production. `log` are further lines of `[monitor]`.
    pub(crate) fn open(log: &str) -> Self {
        let project = Project::new("");
        let shop = Self { project, production: free() };
        let mut text = "visit,happened,email,price,pages,status,bought\n".to_owned();
        for number in 0..200_u32 {
            let row = row(number);
            let bought = if price(number) + f64::from(number % 7) / 5.0 > 8.2 { "yes" } else { "no" };
            let day = number % 28 + 1;
            text.push_str(&format!(
                "{number},2026-02-{day:02} 10:00:00,{number}@example.org,{},{},{},{bought}\n",
                row["price"],
                row["pages"],
                row["status"].as_str().unwrap()
            ));
        }
        shop.project.write("data/visits.csv", &text);
        shop.project.write("train.py", TRAIN);
        shop.configure(log, "0.0");
        shop.project.succeeds(&["run"]);
        shop.project.succeeds(&["apply", "--yes"]);
        shop.project.succeeds(&["release", "buyers@1", "--to", "production"]);
        shop
    }

    /// Other lines of `[monitor]`, another bias of the next version.
    pub(crate) fn configure(&self, log: &str, bias: &str) {
        let text = TOML.replace("@PRODUCTION@", &self.production.to_string());
        let text = text.replace("bias = 0.0", &format!("bias = {bias}"));
        self.project.write("modelyard.toml", &format!("{text}{log}"));
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.production).unwrap()
    }

    /// What SQL says of the log.
    #[track_caller]
    pub(crate) fn query(&self, sql: &str) -> Value {
        self.project.document(&["predictions", "query", sql])
    }

    /// What SQL says once it `is_so`.
    #[track_caller]
    pub(crate) fn query_until(&self, sql: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let found = self.query(sql);
            if is_so(&found) {
                return found;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{sql}: {found:#}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// How many rows the log has, once it has so many at least.
    #[track_caller]
    pub(crate) fn logged(&self, rows: u64) -> u64 {
        let count = |found: &Value| found[0]["n"].as_u64().unwrap();
        count(&self.query_until("select count(*) as n from predictions", |found| count(found) >= rows))
    }

    /// Ids of the processes that answer for production.
    pub(crate) fn planes(&self) -> Vec<String> {
        let processes = self.project.processes();
        let found =
            processes.iter().filter(|process| process.contains(" serve --environment shop/production "));
        found.map(|process| process.split(' ').next().unwrap().to_owned()).collect()
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // Replicas outlive whoever started them.
        for process in self.project.processes() {
            let id = process.split(' ').next().unwrap_or_default();
            let _ = Command::new("kill").args(["-KILL", id]).stderr(Stdio::null()).status();
        }
    }
}

/// A visit as a request sends it, by its inputs alone.
pub(crate) fn row(number: u32) -> Value {
    let status = ["new", "known"][number as usize % 2];
    json!({ "price": price(number), "pages": number * 13 % 600, "status": status })
}

/// The same with all of its columns but the label.
pub(crate) fn visit(number: u32) -> Value {
    let mut visit = row(number);
    visit["visit"] = json!(number);
    visit["happened"] = json!(format!("2026-03-{:02}T10:00:00Z", number % 28 + 1));
    visit["email"] = json!(format!("{number}@example.org"));
    visit
}

fn price(number: u32) -> f64 {
    f64::from(number * 37 % 1000) / 100.0
}
