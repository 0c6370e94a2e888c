//! Commands that can't run, fail, hang, or leave something else than was agreed.

use std::time::{Duration, Instant};

use super::hostile::{Background, Project, wait_until_alone};

/// A step `a` that runs `python`, with what `toml` adds.
fn step(python: &str, toml: &str) -> Project {
    let project = Project::new(&format!(
        "[steps.a]\nrun = \"python3 step.py {{outputs.out}}\"\ncode = [\"step.py\"]\noutputs = [\"out\"]\n{toml}"
    ));
    project.write("step.py", &format!("import os, signal, subprocess, sys, time\n{python}\n"));
    project
}

#[test]
fn a_command_that_is_not_found() {
    let project = Project::new("[steps.a]\nrun = \"pyhton3 step.py\"\n");
    let ended = project.fails(&["run", "a"], 7, "cannot find the program `pyhton3`");
    assert!(
        ended.stderr.contains("searched: ") && ended.stderr.contains(":/usr/bin:/bin\n"),
        "{}",
        ended.text()
    );
    assert!(ended.stderr.contains("step: a\n"), "{}", ended.text());
}

#[test]
fn a_command_that_fails_shows_the_end_of_its_log_and_keeps_all_of_it() {
    let project =
        step("for i in range(40): print('line', i)\nprint('bad', file=sys.stderr)\nsys.exit(3)", "");
    let ended = project.fails(&["run", "a"], 7, "step `a` failed with exit code 3\n  output:\n  line 29\n");
    assert!(ended.stderr.contains("\n  line 39\n  bad\n"), "{}", ended.text());
    let log = project.succeeds(&["logs", &ended.logged_run()]).stdout;
    assert!(log.starts_with("line 0\n") && log.ends_with("bad\n"), "{log}");
    assert_eq!(project.succeeds(&["logs"]).stdout, log, "the step that ended the newest run");
    assert_eq!(project.last_run()["status"], "failed");
    assert!(project.stale_folders().is_empty());
    // Failures are not cached.
    project.fails(&["run", "a"], 7, "step `a` failed with exit code 3");
}

#[test]
fn an_endless_line_does_not_fill_the_screen() {
    let project = step("print('x' * 5_000_000)\nsys.exit(1)", "");
    let ended = project.fails(&["run", "a"], 7, "step `a` failed with exit code 1");
    assert!(ended.stderr.len() < 2_000, "{}", ended.stderr.len());
    assert!(ended.stderr.contains("xxx …\n"), "{}", ended.text());
    assert!(project.succeeds(&["logs"]).stdout.len() > 5_000_000);
}

/// A title, a cleared screen, a line drawn over, a colour: stored as printed, shown as text.
#[test]
fn what_a_command_prints_does_not_steer_the_terminal() {
    let project = step("print('\\x1b]0;owned\\x07\\x1b[2J10 %\\r20 %\\x1b[31mred\\u202e')\nsys.exit(1)", "");
    let ended = project.fails(&["run", "a"], 7, "step `a` failed with exit code 1");
    let shown = "\\u{1b}]0;owned\\u{7}\\u{1b}[2J10 %";
    assert!(ended.stderr.contains(shown), "{}", ended.text());
    let logged = project.succeeds(&["logs"]).stdout;
    assert_eq!(logged, format!("{shown}\n20 %red\\u{{202e}}\n"));
    for text in [ended.stderr, logged, project.succeeds(&["show"]).stdout] {
        assert!(!text.contains(['\x1b', '\x07', '\r', '\u{202e}']), "{text:?}");
    }
    let stored = project.document(&["logs"])[0]["log"].clone();
    assert_eq!(stored, "\x1b]0;owned\x07\x1b[2J10 %\r20 %\x1b[31mred\u{202e}\n");
}

/// As package managers leave their caches.
#[test]
fn folders_without_permissions_are_cleared_away() {
    let python = "os.makedirs('cache/deep')\nopen('cache/deep/file', 'w')\nos.chmod('cache/deep', 0)\n\
                  os.chmod('cache', 0)\nos.makedirs(os.environ['TMPDIR'] + '/x/y')\n\
                  os.chmod(os.environ['TMPDIR'] + '/x', 0)\nopen(sys.argv[1], 'w')";
    let project = step(python, "");
    project.succeeds(&["run", "a"]);
    assert!(project.stale_folders().is_empty(), "{:?}", project.stale_folders());
}

#[test]
fn a_command_that_a_signal_ends() {
    let project = step("os.kill(os.getpid(), signal.SIGSEGV)", "");
    project.fails(&["run", "a"], 7, "step `a` failed with signal 11");
}

