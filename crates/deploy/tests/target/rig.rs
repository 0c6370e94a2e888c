//! A target with its folders and clients; everything it started is ended with it.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use modelyard_core::Digest;
use modelyard_core::deploy::EnvironmentId;
use modelyard_deploy::target::process::{ProcessTarget, Settings};
use modelyard_deploy::target::{Condition, ReplicaStatus, Target, Wanted};
use tempfile::TempDir;

pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("my-").tempdir_in("/tmp").unwrap();
        let address = free();
        let rig = Self { folder, address };
        rig.mode("well");
        rig
    }

    /// What replicas that start from now on do.
    pub(crate) fn mode(&self, mode: &str) {
        std::fs::write(self.folder.path().join("mode"), mode).unwrap();
    }

    /// A target as a new start of the program has it.
    pub(crate) fn target(&self) -> ProcessTarget {
        ProcessTarget::new(settings(self.folder.path()))
    }

    pub(crate) fn wanted(&self, replicas: u32, settings: &str) -> Wanted {
        Wanted {
            environment: environment(),
            listen: self.address,
            replicas,
            settings: Digest::of(settings.as_bytes()),
            longest_answer: Duration::ZERO,
            longest_start: Duration::ZERO,
        }
    }

    /// Processes that were started for this rig and have not ended.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mark = self.folder.path().join("mode");
        processes(&mark)
    }

    pub(crate) fn kill_all(&self) {
        for pid in self.processes() {
            signal(pid, "KILL");
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.kill_all();
    }
}

pub(crate) fn settings(folder: &Path) -> Settings {
    let python = std::env::var_os("MODELYARD_TEST_PYTHON")
        .expect("MODELYARD_TEST_PYTHON names the interpreter that plays the replicas; `make test` sets it");
    Settings {
        program: python.into(),
        args: vec![
            concat!(env!("CARGO_MANIFEST_DIR"), "/tests/target/replica.py").into(),
            folder.join("mode").into(),
        ],
        folder: folder.join("replicas"),
        runtime: Some(folder.to_owned()),
        patience: Duration::from_secs(2),
        ready_within: Duration::from_secs(3),
    }
}

pub(crate) fn environment() -> EnvironmentId {
    EnvironmentId { project: "flights".to_owned(), name: "staging".to_owned() }
}

/// An address that nobody listens on.
pub(crate) fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn processes(mark: &Path) -> Vec<u32> {
    use std::os::unix::ffi::OsStrExt;
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        if line.split(|byte| *byte == 0).any(|word| word == mark.as_os_str().as_bytes()) {
            found.push(pid);
        }
    }
    found
}

pub(crate) fn signal(pid: u32, name: &str) {
    let _ = std::process::Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
}

/// The body of an answer.
pub(crate) fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: here\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) if !body.is_empty() => Ok(body.to_owned()),
        _ => Err(std::io::Error::other(format!("answered `{answer}`"))),
    }
}

/// Asks again and again from sixteen threads.
pub(crate) struct Clients {
    ended: Arc<AtomicBool>,
    pub(crate) answered: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Vec<String>>>,
}

impl Clients {
    pub(crate) fn of(address: SocketAddr) -> Self {
        let (ended, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let threads = (0..16)
            .map(|_| {
                let (ended, answered) = (ended.clone(), answered.clone());
                std::thread::spawn(move || {
                    let mut failures = Vec::new();
                    while !ended.load(Ordering::Relaxed) {
                        match ask(address, "/") {
                            Ok(_) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                            Err(error) => failures.push(error.to_string()),
                        }
                    }
                    failures
                })
            })
            .collect();
        Self { ended, answered, threads }
    }

    /// How many were answered, and what went wrong.
    pub(crate) fn end(self) -> (usize, Vec<String>) {
        self.ended.store(true, Ordering::Relaxed);
        let failures = self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        (self.answered.load(Ordering::Relaxed), failures)
    }
}

/// The process of a replica that runs.
pub(crate) fn pid(replica: &ReplicaStatus) -> u32 {
    match replica.condition {
        Condition::Running { pid } => pid,
        Condition::Waiting { ref ended, .. } => panic!("replica {} does not run: {ended}", replica.replica),
    }
}

pub(crate) async fn pids(target: &dyn Target) -> Vec<u32> {
    target.status(&environment()).await.unwrap().iter().map(pid).collect()
}

/// Waits until `holds`, at most ten seconds.
pub(crate) async fn until<F: AsyncFnMut() -> bool>(what: &str, mut holds: F) {
    let begin = Instant::now();
    while !holds().await {
        assert!(begin.elapsed() < Duration::from_secs(10), "waited ten seconds until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
