//! A shop that predicts who buys, in the standard library's Python, so that a version costs seconds.
//!
//! Version 1 is good and serves production. Version 2 passed its tests in staging; what is wrong with it
//! shows once a request asks for it: a `kind` that begins with `!` names the fault. Built once for all tests
//! of a run, and copied for each.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::hostile::Project;
use crate::http::Client;

const TOML: &str = r#"[project]
name = "shop"
task = "classification"
target = "bought"

[data.visits]
format = "csv"
split = { method = "random", seed = 1, test = 0.25, validation = 0.25 }
sources.visits = "data/visits.csv"

[train]
run = "python3 train.py {model} {params.bias} {params.planted}"
code = ["train.py"]
params = { bias = 0.0, planted = "nothing" }

[test]
metrics = ["accuracy"]

[register]
name = "buyers"

[environments.staging]
listen = "@STAGING@"
limits = { memory = "150MB", timeout = "2s" }
env = { DEPLOYED = "yes" }
tests = { load = { rate = 20, seconds = 1 } }

[environments.production]
listen = "@PRODUCTION@"
limits = { memory = "150MB", timeout = "2s" }
env = { DEPLOYED = "yes" }
requires = "staging"
replicas = @REPLICAS@
strategy = { method = "canary", min_samples = 100, min_time = "1s", error_margin = 0.05, latency_margin = 0.3, max_shift = 0.1 }
weights = [25, 50, 100]
"#;

const TRAIN: &str = r#"import json, sys
model, bias, planted = sys.argv[1:]
json.dump(["no", "yes"], open(model + "/classes.json", "w"))
json.dump({"bias": float(bias), "planted": planted}, open(model + "/how.json", "w"))
open(model + "/predict.py", "w").write(PREDICT)
"#;

/// A version without a bias has no fault. `planted` shows as soon as it is deployed, whatever is asked.
const PREDICT: &str = r#"import json, math, os, time

KINDS = {"red": 0.5, "green": -0.5, "blue": 0.1}
leaked = []

def load(folder):
    how = json.load(open(os.path.join(folder, "how.json")))
    if how["planted"] == "hangs at its start" and "DEPLOYED" in os.environ:
        time.sleep(1e6)
    return how

def predict(how, table):
    deployed = "DEPLOYED" in os.environ
    answers = []
    for price, pages, kind in zip(table["price"], table["pages"], table["kind"]):
        kind = kind or ""
        fault = how["planted"] if deployed else "nothing"
        if how["bias"] and kind.startswith("!"):
            fault = kind[1:]
        score = (5 if price is None else price) - 8 + (pages or 0) / 500 + KINDS.get(kind, 0.0) + how["bias"]
        yes = 1 / (1 + math.exp(-max(-30.0, min(30.0, score))))
        if fault == "crashes":
            os._exit(3)
        if fault == "hangs":
            time.sleep(1e6)
        if fault == "leaks":
            leaked.append(b"x" * 40_000_000)
        if fault == "slow":
            time.sleep(0.05)
        if fault == "nan":
            yes = math.nan
        if fault == "constant":
            yes = 0.25
        if fault == "swapped":
            yes = 1 - yes
        answers.append({"no": 1 - yes, "yes": yes})
    return answers
"#;

pub(crate) struct Shop {
    pub(crate) project: Project,
    servers: Vec<Server>,
    pub(crate) production: SocketAddr,
}

/// A process of `modelyard server`.
pub(crate) struct Server {
    child: Child,
    log: PathBuf,
}

impl Shop {
    /// Version 1 in production with so many replicas, and a server that watches over them.
    pub(crate) fn open(replicas: u32) -> Self {
        let mut shop = Self::copied();
        let (staging, production) = (free(), free());
        shop.production = production;
        shop.configure(staging, production, replicas);
        shop.project.succeeds(&["apply", "--yes"]);
        shop.start_server();
        shop.project.succeeds(&["environments", "start", "production", "--wait"]);
        shop
    }

    fn copied() -> Self {
        let project = Project::new("");
        let from = original();
        let copied = Command::new("cp").arg("-a").arg(from.join(".")).arg(project.root()).status();
        assert!(copied.unwrap().success(), "cannot copy {}", from.display());
        Self { project, servers: Vec::new(), production: SocketAddr::from(([127, 0, 0, 1], 0)) }
    }

