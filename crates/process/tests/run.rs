//! Commands that behave, and commands that do not.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod common;

use std::time::{Duration, Instant};

use common::{Bench, finish, processes_with, until};
use modelyard_core::Kind;
use modelyard_process::run::{CommandSpec, Status, run};

/// A word that marks the processes of one test.
fn marker(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

#[tokio::test]
async fn a_command_has_its_lines_its_log_and_its_environment() {
    let bench = Bench::new();
    let mut spec =
        bench.spec(&["sh", "-c", "echo one; echo two >&2; printf three; env >environment; exit 7"]);
    spec.env.insert("ANSWER".into(), "42".into());
    let mut lines = Vec::new();
    let exit = run(spec, |line| lines.push(line.to_owned()), std::future::pending()).await.unwrap();
    assert_eq!(exit.status, Status::Code(7));
    assert!(!exit.success());
    assert_eq!(lines, ["one", "three"]);
    let mut log: Vec<_> = bench.log().lines().map(str::to_owned).collect();
    log.sort();
    assert_eq!(log, ["one", "three", "two"]);
    let environment = std::fs::read_to_string(bench.work().join("environment")).unwrap();
    let mut names: Vec<_> = environment.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    assert_eq!(names, ["ANSWER", "HOME", "PATH", "PWD"], "PWD is the shell's own");
}

#[tokio::test]
async fn addresses_are_the_same_at_every_run() {
    let addresses = "print(id(None), id(object()), id('x' * 1_000_000))";
    let mut seen = std::collections::BTreeSet::new();
    let refused = !std::process::Command::new("setarch").args(["-R", "true"]).status().unwrap().success();
    for _ in 0..5 {
        let bench = Bench::new();
        let mut spec = bench.python(addresses, &[]);
        spec.env.insert("PYTHONHASHSEED".into(), "0".into());
        assert!(finish(spec).await.success());
        seen.insert(bench.log());
    }
    // A container may refuse it; the command runs all the same.
    assert!(refused || seen.len() == 1, "{seen:?}");
}

#[tokio::test]
async fn usage_covers_the_whole_tree() {
    let bench = Bench::new();
    let burn = "import os, time\nfor _ in range(2):\n  if os.fork() == 0:\n    b = bytearray(150_000_000)\n    \
                for i in range(3_000_000): pass\n    time.sleep(0.3)\n    os._exit(0)\nos.wait(); os.wait()";
    let exit = finish(bench.python(burn, &[])).await;
    assert!(exit.success(), "{}", bench.log());
    assert!(exit.usage.cpu_ms >= 50, "{:?}", exit.usage);
    assert!(exit.usage.wall_ms >= 300, "{:?}", exit.usage);
    let megabytes = exit.usage.peak_memory_bytes / 1_000_000;
    assert!((300..400).contains(&megabytes), "{:?}", exit.usage);
}

#[tokio::test]
#[allow(unsafe_code)] // A descriptor without the mark to close, as a shell may hand one on.
async fn descriptors_of_the_engine_are_not_handed_on() {
    let bench = Bench::new();
    std::fs::write(bench.path().join("secret"), "x").unwrap();
    let file = std::fs::File::open(bench.path().join("secret")).unwrap();
    // SAFETY: duplicates a descriptor that is open.
    let leaked = unsafe { libc::dup(std::os::fd::AsRawFd::as_raw_fd(&file)) };
    assert!(leaked > 2);
    let list = "import os\nprint(sorted(os.listdir('/proc/self/fd'), key=int)[:-1])";
    assert!(finish(bench.python(list, &[])).await.success());
    assert_eq!(bench.log(), "['0', '1', '2']\n");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named_with_the_path() {
    let bench = Bench::new();
    let fault = run(bench.spec(&["pyhton", "train.py"]), |_| {}, std::future::pending()).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Step);
    assert_eq!(
        fault.report(),
        "cannot find the program `pyhton`\n  searched: /usr/local/bin:/usr/bin:/bin\n  \
         hint: install `pyhton`, add its package to `requirements.txt`, or write its whole path"
    );
}

#[tokio::test]
async fn a_script_whose_interpreter_is_missing_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let script = bench.work().join("step");
    std::fs::write(&script, "#!/not/there/python3\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let fault = run(bench.spec(&["./step"]), |_| {}, std::future::pending()).await.unwrap_err();
    assert_eq!(fault.hint_text(), Some("its first line names `/not/there/python3`, which does not exist"));
}

#[tokio::test]
async fn a_time_out_asks_first() {
    let bench = Bench::new();
    let mut spec = bench.spec(&["sh", "-c", "trap 'echo goodbye; exit 3' TERM; sleep 60 & wait"]);
    spec.timeout = Some(Duration::from_millis(300));
    let exit = finish(spec).await;
    assert!(exit.timed_out && !exit.cancelled);
    assert_eq!(exit.status, Status::Code(3));
    assert_eq!(bench.log(), "goodbye\n");
}

#[tokio::test]
async fn a_command_that_ignores_the_signal_is_killed() {
    let bench = Bench::new();
    let mark = marker("ignores");
    let mut spec = bench.spec(&["sh", "-c", "trap '' TERM; sh -c 'sleep 600' $0; sleep 600", &mark]);
    spec.timeout = Some(Duration::from_millis(200));
    spec.grace = Duration::from_millis(200);
    let started = Instant::now();
    let exit = finish(spec).await;
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(exit.timed_out);
    assert_eq!(exit.status, Status::Signal(libc::SIGKILL));
    assert!(processes_with(&mark).is_empty());
}

#[tokio::test]
async fn cancelling_ends_it() {
    let bench = Bench::new();
    let spec = bench.spec(&["sleep", "600"]);
    let exit = run(spec, |_| {}, tokio::time::sleep(Duration::from_millis(100))).await.unwrap();
    assert!(exit.cancelled && !exit.timed_out && !exit.success());
    assert_eq!(exit.status, Status::Signal(libc::SIGTERM));
}

/// A grandchild in a session of its own, its parents gone: the classic daemon.
const DAEMON: &str = "import os, sys, time\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    \
                      print('up', flush=True)\n    time.sleep(600)\n  os._exit(0)\nos.wait()\ntime.sleep(0.1)\n";

#[tokio::test]
async fn a_daemon_does_not_outlive_its_command() {
    for enforce in [false, true] {
        let bench = Bench::new();
        let mark = marker("daemon");
        let mut spec = bench.python(DAEMON, &[&mark]);
        spec.sandbox.enforce = enforce;
        let exit = finish(spec).await;
        assert!(exit.success(), "{}", bench.log());
        assert_eq!(bench.log(), "up\n");
        assert!(exit.leftovers);
        assert!(processes_with(&mark).is_empty());
    }
}

#[tokio::test]
async fn children_that_end_by_themselves_are_waited_for() {
    let bench = Bench::new();
    let exit = finish(bench.spec(&["sh", "-c", "(sleep 0.1; echo late) & echo early"])).await;
    assert_eq!(bench.log(), "early\nlate\n");
    assert!(!exit.leftovers);
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_run_kills_the_tree() {
    let bench = Bench::new();
    let mark = marker("dropped");
    let text = format!("{DAEMON}time.sleep(600)");
    let task = tokio::spawn(finish(bench.python(&text, &[&mark])));
    until("the daemon is up", || processes_with(&mark).len() == 2);
    task.abort();
    let _ = task.await;
    until("all are gone", || processes_with(&mark).is_empty());
}

#[test]
fn a_killed_engine_leaves_nothing() {
    // This very test program is the engine: started anew it runs the command and is killed.
    if let Ok(mark) = std::env::var("TEST_ENGINE_MARK") {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let bench = Bench::new();
        eprintln!("{}", bench.path().display());
        let text = format!("{DAEMON}time.sleep(600)");
        runtime.block_on(finish(bench.python(&text, &[&mark])));
        return;
    }
    let mark = marker("orphan");
    let mut engine = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_engine_leaves_nothing", "--nocapture"])
        .env("TEST_ENGINE_MARK", &mark)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    until("command and daemon are up", || processes_with(&mark).len() == 2);
    engine.kill().unwrap();
    engine.wait().unwrap();
    until("all are gone", || processes_with(&mark).is_empty());
    common::clean_up(&mut engine);
}

#[tokio::test]
async fn a_gigabyte_of_output_fills_neither_disk_nor_memory() {
    let bench = Bench::new();
    let mut spec = bench.spec(&["sh", "-c", "echo first; yes $(printf %01023d 7) | head -c 1G; echo last"]);
    spec.log_limit_bytes = 1 << 20;
    let before = peak_kib();
    let mut lines = 0u64;
    let exit = run(spec, |_| lines += 1, std::future::pending()).await.unwrap();
    assert!(exit.success());
    assert_eq!(lines, (1 << 20) + 2);
    assert_eq!(exit.log_cut_bytes, (1 << 30) + 11 - (1 << 20));
    let log = bench.log();
    assert!(log.len() < (1 << 20) + 100, "{}", log.len());
    assert!(log.starts_with("first\n000") && log.ends_with("007\nlast\n"));
    assert!(log.contains(&format!("[… {} bytes cut …]", exit.log_cut_bytes)));
    assert!(peak_kib() < before + 64 * 1024);
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn a_full_log_disk_is_an_error_and_ends_the_command() {
    let bench = Bench::new();
    let mut spec: CommandSpec = bench.spec(&["sh", "-c", "while :; do echo x; done"]);
    spec.log_file = "/dev/full".into();
    let fault = run(spec, |_| {}, std::future::pending()).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Store);
    assert_eq!(fault.message(), "cannot write the log `/dev/full`");
}

#[tokio::test]
async fn many_at_once_end_as_they_should() {
    let benches: Vec<_> = (0..24).map(|_| Bench::new()).collect();
    let tasks: Vec<_> = benches
        .iter()
        .enumerate()
        .map(|(place, bench)| tokio::spawn(finish(bench.spec(&["sh", "-c", &format!("exit {place}")]))))
        .collect();
    for (place, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap().status, Status::Code(place as i32));
    }
}

#[tokio::test]
async fn a_process_that_runs_from_being_killed_is_caught() {
    // Each of them lives just long enough to start the next.
    let bench = Bench::new();
    let mark = marker("runs");
    let text = "import os\nif os.fork() == 0:\n  while True:\n    if os.fork(): os._exit(0)";
    let exit = finish(bench.python(text, &[&mark])).await;
    assert!(exit.success() && exit.leftovers);
    assert!(processes_with(&mark).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_supervisor_takes_its_command_along() {
    let bench = Bench::new();
    let mark = marker("orphaned");
    let text = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(600)', sys.argv[1]])";
    let spec = bench.python(text, &[&mark]);
    let task = tokio::spawn(run(spec, |_| {}, std::future::pending()));
    until("both are up", || processes_with(&mark).len() == 2);
    let command = processes_with(&mark).into_iter().min().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{command}/status")).unwrap();
    let supervisor = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap().trim();
    assert!(std::process::Command::new("kill").args(["-9", supervisor]).status().unwrap().success());
    let fault = task.await.unwrap().unwrap_err();
    assert_eq!(fault.message(), "the command's supervisor was killed");
    until("both are gone", || processes_with(&mark).is_empty());
}
