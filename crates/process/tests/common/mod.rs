//! What the tests of this crate share.

#![allow(dead_code)] // Each test file uses a part of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use modelyard_process::run::{CommandSpec, Exit, run};
use modelyard_process::sandbox::SandboxSpec;
use modelyard_process::temporary::PrivateTmp;

/// A folder with `work/` that a command may write, and its log beside it.
pub(crate) struct Bench {
    folder: PrivateTmp,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = PrivateTmp::new().unwrap();
        std::fs::create_dir(folder.path().join("work")).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.path().join("log")).unwrap()).into_owned()
    }

    pub(crate) fn spec(&self, words: &[&str]) -> CommandSpec {
        let mut spec = CommandSpec::new(words, self.work(), self.folder.path().join("log"));
        spec.env.insert("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into());
        spec.env.insert("HOME".into(), self.work().into());
        spec.sandbox = SandboxSpec { write: vec![self.work()], ..SandboxSpec::default() };
        spec
    }

    /// A command in Python: `text` with the words after it as `sys.argv[1:]`.
    pub(crate) fn python(&self, text: &str, arguments: &[&str]) -> CommandSpec {
        let python = python();
        let mut words = vec![python.to_str().unwrap(), "-c", text];
        words.extend(arguments);
        let mut spec = self.spec(&words);
        spec.sandbox.read = python_paths(&python);
        spec
    }
}

pub(crate) async fn finish(spec: CommandSpec) -> Exit {
    run(spec, |_| {}, std::future::pending()).await.unwrap()
}

/// The interpreter that has the packages of `tests/requirements.txt`.
pub(crate) fn python() -> PathBuf {
    match std::env::var_os("MODELYARD_TEST_PYTHON") {
        Some(python) => python.into(),
        None => panic!(
            "MODELYARD_TEST_PYTHON is not set: name the Python of an environment that has the packages of \
             tests/requirements.txt (`make test` makes one)"
        ),
    }
}

/// What a command must be able to read to run `python`: its environment and its base.
fn python_paths(python: &Path) -> Vec<PathBuf> {
    let code = "import sys; print(sys.prefix); print(sys.base_prefix)";
    let output = std::process::Command::new(python).args(["-c", code]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect()
}

/// Ids of the processes that have `word` among their arguments.
pub(crate) fn processes_with(word: &str) -> Vec<u32> {
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())
        })
        .collect()
}

/// Waits until `done`, at most ten seconds.
pub(crate) fn until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(10), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Removes the folders that a killed program has printed to its stderr.
pub(crate) fn clean_up(killed: &mut std::process::Child) {
    let mut printed = String::new();
    std::io::Read::read_to_string(&mut killed.stderr.take().unwrap(), &mut printed).unwrap();
    for folder in printed.lines().filter_map(|line| Some(&line[line.find("/tmp/my-")?..])) {
        std::fs::remove_dir_all(folder).unwrap();
    }
}

/// A folder below `folder` with a `python3` that has no uv, and `folder/cache` with a pip that all
/// tests share (making one takes seconds). Each call of it adds a line to `folder/calls`.
pub(crate) fn python_without_uv(folder: &Path) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let bin = folder.join("bin");
    std::fs::create_dir(&bin).unwrap();
    let shim = format!(
        "#!/bin/sh\necho called >>{}/calls\n[ \"$1 $2\" = '-m uv' ] && exit 1\nexec {} \"$@\"\n",
        folder.display(),
        python().display()
    );
    std::fs::write(bin.join("python3"), shim).unwrap();
    std::fs::set_permissions(bin.join("python3"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tools");
    std::fs::create_dir_all(&tools).unwrap();
    std::fs::create_dir(folder.join("cache")).unwrap();
    std::os::unix::fs::symlink(tools, folder.join("cache/tools")).unwrap();
    bin
}
