//! Environments made with the real tools from the real package registry.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod common;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use common::{Bench, finish};
use modelyard_core::Kind;
use modelyard_process::python::{Environment, Locked, Python};
use modelyard_process::temporary::PrivateTmp;

/// A cache, a project's folder, and a search path of its own.
struct Place {
    folder: PrivateTmp,
    search: OsString,
}

impl Place {
    /// With uv, which the machine must have.
    fn with_uv() -> Self {
        Self { folder: PrivateTmp::new().unwrap(), search: std::env::var_os("PATH").unwrap() }
    }

    /// With `python3` alone, which has no uv.
    fn without_uv() -> Self {
        let folder = PrivateTmp::new().unwrap();
        let bin = common::python_without_uv(folder.path());
        Self { search: bin.into(), folder }
    }

    fn python(&self) -> Python {
        Python::new(self.folder.path().join("cache"), &self.search)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn calls(&self) -> usize {
        std::fs::read_to_string(self.file("calls")).unwrap_or_default().lines().count()
    }

    async fn lock(&self, requirements: &str, upgrade: bool) -> Locked {
        std::fs::write(self.file("requirements.txt"), requirements).unwrap();
        let interpreter = self.python().find(None).await.unwrap();
        let (requirements, lock) = (self.file("requirements.txt"), self.file("requirements.lock"));
        match self.python().lock(&interpreter, &requirements, &lock, upgrade, &|_| {}).await {
            Ok(locked) => locked,
            Err(fault) => panic!("{}", fault.report()),
        }
    }

    async fn ensure(&self) -> Environment {
        let interpreter = self.python().find(None).await.unwrap();
        match self.python().ensure(Some(&self.file("requirements.lock")), &interpreter, &|_| {}).await {
            Ok(environment) => environment,
            Err(fault) => panic!("{}", fault.report()),
        }
    }
}

/// Whether a step in the sandbox can use `six` from the environment.
async fn imports_six(environment: &Environment) {
    let bench = Bench::new();
    let mut spec =
        bench.spec(&[environment.python.to_str().unwrap(), "-c", "import six; print(six.__version__)"]);
    spec.sandbox.read = environment.read.clone();
    let exit = finish(spec).await;
    assert!(exit.success(), "{}", bench.log());
    assert_eq!(bench.log(), "1.16.0\n");
}

#[tokio::test]
async fn uv_and_pip_make_the_same_environment() {
    let mut digests = Vec::new();
    for place in [Place::with_uv(), Place::without_uv()] {
        // The two must build on one interpreter.
        let (with, without) = (place.python(), Place::without_uv());
        let one = without.python().find(None).await.unwrap();
        let version = one.version.clone();
        let interpreter = with.find(Some(&version)).await.unwrap();

        assert_eq!(place.lock("six==1.16.0\n", false).await, Locked::Made);
        let lock = std::fs::read_to_string(place.file("requirements.lock")).unwrap();
        assert!(lock.contains("\nsix==1.16.0 \\\n    --hash=sha256:"), "{lock}");
        assert!(!lock.contains("://") && !lock.contains("/tmp"), "{lock}");

        let lock = place.file("requirements.lock");
        let environment = place.python().ensure(Some(&lock), &interpreter, &|_| {}).await.unwrap();
        assert_eq!(environment.packages, [("six".to_owned(), "1.16.0".to_owned())]);
        assert_eq!(environment.version, version);
        imports_six(&environment).await;
        digests.push((environment.digest, interpreter.version));
    }
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test]
async fn a_lock_is_made_once_and_follows_its_requirements() {
    let place = Place::with_uv();
    assert_eq!(place.lock("six<1.17\n", false).await, Locked::Made);
    let first = std::fs::read_to_string(place.file("requirements.lock")).unwrap();
    assert!(first.contains("six==1.16.0"), "{first}");
    assert_eq!(place.lock("# a comment\nsix < 1.17\n", false).await, Locked::Renewed);
    assert_eq!(place.lock("six<1.17\n# a comment\n", false).await, Locked::Renewed);
    assert_eq!(std::fs::read_to_string(place.file("requirements.lock")).unwrap(), first);
    assert_eq!(place.lock("six<1.17\n# a comment\n", true).await, Locked::Unchanged);
    // A version once chosen is kept until an upgrade is wanted.
    assert_eq!(place.lock("six\n", false).await, Locked::Renewed);
    let kept = std::fs::read_to_string(place.file("requirements.lock")).unwrap();
    assert!(kept.contains("six==1.16.0"), "{kept}");
    assert_eq!(place.lock("six\n", true).await, Locked::Renewed);
    let upgraded = std::fs::read_to_string(place.file("requirements.lock")).unwrap();
    assert!(!upgraded.contains("six==1.16.0"), "{upgraded}");
}

#[tokio::test]
async fn what_can_not_be_resolved_is_said_in_the_resolvers_words() {
    for place in [Place::with_uv(), Place::without_uv()] {
        std::fs::write(place.file("requirements.txt"), "six==99\n").unwrap();
        let python = place.python();
        let interpreter = python.find(None).await.unwrap();
        let (requirements, lock) = (place.file("requirements.txt"), place.file("requirements.lock"));
        let fault = python.lock(&interpreter, &requirements, &lock, false, &|_| {}).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::Environment);
        assert_eq!(fault.message(), format!("cannot resolve `{}`", requirements.display()));
        assert!(fault.report().contains("six==99"), "{}", fault.report());
        assert!(!lock.exists());
    }
}