#[test]
fn a_command_that_hangs_is_ended_at_its_time_out() {
    let project = step("print('began')\ntime.sleep(600)", "timeout = \"1s\"\n");
    let ended = project.fails(&["run", "a"], 8, "step `a` took longer than its 1 s and was ended");
    assert!(ended.stderr.contains("hint: raise `timeout`"), "{}", ended.text());
    assert_eq!(project.succeeds(&["logs", &ended.logged_run()]).stdout, "began\n");
    wait_until_alone(&project);
    assert!(project.stale_folders().is_empty());
}

#[test]
fn a_command_that_ignores_sigterm_is_killed() {
    let python = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
                  subprocess.Popen(['sh', '-c', \"trap '' TERM; sleep 600; sleep 600\"])\ntime.sleep(600)";
    let project = step(python, "timeout = \"1s\"\n");
    let began = Instant::now();
    project.fails(&["run", "a"], 8, "step `a` took longer than its 1 s and was ended");
    assert!(began.elapsed() < Duration::from_secs(30));
    wait_until_alone(&project);
}

#[test]
fn children_that_a_command_leaves_are_gone_when_it_is_done() {
    let python = "for _ in range(3): subprocess.Popen(['sleep', '600'], start_new_session=True)\n\
                  if os.fork() == 0:\n    os.setsid()\n    os.fork()\n    time.sleep(600)\n\
                  open(sys.argv[1], 'w')";
    let project = step(python, "");
    let ended = project.succeeds(&["run", "a"]);
    assert_eq!(project.processes(), Vec::<String>::new());
    assert!(ended.stdout.contains("processes outlived the command and were ended"), "{}", ended.text());
}

#[test]
fn a_command_that_writes_nothing_where_an_output_is_declared() {
    let project = step("pass", "");
    let ended = project.fails(
        &["run", "a"],
        7,
        "step `a` ended well, but wrote no file where its output `out` is declared",
    );
    assert!(ended.stderr.contains("hint: write it to the path"), "{}", ended.text());
    project.write("step.py", "import os, sys\nos.mkdir(sys.argv[1])\n");
    project.fails(&["run", "a"], 7, "step `a` ended well, but wrote no file");
    let folder =
        "[steps.a]\nrun = \"python3 step.py {outputs.out}\"\ncode = [\"step.py\"]\noutputs = [\"out/\"]\n";
    project.configure(folder);
    project.write("step.py", "");
    project.fails(&["run", "a"], 7, "step `a` ended well, but left the folder of its output `out` empty");
    project.write("step.py", "import os, sys\nos.rmdir(sys.argv[1])\n");
    project.fails(
        &["run", "a"],
        7,
        "step `a` ended well, but left no folder where its output `out` is declared",
    );
    project.write("step.py", "import os, sys\nos.mkfifo(sys.argv[1] + '/pipe')\n");
    let ended = project.fails(&["run", "a"], 7, "step `a` ended well, but its output `out` can't be kept");
    assert!(ended.stderr.contains("it is neither a file nor a folder"), "{}", ended.text());
}

/// The log is cut in its middle, and this program holds none of it in memory.
#[test]
fn a_command_that_prints_a_gigabyte() {
    let python = "line = b'x' * 999 + b'\\n'\n\
                  os.write(1, b'first\\n')\n\
                  for _ in range(16_384): sys.stdout.buffer.write(line * 65)\n\
                  sys.stdout.flush()\nos.write(1, b'last\\n')\nopen(sys.argv[1], 'w')";
    let project = step(python, "");
    let mut running = Background(project.command(&["run", "a", "--quiet"]).spawn().unwrap());
    let status = format!("/proc/{}/status", running.0.id());
    let mut peak_kib = 0;
    let ended = loop {
        if let Some(ended) = running.0.try_wait().unwrap() {
            break ended;
        }
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak =
            peak.and_then(|peak| peak.trim().strip_suffix(" kB")).and_then(|peak| peak.trim().parse().ok());
        peak_kib = peak_kib.max(peak.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(ended.success());
    assert!((1..200_000).contains(&peak_kib), "{peak_kib} KiB at most");
    let log = project.succeeds(&["logs", "a"]).stdout;
    assert!(log.len() < 70 << 20, "{}", log.len());
    assert!(log.starts_with("first\nxxx") && log.ends_with("xxx\nlast\n"));
    assert!(log.contains(" bytes cut …]\n"));
    // It is said to whoever takes the result, from the cache too.
    let again = project.succeeds(&["run", "a"]);
    assert!(again.stdout.contains("its log lacks"), "{}", again.text());
}
