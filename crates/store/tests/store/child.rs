//! Other processes of these tests: the test binary again, told by a variable what to do.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use modelyard_core::Kind;
use modelyard_core::deploy::Environment;
use modelyard_core::ports::{Change, Home};
use modelyard_core::run::RunKind;

use crate::deployed;
use crate::support::{
    TestClock, action_result, actor, assert_blobs_whole, data_version, digest, files_below, new_version,
    open, run,
};

const JOB: &str = "MODELYARD_STORE_TEST_JOB";
const FOLDER: &str = "MODELYARD_STORE_TEST_FOLDER";
const ARGUMENT: &str = "MODELYARD_STORE_TEST_ARGUMENT";

/// The command of a child that does `job` with the home in `folder`. Before it stand the words of
/// `wrapper`, as of `unshare --mount sh -c …`.
pub(crate) fn command(wrapper: &[&str], job: &str, folder: &Path, argument: &str) -> Command {
    let program = std::env::current_exe().expect("this program");
    let mut command = match wrapper {
        [] => Command::new(program),
        [first, rest @ ..] => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
    };
    command
        .args(["--exact", "child::does_its_job", "--nocapture"])
        .env(JOB, job)
        .env(FOLDER, folder)
        .env(ARGUMENT, argument)
        .stdin(Stdio::null());
    command
}

/// What the children of `output` reported, a line each; panics if one failed.
pub(crate) fn reported(output: std::process::Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "a child failed ({}):\n{text}\n{errors}", output.status);
    reports(&text)
}

/// The reports in a child's output; a line that was cut off is none.
pub(crate) fn reports(text: &str) -> Vec<String> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().filter_map(|line| line.split_once("> ")).map(|(_, report)| report.to_owned()).collect()
}

/// Past the test harness, which keeps what `println!` writes; one write, so that no line is mixed.
fn report(text: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("> {text}\n").as_bytes()).expect("a parent that reads");
    out.flush().expect("a parent that reads");
}

/// No test of its own: what the other tests' children do.
#[tokio::test]
async fn does_its_job() {
    let Ok(job) = std::env::var(JOB) else { return };
    let folder = PathBuf::from(std::env::var(FOLDER).expect("a folder"));
    let argument = std::env::var(ARGUMENT).unwrap_or_default();
    match job.as_str() {
        "write until killed" => write_until_killed(&folder, &argument).await,
        "register" => register(&folder, &argument).await,
        "fill the disk" => fill_the_disk(&folder).await,
        "meet a limit" => meet_a_limit(&folder).await,
        "open read-only" => open_read_only(&folder).await,
        "hold a lock" => hold_a_lock(&folder).await,
        other => panic!("no job `{other}`"),
    }
}

/// Writes of every kind, each reported once it was acknowledged.
async fn write_until_killed(folder: &Path, name: &str) {
    let home = open(folder).await;
    let clock = TestClock::new();
    // Beside the home: the parent cleans up after a child that was killed.
    let source = folder.with_extension(format!("source-{name}"));
    fs::create_dir_all(&source).unwrap();
    let _guard = home.locks.lock("work").await.unwrap();
    report("ready");
    for i in 0u64.. {
        let text = format!("{name}/{i}");
        let bytes = text.repeat(1 << (i % 14)).into_bytes();
        report(&format!("blob {}", home.blobs.put(&bytes).await.unwrap()));

        fs::write(source.join("same"), "same").unwrap();
        fs::write(source.join("model"), &bytes[..bytes.len() / 2]).unwrap();
        let tree = home.blobs.put_folder(&source).await.unwrap();
        report(&format!("tree {}", tree.digest()));

        let mut new = new_version("late", &text, (i % 3 == 0).then_some("challenger"));
        new.package = tree.digest();
        let (version, _) = home.models.register(&new, &actor()).await.unwrap();
        report(&format!("version {} {}", version.number, version.package));

        home.models.set_alias("late", version.number, "champion", &actor()).await.unwrap();
        report(&format!("champion {}", version.number));

        // Everything that one change may hold.
        let environment = home.environments.environment(&deployed::id("production")).await.unwrap();
        let environment =
            environment.unwrap_or_else(|| Environment::new(deployed::id("production"), deployed::spec()));
        let change = Change {
            release: Some(deployed::release(&environment, version.number)),
            aliases: vec![("late".to_owned(), version.number, "released".to_owned())],
            event: "release.began",
            ..deployed::change(deployed::serving(&environment, version.number))
        };
        let environment = home.environments.change(&change, &actor()).await.unwrap();
        report(&format!("environment {}", environment.revision));

        let data = data_version("flights", &text);
        let data = home.data.record("p", &data, actor().at).await.unwrap();
        report(&format!("data {} {}", data.number, data.data.digest));

        let run = run(&*clock, "p", RunKind::Step, None);
        home.runs.save(&run).await.unwrap();
        report(&format!("run {}", run.id));

        let result = action_result(i);
        home.results.put(&result).await.unwrap();
        report(&format!("result {i}"));
    }
}