#[tokio::test]
async fn a_lock_with_a_wrong_hash_is_refused() {
    for place in [Place::with_uv(), Place::without_uv()] {
        let hash = "0".repeat(64);
        std::fs::write(
            place.file("requirements.lock"),
            format!("six==1.16.0 \\\n    --hash=sha256:{hash}\n"),
        )
        .unwrap();
        let interpreter = place.python().find(None).await.unwrap();
        let fault = place
            .python()
            .ensure(Some(&place.file("requirements.lock")), &interpreter, &|_| {})
            .await
            .unwrap_err();
        assert_eq!(fault.kind(), Kind::Environment);
        assert!(fault.report().to_lowercase().contains("hash"), "{}", fault.report());
    }
}

#[tokio::test]
async fn a_known_environment_costs_no_process_and_hardly_any_time() {
    let place = Place::without_uv();
    place.lock("six==1.16.0\n", false).await;
    let made = place.ensure().await;
    let calls = place.calls();
    let times: Vec<_> = (0..9)
        .map(|_| {
            let started = Instant::now();
            let again = at_once(async {
                assert_eq!(place.lock("six==1.16.0\n", false).await, Locked::Unchanged);
                place.ensure().await
            });
            assert_eq!(again, made);
            started.elapsed()
        })
        .collect();
    // The least of them: others may keep the machine busy.
    assert!(times.iter().any(|time| *time < Duration::from_millis(10)), "{times:?}");
    assert_eq!(place.calls(), calls);
}

/// What is up to date is answered without waiting for anything.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("it waited for something"),
    }
}

#[tokio::test]
async fn a_known_environment_needs_no_network() {
    // Run anew in a network namespace of its own, this test asks for the environment again.
    if let (Ok(cache), Ok(lock)) = (std::env::var("TEST_CACHE"), std::env::var("TEST_LOCK")) {
        assert!(std::net::TcpStream::connect("127.0.0.1:9").is_err());
        let python = Python::new(cache, std::env::var_os("PATH").unwrap());
        let interpreter = python.find(None).await.unwrap();
        let requirements = Path::new(&lock).with_extension("txt");
        assert_eq!(
            python.lock(&interpreter, &requirements, Path::new(&lock), false, &|_| {}).await.unwrap(),
            Locked::Unchanged
        );
        let environment = python.ensure(Some(Path::new(&lock)), &interpreter, &|_| {}).await.unwrap();
        eprintln!("digest {}", environment.digest);
        return;
    }
    let place = Place::with_uv();
    place.lock("six==1.16.0\n", false).await;
    let environment = place.ensure().await;
    let output = std::process::Command::new("unshare")
        .args(["--map-root-user", "--net"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "a_known_environment_needs_no_network", "--nocapture"])
        .env("TEST_CACHE", place.file("cache"))
        .env("TEST_LOCK", place.file("requirements.lock"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("digest {}", environment.digest)), "{said}");
}