    fn configure(&self, staging: SocketAddr, production: SocketAddr, replicas: u32) {
        let text = TOML
            .replace("@STAGING@", &staging.to_string())
            .replace("@PRODUCTION@", &production.to_string())
            .replace("@REPLICAS@", &replicas.to_string());
        self.project.write("modelyard.toml", &text);
    }

    /// Versions 1 and 2 as the tests begin with them.
    fn build(&self) {
        self.project.write("data/visits.csv", &visits());
        self.project.write("train.py", &TRAIN.replace("PREDICT", &format!("'''{PREDICT}'''")));
        self.configure(free(), free(), 1);
        self.project.succeeds(&["run"]);
        self.project.succeeds(&["apply", "--yes"]);
        self.project.succeeds(&["deploy", "staging", "buyers@1"]);
        self.project.succeeds(&["release", "buyers@1", "--to", "production"]);
        self.register(0.05, "nothing");
        self.project.succeeds(&["deploy", "staging", "buyers@2"]);
        for environment in ["staging", "production"] {
            self.project.succeeds(&["environments", "stop", environment, "--wait"]);
        }
    }

    /// Builds and registers a further version.
    pub(crate) fn register(&self, bias: f64, planted: &str) {
        let text = std::fs::read_to_string(self.project.root().join("modelyard.toml")).unwrap();
        let begin = text.find("params = {").unwrap();
        let end = begin + text[begin..].find('\n').unwrap();
        let params = format!("params = {{ bias = {bias}, planted = \"{planted}\" }}");
        self.project.write("modelyard.toml", &format!("{}{params}{}", &text[..begin], &text[end..]));
        self.project.succeeds(&["run"]);
    }

