//! The server as a process: ready soon, alone on its home, ended without ending what it started.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A server, ended with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(home: &Path, listen: SocketAddr) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_modelyard"));
    command.arg("--home").arg(home).args(["server", "--listen", &listen.to_string()]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Server {
    fn start(home: &Path, listen: SocketAddr) -> Self {
        Self(command(home, listen).spawn().unwrap())
    }

    /// The line that says it is ready.
    fn ready(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }

    fn terminate(&self) {
        Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
    }

    /// Exit code, and what it said on stderr.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.0.wait().unwrap().code();
        let mut said = String::new();
        self.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (code, said)
    }
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn get(address: SocketAddr, path: &str) -> Value {
    let mut stream = TcpStream::connect(address).unwrap();
    let asked = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn it_is_ready_soon_and_ends_when_asked() {
    let (home, address) = (TempDir::new().unwrap(), free());
    let begin = Instant::now();
    let mut server = Server::start(home.path(), address);
    assert_eq!(
        server.ready(),
        format!("the server of {} answers at http://{address}\n", home.path().display())
    );
    assert!(begin.elapsed() < Duration::from_secs(3), "ready after {:?}", begin.elapsed());
    assert_eq!(get(address, "/health")["status"], "ok");
    assert_eq!(get(address, "/api/v1/environments"), serde_json::json!([]));
    let begin = Instant::now();
    server.terminate();
    assert_eq!(server.end(), (Some(0), "the server has ended\n".to_owned()));
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_second_one_waits_and_takes_over_from_one_that_is_killed() {
    let (home, address) = (TempDir::new().unwrap(), free());
    let mut first = Server::start(home.path(), address);
    first.ready();
    let mut second = Server::start(home.path(), address);
    let mut said = [0; 40];
    second.0.stderr.as_mut().unwrap().read_exact(&mut said).unwrap();
    assert_eq!(std::str::from_utf8(&said).unwrap(), "another process works on this home: this");
    assert_eq!(get(address, "/health")["status"], "ok");
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    let begin = Instant::now();
    assert!(second.ready().contains(" answers at http://"));
    assert!(begin.elapsed() < Duration::from_secs(1), "took over after {:?}", begin.elapsed());
    assert_eq!(get(address, "/health")["status"], "ok");
}

#[test]
fn one_that_waits_ends_when_asked() {
    let home = TempDir::new().unwrap();
    let mut first = Server::start(home.path(), free());
    first.ready();
    let mut second = Server::start(home.path(), free());
    let mut said = [0; 40];
    second.0.stderr.as_mut().unwrap().read_exact(&mut said).unwrap();
    second.terminate();
    assert_eq!(second.end().0, Some(0));
}

#[test]
fn other_machines_and_a_busy_port_are_refused() {
    let home = TempDir::new().unwrap();
    let everywhere = Server(command(home.path(), "0.0.0.0:5000".parse().unwrap()).spawn().unwrap());
    assert_eq!(
        everywhere.end(),
        (
            Some(2),
            "error: cannot listen on 0.0.0.0:5000: other machines could reach it\n  hint: the server knows \
             no accounts and answers this machine alone: --listen 127.0.0.1:5000\n"
                .to_owned()
        )
    );
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (code, said) = Server::start(home.path(), address).end();
    assert_eq!(code, Some(14));
    assert!(said.starts_with(&format!("error: cannot listen on {address}\n")), "{said}");
}