#[tokio::test]
async fn several_at_once_make_one() {
    let place = Place::with_uv();
    place.lock("six==1.16.0\n", false).await;
    let (a, b, c) = tokio::join!(place.ensure(), place.ensure(), place.ensure());
    assert!(a == b && b == c);
    imports_six(&a).await;
}

#[tokio::test]
async fn one_that_was_not_completed_is_made_anew() {
    let place = Place::with_uv();
    place.lock("six==1.16.0\n", false).await;
    let made = place.ensure().await;
    std::fs::remove_file(made.folder.join("modelyard.json")).unwrap();
    std::fs::write(made.folder.join("half-written"), "").unwrap();
    assert_eq!(place.ensure().await, made);
    assert!(!made.folder.join("half-written").exists());
}

#[tokio::test]
async fn without_requirements_there_is_the_interpreter_alone() {
    let place = Place::without_uv();
    let python = place.python();
    let interpreter = python.find(None).await.unwrap();
    let bare = python.ensure(None, &interpreter, &|_| {}).await.unwrap();
    assert!(bare.packages.is_empty());
    place.lock("# nothing yet\n", false).await;
    assert_eq!(place.ensure().await, bare);
    place.lock("six==1.16.0\n", false).await;
    assert_ne!(place.ensure().await.digest, bare.digest);
}

#[tokio::test]
async fn a_missing_python_is_said_with_what_was_looked_for() {
    let place = Place::without_uv();
    let found = place.python().find(None).await.unwrap();
    let fault = place.python().find(Some("3.99")).await.unwrap_err();
    assert_eq!(
        fault.report(),
        format!(
            "cannot find Python 3.99\n  looked for: python3.99, python3, python on the path, and with uv\n  \
             found: {} {}\n  hint: install it (`uv python install 3.99`), or change `version` in [python] of \
             modelyard.toml",
            found.path.display(),
            found.version
        )
    );
    let nothing = Python::new(place.file("cache"), "/nowhere").find(None).await.unwrap_err();
    assert_eq!(
        nothing.report(),
        "cannot find Python\n  looked for: python3, python on the path, and with uv\n  \
         hint: install Python 3.9 or newer (Debian: `apt install python3`)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_does_not_spoil_what_its_tool_still_writes() {
    // Started anew, this test program makes the environment, slowly, and is killed.
    if let (Ok(cache), Ok(lock)) = (std::env::var("TEST_SLOW_CACHE"), std::env::var("TEST_LOCK")) {
        let python = Python::new(cache, std::env::var_os("PATH").unwrap());
        let interpreter = python.find(None).await.unwrap();
        let _ = python.ensure(Some(Path::new(&lock)), &interpreter, &|_| {}).await;
        return;
    }
    let place = Place::with_uv();
    place.lock("six==1.16.0\n", false).await;
    let uv = place.python().find(None).await.unwrap();
    // A uv that takes its time.
    let slow = place.file("slow");
    std::fs::create_dir(&slow).unwrap();
    let shim = format!(
        "#!/bin/sh\n[ \"$1\" = pip ] && {{ touch {0}/begun; sleep 1; touch {0}/ended; }}\n\
         PATH=${{PATH#*:}} exec uv \"$@\"\n",
        slow.display()
    );
    std::fs::write(slow.join("uv"), shim).unwrap();
    std::fs::set_permissions(slow.join("uv"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut path = slow.clone().into_os_string();
    path.push(":");
    path.push(&place.search);
    let mut engine = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_engine_does_not_spoil_what_its_tool_still_writes"])
        .env("TEST_SLOW_CACHE", place.file("cache"))
        .env("TEST_LOCK", place.file("requirements.lock"))
        .env("PATH", path)
        .spawn()
        .unwrap();
    common::until("the tool is at work", || slow.join("begun").exists());
    engine.kill().unwrap();
    engine.wait().unwrap();
    let lock = place.file("requirements.lock");
    let environment = place.python().ensure(Some(&lock), &uv, &|_| {}).await.unwrap();
    assert!(slow.join("ended").exists(), "it was waited for");
    imports_six(&environment).await;
}
