//! `modelyard serve`, started on a free port and ended with the test.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Project;
use super::http::Client;

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it said when it was ready.
    pub(crate) ready: Value,
    log: PathBuf,
}

impl Server {
    /// `modelyard serve WHAT` in `project`, ready.
    #[track_caller]
    pub(crate) fn start(project: &Project, what: &str) -> Self {
        Self::of(project.command(&["serve", what]), project.beside("server.log"))
    }

    /// `serve`, with whatever else it is told, ready.
    #[track_caller]
    pub(crate) fn of(mut serve: Command, log: PathBuf) -> Self {
        let mut child = serve
            .args(["--listen", "127.0.0.1:0", "--json"])
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut documents = serde_json::Deserializer::from_reader(child.stdout.take().unwrap()).into_iter();
        let ready: Value = match documents.next() {
            Some(Ok(ready)) => ready,
            _ => panic!("it does not serve: {}", std::fs::read_to_string(&log).unwrap()),
        };
        let address = ready["listen"].as_str().unwrap().parse().unwrap();
        Self { child, address, ready, log }
    }

    #[track_caller]
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address).unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The processes below the server that have none below themselves: the model's Python.
    pub(crate) fn workers(&self) -> Vec<u32> {
        let parents = parents();
        let is_below = |mut id: u32| {
            while let Some(parent) = parents.get(&id) {
                if *parent == self.id() {
                    return true;
                }
                id = *parent;
            }
            false
        };
        parents
            .keys()
            .copied()
            .filter(|id| is_below(*id) && !parents.values().any(|parent| parent == id))
            .collect()
    }

    /// Sends SIGTERM.
    pub(crate) fn end(&self) {
        signal("TERM", self.id());
    }

    /// How it ends, which must be within a minute.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn signal(name: &str, process: u32) {
    let script = format!("kill -{name} {process} 2>/dev/null");
    Command::new("sh").args(["-c", &script]).status().unwrap();
}

/// Every process's parent.
fn parents() -> BTreeMap<u32, u32> {
    let parent = |id: u32| -> Option<u32> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name, in parentheses, may hold anything; the state and the parent come after it.
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
    };
    let ids = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter_map(|id| Some((id, parent(id)?))).collect()
}
