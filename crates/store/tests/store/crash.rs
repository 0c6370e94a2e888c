//! A process that dies at any moment: what it was told is kept is there, nothing is there in part.
//!
//! `MODELYARD_CRASH_ROUNDS` says how often (default 30), `MODELYARD_CRASH_SEED` repeats a failure
//! as far as the machine's own timing allows.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use modelyard_core::audit::verify;
use modelyard_core::deploy::EnvironmentState;
use modelyard_core::ports::Home;
use modelyard_core::{Digest, Kind};
use sqlx::Connection;
use tempfile::tempdir;

use crate::support::{TestClock, action_result, assert_blobs_whole, files_below, open};
use crate::{child, deployed, support};

fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a whole number, not `{text}`")))
}

#[tokio::test]
async fn what_was_acknowledged_survives_being_killed_at_any_moment() {
    let rounds = variable("MODELYARD_CRASH_ROUNDS").unwrap_or(30);
    let seed = variable("MODELYARD_CRASH_SEED").unwrap_or_else(|| RandomState::new().hash_one(()));
    writeln_now(&format!("crash test: {rounds} rounds, MODELYARD_CRASH_SEED={seed}"));

    let folder = tempdir().unwrap();
    let mut kept = Kept::default();
    let mut home = folder.path().join("home-0");
    for round in 0..rounds {
        // A new home now and then, so that making one is interrupted too.
        if round % 5 == 0 {
            home = folder.path().join(format!("home-{round}"));
            kept = Kept::default();
        }
        let moment = mix(seed.wrapping_add(round));
        let micros = if round % 5 == 0 { moment % 40_000 } else { moment % 250_000 };
        let reports = killed_after(&home, round, Duration::from_micros(micros));
        kept.add(&reports);
        let opened = open(&home).await;
        kept.check(&opened, &home).await;
        drop(opened);
        check_database(&home).await;
    }
}

