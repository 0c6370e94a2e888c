//! A project with two environments, a server that watches over them, and as much of a client of its API as the
//! tests need.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::http::Client;
use crate::common::{Example, Project};

/// Far beyond what anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

pub(crate) struct Rig {
    server: Option<Server>,
    pub(crate) project: Project,
    pub(crate) production: SocketAddr,
}

struct Server {
    process: Child,
    address: SocketAddr,
}

impl Rig {
    /// The wine project with one version, environments with these rules applied, and a server.
    pub(crate) fn new(staging: &str, production: &str) -> Self {
        let project = Project::built(Example::Wine);
        let [one, other] = [free(), free()];
        let text = project.read("modelyard.toml");
        let environments = format!(
            "{text}\n[environments.staging]\nlisten = \"{one}\"\n{staging}\n\n\
             [environments.production]\nlisten = \"{other}\"\n{production}\n"
        );
        project.write("modelyard.toml", &environments);
        project.succeeds(&["apply", "--yes"]);
        let mut rig = Self { server: None, project, production: other };
        rig.serve(Path::new(env!("CARGO_BIN_EXE_modelyard")));
        rig
    }

    /// Starts a server of `program`, once the one before has ended.
    pub(crate) fn serve(&mut self, program: &Path) {
        if let Some(Server { mut process, .. }) = self.server.take() {
            Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
            process.wait().unwrap();
        }
        let log = self.project.beside("server.log");
        let mut process = Command::new(program)
            .arg("--home")
            .arg(self.project.home())
            .args(["server", "--listen", "127.0.0.1:0", "--json"])
            .current_dir(self.project.root())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let said = serde_json::Deserializer::from_reader(process.stdout.take().unwrap());
        let ready: Value = match said.into_iter().next() {
            Some(Ok(ready)) => ready,
            _ => panic!("no server: {}", std::fs::read_to_string(&log).unwrap()),
        };
        let address = ready["listen"].as_str().unwrap().parse().unwrap();
        self.server = Some(Server { process, address });
    }

    fn address(&self) -> SocketAddr {
        self.server.as_ref().unwrap().address
    }

    /// Status and JSON of `METHOD /api/v1/PATH`.
    #[track_caller]
    pub(crate) fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let address = self.address();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        let asked = format!(
            "{method} /api/v1/{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(asked.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {answer}")))
    }

    /// The same, which must succeed.
    #[track_caller]
    pub(crate) fn does(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask(method, path, body);
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        self.does("GET", path, &Value::Null)
    }

    /// What `GET path` answers once it `is_so`.
    #[track_caller]
    pub(crate) fn until(&self, path: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let began = Instant::now();
        loop {
            let answer = self.get(path);
            if is_so(&answer) {
                return answer;
            }
            assert!(began.elapsed() < PATIENCE, "{path} is still {answer}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// A further version, which answers otherwise.
    pub(crate) fn further(&self) {
        self.project.edit("modelyard.toml", "c = [0.01, 0.1, 1.0]", "c = [0.3]");
        self.project.succeeds(&["run"]);
    }

    /// Which version answers in production.
    #[track_caller]
    pub(crate) fn version(&self) -> Value {
        ask_wine(self.production).expect("an answer")
    }

    pub(crate) fn events(&self) -> Events {
        let address = self.address();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /api/v1/events HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
        Events { stream: BufReader::new(stream), kind: String::new() }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        for environment in ["staging", "production"] {
            let _ = self.project.command(&["environments", "stop", environment, "--wait"]).output();
        }
        if let Some(Server { mut process, .. }) = self.server.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Server-sent events, in their order.
pub(crate) struct Events {
    stream: BufReader<TcpStream>,
    kind: String,
}

impl Events {
    /// Kind and document of the next one.
    #[track_caller]
    fn next(&mut self) -> (String, Value) {
        loop {
            let mut line = String::new();
            assert!(self.stream.read_line(&mut line).unwrap() > 0, "the events have ended");
            if let Some(kind) = line.strip_prefix("event: ") {
                self.kind = kind.trim_end().to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (self.kind.clone(), serde_json::from_str(data).unwrap());
            }
        }
    }

    /// The next document of this kind that `is_so`.
    #[track_caller]
    pub(crate) fn until(&mut self, kind: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        loop {
            match self.next() {
                (of, document) if of == kind && is_so(&document) => return document,
                _ => {}
            }
        }
    }

    /// All events up to the one of the release `id` that says `status`.
    #[track_caller]
    pub(crate) fn until_release_is(&mut self, id: &Value, status: &str) -> Vec<(String, Value)> {
        let mut heard = Vec::new();
        loop {
            let (kind, document) = self.next();
            let is_it = kind == "release" && document["id"] == *id && document["status"] == status;
            heard.push((kind, document));
            if is_it {
                return heard;
            }
        }
    }
}

/// Which version answers a row of wine.
pub(crate) fn ask_wine(address: SocketAddr) -> Result<Value, String> {
    let row = json!({
        "alcohol": 13.2, "malic_acid": 1.78, "ash": 2.14, "alcalinity_of_ash": 11.2, "magnesium": 100.0,
        "total_phenols": 2.65, "flavanoids": 2.76, "nonflavanoid_phenols": 0.26, "proanthocyanins": 1.28,
        "color_intensity": 4.38, "hue": 1.05, "od280_od315": 3.4, "proline": 1050.0,
    });
    let mut client = Client::connect(address).map_err(|error| error.to_string())?;
    let answer = client.try_post("/predict/wine-cultivar", &row).map_err(|error| error.to_string())?;
    match answer.status {
        200 => Ok(answer.json()["version"].clone()),
        _ => Err(answer.text()),
    }
}

/// A port that nobody listens on, below those that are given out by chance.
fn free() -> SocketAddr {
    static NEXT: std::sync::atomic::AtomicU16 = std::sync::atomic::AtomicU16::new(0);
    loop {
        let place = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let port = 10_100 + (std::process::id() % 400) as u16 * 20 + place % 20;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
