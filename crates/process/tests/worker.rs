//! Workers: talked to, killed, and gone with the program.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod common;

use common::{Bench, processes_with, until};
use modelyard_process::run::Status;
use modelyard_process::worker::{Worker, WorkerSpec, spawn_worker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Answers each message in upper case; says what it is asked on stderr.
const ECHO: &str = "import socket, sys\ns = socket.socket(fileno=3)\nwhile True:\n  m = s.recv(100)\n  if not m: break\n  \
                    print('asked', m.decode(), file=sys.stderr, flush=True)\n  s.sendall(m.upper())\nprint('bye')";

fn start(bench: &Bench, text: &str, mark: &str) -> (Worker, UnixStream) {
    let command = bench.python(text, &[mark]);
    let spec = WorkerSpec {
        words: command.words,
        cwd: command.cwd,
        env: command.env,
        sandbox: command.sandbox,
        memory_bytes: None,
    };
    spawn_worker(&spec).unwrap()
}

async fn ask(stream: &mut UnixStream, question: &str) -> String {
    stream.write_all(question.as_bytes()).await.unwrap();
    let mut answer = vec![0; question.len()];
    stream.read_exact(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_worker_answers_until_nobody_listens() {
    let bench = Bench::new();
    let (mut worker, mut stream) = start(&bench, ECHO, "-");
    assert_eq!(ask(&mut stream, "one").await, "ONE");
    assert_eq!(ask(&mut stream, "two").await, "TWO");
    drop(stream);
    let end = worker.wait().await.unwrap();
    assert_eq!(end.status, Status::Code(0));
    assert!(end.enforcement.enforced && end.usage.cpu_ms > 0);
    assert_eq!(worker.last_lines(), ["asked one", "asked two", "bye"]);
}

#[tokio::test]
async fn a_worker_is_in_its_sandbox() {
    let bench = Bench::new();
    std::fs::write(bench.path().join("secret"), "x").unwrap();
    let (mut worker, _stream) = start(&bench, "open('../secret')", "-");
    assert_eq!(worker.wait().await.unwrap().status, Status::Code(1));
    let said = worker.last_lines();
    assert_eq!(said.last().unwrap(), "PermissionError: [Errno 13] Permission denied: '../secret'");
}

#[tokio::test]
async fn only_the_last_lines_are_kept() {
    let bench = Bench::new();
    let (mut worker, _stream) = start(&bench, "for i in range(1000): print(i)", "-");
    worker.wait().await.unwrap();
    let said = worker.last_lines();
    assert_eq!((said.len(), said[0].as_str(), said[99].as_str()), (100, "900", "999"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_no_longer_reads_is_killed() {
    let deaf = "import signal, subprocess, time, sys\nsignal.signal(15, signal.SIG_IGN)\n\
                subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1]])\ntime.sleep(600)";
    let bench = Bench::new();
    let mark = format!("deaf-{}", std::process::id());
    let (mut worker, _stream) = start(&bench, deaf, &mark);
    until("both are up", || processes_with(&mark).len() == 2);
    worker.kill().await;
    assert_eq!(worker.wait().await.unwrap().status, Status::Signal(libc::SIGKILL));
    assert!(processes_with(&mark).is_empty());

    let (worker, _stream) = start(&bench, deaf, &mark);
    until("both are up", || processes_with(&mark).len() == 2);
    drop(worker);
    until("both are gone", || processes_with(&mark).is_empty());
}

#[test]
fn a_killed_server_leaves_no_worker() {
    let deaf = "import time; time.sleep(600)";
    // Started anew, this test program is the server, and is killed.
    if let Ok(mark) = std::env::var("TEST_SERVER_MARK") {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let bench = Bench::new();
            eprintln!("{}", bench.path().display());
            let (_worker, _stream) = start(&bench, deaf, &mark);
            std::future::pending::<()>().await;
        });
    }
    let mark = format!("served-{}", std::process::id());
    let mut server = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_server_leaves_no_worker", "--nocapture"])
        .env("TEST_SERVER_MARK", &mark)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    until("the worker is up", || processes_with(&mark).len() == 1);
    server.kill().unwrap();
    server.wait().unwrap();
    until("it is gone", || processes_with(&mark).is_empty());
    common::clean_up(&mut server);
}