/// A child writes until it has lived for `life`; what it reported.
fn killed_after(home: &Path, round: u64, life: Duration) -> Vec<String> {
    let mut child = child::command(&[], "write until killed", home, &round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let mut out = child.stdout.take().expect("its output");
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    std::thread::sleep(life);
    child.kill().expect("kill -9");
    child.wait().expect("its end");
    child::reports(&reading.join().expect("a reader").expect("text"))
}

/// What the children of one home were told is kept.
#[derive(Default)]
struct Kept {
    blobs: Vec<Digest>,
    trees: Vec<Digest>,
    versions: BTreeMap<u32, Digest>,
    champion: u32,
    revision: u64,
    data: BTreeMap<u32, Digest>,
    runs: Vec<String>,
    results: Vec<u64>,
}

impl Kept {
    fn add(&mut self, reports: &[String]) {
        for report in reports {
            let words: Vec<_> = report.split(' ').collect();
            match words[..] {
                ["ready"] => {}
                ["blob", digest] => self.blobs.push(digest.parse().unwrap()),
                ["tree", digest] => self.trees.push(digest.parse().unwrap()),
                ["version", number, digest] => {
                    self.versions.insert(number.parse().unwrap(), digest.parse().unwrap());
                }
                ["champion", number] => self.champion = number.parse().unwrap(),
                ["environment", revision] => self.revision = revision.parse().unwrap(),
                ["data", number, digest] => {
                    self.data.insert(number.parse().unwrap(), digest.parse().unwrap());
                }
                ["run", id] => self.runs.push(id.to_owned()),
                ["result", seed] => self.results.push(seed.parse().unwrap()),
                _ => panic!("what is `{report}`?"),
            }
        }
    }

    async fn check(&self, home: &Home, folder: &Path) {
        assert_blobs_whole(folder);
        assert!(files_below(&folder.join("tmp")).is_empty(), "the dead left temporary files");
        assert!(home.locks.try_lock("work").await.unwrap().is_some(), "the dead hold a lock");

        for digest in &self.blobs {
            assert!(home.blobs.get(*digest).await.unwrap().is_some());
        }
        for digest in &self.trees {
            let tree = home.blobs.tree(*digest).await.unwrap().expect("a tree");
            for file in &tree.files {
                assert!(home.blobs.contains(file.digest).await.unwrap());
            }
        }
        for (number, digest) in &self.data {
            let version =
                home.data.get("p", "flights", Some(*number)).await.unwrap().expect("a data version");
            assert_eq!(version.data.digest, *digest);
        }
        for id in &self.runs {
            assert!(home.runs.get(id.parse().unwrap()).await.unwrap().is_some());
        }
        for seed in &self.results {
            assert!(home.results.get(action_result(*seed).key).await.unwrap().is_some());
        }
        self.check_registry(home).await;
        self.check_environment(home).await;
    }

    async fn check_registry(&self, home: &Home) {
        let versions = home.models.versions("late").await.unwrap();
        let mut numbers: Vec<_> = versions.iter().map(|version| version.number).collect();
        numbers.reverse();
        assert_eq!(numbers, (1..=versions.len() as u32).collect::<Vec<_>>());
        for version in &versions {
            if let Some(package) = self.versions.get(&version.number) {
                assert_eq!(version.package, *package);
            }
        }
        assert!(self.versions.keys().all(|number| numbers.contains(number)));

        let entries = home.audit.entries().await.unwrap();
        assert_eq!(verify(&entries, home.audit.head().await.unwrap()), Ok(()));
        let registered = entries.iter().filter(|entry| entry.event == "model.version.registered").count();
        assert_eq!(registered, versions.len(), "a change and its entry are one");
        let model = home.models.model("late").await.unwrap();
        let champion = model.and_then(|model| model.aliases.get("champion").copied()).unwrap_or(0);
        let noted = entries.iter().rev().find(|entry| entry.details["alias"] == "champion");
        let noted = noted.map_or(0, |entry| entry.subject["late@".len()..].parse().unwrap());
        assert!(champion >= self.champion);
        assert_eq!(champion, noted, "a change and its entry are one");
    }

    /// Environment, history, release, alias and entry of a change are all there, or none is.
    async fn check_environment(&self, home: &Home) {
        let id = deployed::id("production");
        let environment = home.environments.environment(&id).await.unwrap();
        let (revision, state) =
            environment.map_or((0, EnvironmentState::default()), |it| (it.revision, it.state));
        assert!(revision >= self.revision, "an acknowledged change is lost");
        assert_eq!(state.generation, revision);
        let states = home.environments.states(&id).await.unwrap();
        assert_eq!(states.len() as u64, revision);
        assert_eq!(states.last().map_or(&EnvironmentState::default(), |record| &record.state), &state);
        assert_eq!(home.environments.releases(&id).await.unwrap().len() as u64, revision);
        let entries = home.audit.entries().await.unwrap();
        assert_eq!(entries.iter().filter(|entry| entry.event == "release.began").count() as u64, revision);
        let model = home.models.model("late").await.unwrap();
        let released = model.and_then(|model| model.aliases.get("released").copied());
        assert_eq!(released, state.placed.first().map(|placed| placed.number));
    }
}

async fn check_database(folder: &Path) {
    let path = folder.join("modelyard.db");
    let mut database =
        sqlx::SqliteConnection::connect(path.to_str().expect("a path")).await.expect("a database");
    for check in
        ["PRAGMA integrity_check", "SELECT coalesce((SELECT 'broken' FROM pragma_foreign_key_check), 'ok')"]
    {
        let answer: String = sqlx::query_scalar(check).fetch_one(&mut database).await.unwrap();
        assert_eq!(answer, "ok", "{check}");
    }
    database.close().await.unwrap();
}

#[tokio::test]
async fn what_the_living_write_is_not_swept_away() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("home");
    let mut holder = child::command(&[], "hold a lock", &home, "").stdout(Stdio::piped()).spawn().unwrap();
    let out = BufReader::new(holder.stdout.take().unwrap());
    assert!(out.lines().any(|line| line.unwrap().ends_with("> held")));

    let opened = open(&home).await;
    assert_eq!(std::fs::read_dir(home.join("tmp")).unwrap().count(), 1);
    assert!(opened.locks.try_lock("server").await.unwrap().is_none());
    let fault = modelyard_store::upgrade(&home).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Conflict);

    holder.kill().unwrap();
    holder.wait().unwrap();
    assert!(opened.locks.try_lock("server").await.unwrap().is_some());
    open(&home).await;
    assert_eq!(std::fs::read_dir(home.join("tmp")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_home_that_was_made_in_part_is_completed() {
    let folder = tempdir().unwrap();
    let home = folder.path().join("home");
    drop(open(&home).await);
    std::fs::remove_file(home.join("home.json")).unwrap();
    let fault = modelyard_store::open_existing(&home, TestClock::new()).await.err().unwrap();
    assert_eq!(fault.kind(), Kind::NotFound);
    let opened = open(&home).await;
    opened.results.put(&support::action_result(1)).await.unwrap();
}

/// To the terminal at once: of a failed round the seed must be seen.
fn writeln_now(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// SplitMix64: enough to spread moments.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