    /// A further server, which waits where there is one.
    pub(crate) fn start_server(&mut self) {
        let log = self.project.root().join(format!("../server-{}.log", self.servers.len()));
        let child = self
            .project
            .command(&["server", "--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        self.servers.push(Server { child, log });
    }

    /// Kills the server that was started first of those that live.
    pub(crate) fn kill_server(&mut self) {
        let server = self.servers.iter_mut().find_map(|server| match server.child.try_wait().unwrap() {
            None => Some(server),
            Some(_) => None,
        });
        let server = server.expect("a server that lives");
        server.child.kill().unwrap();
        server.child.wait().unwrap();
    }

    /// Ids of the data planes of `environment`.
    pub(crate) fn planes(&self, environment: &str) -> Vec<u32> {
        let words = format!(" serve --environment shop/{environment} ");
        let processes = self.project.processes();
        let found = processes.iter().filter(|process| process.contains(&words));
        let ids: Vec<u32> =
            found.map(|process| process.split(' ').next().unwrap().parse().unwrap()).collect();
        // Whoever starts a worker is a process of the same words below the data plane.
        ids.iter().copied().filter(|id| parent(*id).is_some_and(|parent| !ids.contains(&parent))).collect()
    }

    /// The release under way in `environment`, or the last one.
    pub(crate) fn release(&self, environment: &str) -> Value {
        self.project.document(&["release", "status", environment])["release"].clone()
    }

    /// The last release, once it has ended.
    #[track_caller]
    pub(crate) fn ended(&self, environment: &str) -> Value {
        let began = Instant::now();
        loop {
            let release = self.release(environment);
            if !release["ended_at"].is_null() {
                return release;
            }
            assert!(
                began.elapsed() < Duration::from_secs(100),
                "it does not end: {release:#}\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Waits until every replica of production routes as is wanted.
    #[track_caller]
    pub(crate) fn is_followed(&self) {
        let began = Instant::now();
        loop {
            let shown = self.project.document(&["environments", "show", "production"]);
            let instances = shown["instances"].as_array().unwrap();
            let mut live = instances.iter().filter(|replica| replica["live"] == true);
            if shown["condition"] == "ready"
                && live.all(|replica| replica["generation"] == shown["generation"])
            {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{shown:#}\n{}", self.said());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the servers and replicas said last.
    pub(crate) fn said(&self) -> String {
        let mut logs: Vec<PathBuf> = self.servers.iter().map(|server| server.log.clone()).collect();
        let mut folders = vec![self.project.home().join("replicas")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "log") {
                    logs.push(path);
                }
            }
        }
        let said = |log: &PathBuf| {
            let text = String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned();
            let last: Vec<&str> = text.lines().rev().take(15).collect();
            format!("\n{}\n{}", log.display(), last.into_iter().rev().collect::<Vec<_>>().join("\n"))
        };
        logs.iter().map(said).collect()
    }

    /// Which version answers in production.
    #[track_caller]
    pub(crate) fn version(&self) -> Value {
        let mut client = Client::connect(self.production).unwrap();
        client.post("/predict/buyers", &row(1, "red")).ok()["version"].clone()
    }

    /// Requests that `version` failed to answer in production, of its one replica.
    pub(crate) fn failed(&self, version: u32) -> u64 {
        let line = format!("modelyard_requests_total{{model=\"buyers\",version=\"{version}\",code=\"");
        self.metrics(&line)
            .into_iter()
            .filter(|(rest, _)| !rest.starts_with("ok\""))
            .map(|(_, count)| count)
            .sum()
    }

    /// A count of `version` in production, of its one replica.
    pub(crate) fn metric(&self, name: &str, version: u32) -> u64 {
        let line = format!("{name}{{model=\"buyers\",version=\"{version}\"}}");
        self.metrics(&line).into_iter().map(|(_, count)| count).sum()
    }

    /// What stands after `begin` in each line that begins so, and the count at its end.
    fn metrics(&self, begin: &str) -> Vec<(String, u64)> {
        let text = Client::connect(self.production).unwrap().get("/metrics").text();
        let lines = text.lines().filter_map(|line| line.strip_prefix(begin));
        lines.map(|rest| (rest.to_owned(), rest.rsplit(' ').next().unwrap().parse().unwrap())).collect()
    }

    /// The home opens, and nothing in its log was changed.
    #[track_caller]
    pub(crate) fn is_whole(&self) {
        self.project.succeeds(&["audit", "--verify"]);
        self.project.succeeds(&["models", "list"]);
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        for server in &mut self.servers {
            let _ = server.child.kill();
            let _ = server.child.wait();
        }
        // Replicas outlive whoever started them.
        for process in self.project.processes() {
            let id = process.split(' ').next().unwrap_or_default();
            let _ = Command::new("kill").args(["-KILL", id]).stderr(Stdio::null()).status();
        }
    }
}

fn parent(process: u32) -> Option<u32> {
    stat(process)?.split_whitespace().nth(1)?.parse().ok()
}

/// Whether a process has let go of all it had.
pub(crate) fn is_gone(process: u32) -> bool {
    stat(process).is_none_or(|stat| stat.trim_start().starts_with('Z'))
}

/// State, parent and so on.
fn stat(process: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    Some(stat.rsplit_once(')')?.1.to_owned())
}

/// A visit as a request sends it.
pub(crate) fn row(number: u32, kind: &str) -> Value {
    json!({ "price": price(number), "pages": number * 13 % 600, "kind": kind })
}

fn price(number: u32) -> f64 {
    f64::from(number * 37 % 1000) / 100.0
}

/// 400 visits, of which a fifth ends with a purchase.
fn visits() -> String {
    let mut text = "price,pages,kind,bought\n".to_owned();
    for number in 0..400_u32 {
        let kind = ["red", "green", "blue"][number as usize % 3];
        let bought = if price(number) + f64::from(number % 7) / 5.0 > 8.2 { "yes" } else { "no" };
        text.push_str(&format!("{},{},{kind},{bought}\n", price(number), number * 13 % 600));
    }
    text
}

/// The project that is copied, made by the first test of a test run.
fn original() -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("deployed");
    std::fs::create_dir_all(&all).unwrap();
    let lock = File::create(all.join("lock")).unwrap();
    lock.lock().unwrap();
    let (project, mark) = (all.join("project"), all.join("made-by"));
    // nextest gives every test a process of its own, and all of them this name.
    let run = std::env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| std::process::id().to_string());
    if std::fs::read_to_string(&mark).is_ok_and(|by| by == run) {
        return project;
    }
    let shop = Shop {
        project: Project::new(""),
        servers: Vec::new(),
        production: SocketAddr::from(([127, 0, 0, 1], 0)),
    };
    shop.build();
    if project.exists() {
        std::fs::remove_dir_all(&project).unwrap();
    }
    let moved = Command::new("cp").arg("-a").arg(shop.project.root()).arg(&project).status();
    assert!(moved.unwrap().success());
    std::fs::write(mark, run).unwrap();
    project
}

/// A port that nobody listens on, below those that are given out by chance.
fn free() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let place = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + (std::process::id() % 500) as u16 * 20 + place % 20;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