/// Registers ten packages of its own and one that others register too; records as many data versions.
async fn register(folder: &Path, name: &str) {
    let home = open(folder).await;
    for i in 0..10 {
        let text = format!("{name}/{i}");
        let (version, is_new) =
            home.models.register(&new_version("late", &text, Some("champion")), &actor()).await.unwrap();
        assert!(is_new);
        report(&format!("version {}", version.number));
        let data = home.data.record("p", &data_version("flights", &text), actor().at).await.unwrap();
        report(&format!("data {}", data.number));
        home.blobs.put(format!("same/{i}").repeat(1_000).as_bytes()).await.unwrap();
        home.audit.append(&actor(), "test", name, i.into()).await.unwrap();
    }
    let (version, is_new) = home.models.register(&new_version("same", "same", None), &actor()).await.unwrap();
    report(&format!("same {} {is_new}", version.number));
}

/// On a disk of a few megabytes, which nobody else sees: writes until it is full, then frees some.
async fn fill_the_disk(disk: &Path) {
    let folder = disk.join("home");
    let ballast = disk.join("ballast");
    fs::write(&ballast, vec![1; 2 << 20]).unwrap();
    let home = open(&folder).await;

    let source = disk.join("source");
    fs::create_dir(&source).unwrap();
    fs::write(source.join("a"), vec![2; 200_000]).unwrap();
    fs::write(source.join("b"), vec![3; 200_000]).unwrap();

    let mut blobs = Vec::new();
    let fault = loop {
        let bytes = vec![blobs.len() as u8; 150_000 + blobs.len()];
        match home.blobs.put(&bytes).await {
            Ok(digest) => blobs.push(digest),
            Err(fault) => break fault,
        }
    };
    assert_is_full(&fault);
    assert_is_full(&home.blobs.put_folder(&source).await.unwrap_err());
    let target = disk.join("target");
    assert_is_full(&home.blobs.fetch_file(blobs[0], &target).await.unwrap_err());
    assert!(!target.exists(), "a file is half-written");

    let mut results = 0;
    let fault = loop {
        let mut result = action_result(results);
        result.remarks = vec!["x".repeat(20_000)];
        match home.results.put(&result).await {
            Ok(()) => results += 1,
            Err(fault) => break fault,
        }
    };
    assert_is_full(&fault);
    let versions = home.models.versions("late").await.unwrap().len();

    assert_eq!(assert_blobs_whole(&folder), blobs.len());
    assert!(files_below(&folder.join("tmp")).is_empty(), "temporary files are left");
    for digest in &blobs {
        assert!(home.blobs.get(*digest).await.unwrap().is_some());
    }
    for i in 0..results {
        assert!(home.results.get(action_result(i).key).await.unwrap().is_some(), "result {i} of {results}");
    }
    assert!(home.results.get(action_result(results).key).await.unwrap().is_none());

    // With space again the same home goes on, without being opened anew.
    fs::remove_file(&ballast).unwrap();
    home.blobs.put_folder(&source).await.unwrap();
    home.models.register(&new_version("late", "a", None), &actor()).await.unwrap();
    assert_eq!(home.models.versions("late").await.unwrap().len(), versions + 1);

    // Nor can a new home be made half.
    fs::write(&ballast, vec![1; 64]).unwrap();
    let filler = fs::File::options().append(true).open(&ballast).unwrap();
    while (&filler).write_all(&[1; 4096]).is_ok() {}
    drop(filler);
    let other = disk.join("other");
    let fault = modelyard_store::open(&other, TestClock::new()).await.err().expect("no space for a home");
    assert_is_full(&fault);
    fs::remove_file(&ballast).unwrap();
    open(&other).await;
    report("done");
}

fn assert_is_full(fault: &modelyard_core::Fault) {
    assert_eq!(fault.kind(), Kind::Store, "{}", fault.report());
    let hint = fault.hint_text().unwrap_or_default();
    assert!(hint.contains("free some space"), "{}", fault.report());
}

/// Under a limit on the size of files of 450 kB.
async fn meet_a_limit(folder: &Path) {
    let home = open(folder).await;
    let small = home.blobs.put(&[1; 10_000]).await.unwrap();
    let fault = home.blobs.put(&[1; 1_000_000]).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Store);
    assert!(fault.hint_text().unwrap_or_default().contains("ulimit"), "{}", fault.report());
    let mut results = 0;
    let fault = loop {
        let mut result = action_result(results);
        result.remarks = vec!["x".repeat(20_000)];
        match home.results.put(&result).await {
            Ok(()) => results += 1,
            Err(fault) => break fault,
        }
    };
    assert_eq!(fault.kind(), Kind::Store);
    assert!(fault.hint_text().is_some(), "{}", fault.report());
    assert!(home.blobs.contains(small).await.unwrap());
    for i in 0..results {
        assert!(home.results.get(action_result(i).key).await.unwrap().is_some());
    }
    assert_eq!(assert_blobs_whole(folder), 1);
    assert!(files_below(&folder.join("tmp")).is_empty());
    report("done");
}

async fn open_read_only(folder: &Path) {
    for folder in [folder.to_owned(), folder.join("new")] {
        let fault = modelyard_store::open(&folder, TestClock::new()).await.err().expect("it is read-only");
        assert_eq!(fault.kind(), Kind::Store, "{}", fault.report());
        report(&fault.report().replace('\n', " |"));
    }
}

async fn hold_a_lock(folder: &Path) {
    let home: Home = open(folder).await;
    let _guard = home.locks.lock("server").await.unwrap();
    home.blobs.put(digest("x").to_string().as_bytes()).await.unwrap();
    report("held");
    std::future::pending().await
}
