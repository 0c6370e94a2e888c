//! `kill -9` of the server and of data planes at random moments of a release: it goes on or goes back, and
//! every answer was by a version that the history names.
//!
//! A tenth of MODELYARD_CRASH_ROUNDS (30) says how often; MODELYARD_CRASH_SEED repeats a seed that was
//! printed.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::hostile::wait_until;
use crate::record;
use crate::shop::{Shop, is_gone};
use crate::traffic::{Came, Traffic, now};

/// When what was killed, microseconds since the epoch: before and after.
#[derive(Default)]
struct Kills {
    planes: Vec<(i64, i64)>,
    /// Nobody was left who held the port, so that who waited for an answer lost its connection.
    everybody: Vec<(i64, i64)>,
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

#[test]
fn crash_of_one_replica_and_of_servers_during_releases() {
    killed(1);
}

#[test]
fn crash_of_two_replicas_and_of_servers_during_releases() {
    killed(2);
}

fn killed(replicas: u32) {
    let rounds = number("MODELYARD_CRASH_ROUNDS", 30).div_ceil(10);
    let seed = number("MODELYARD_CRASH_SEED", rand::rng().random());
    eprintln!("MODELYARD_CRASH_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut shop = Shop::open(replicas);
    // One that waits, and takes over.
    shop.start_server();
    let traffic = Traffic::begin(shop.production, 4);
    traffic.goes_on(600);
    let (mut kills, mut done) = (Kills::default(), 0);
    for round in 0..rounds {
        let from = shop.version().as_u64().unwrap();
        let to = 3 - from;
        shop.project.succeeds(&["release", &format!("buyers@{to}"), "--to", "production"]);
        for _ in 0..random.random_range(1..3) {
            std::thread::sleep(Duration::from_millis(random.random_range(0..2500)));
            let (server, plane) = (random.random_bool(0.6), random.random_bool(0.6));
            let most = if random.random_bool(0.5) { 1 } else { replicas as usize };
            kill(&mut shop, server, if plane || !server { most } else { 0 }, &mut kills);
        }
        let told = format!("round {round}, MODELYARD_CRASH_SEED={seed}");
        let ended = shop.ended("production");
        let status = ended["status"].as_str().unwrap();
        let serves = match status {
            "done" => to,
            "rolled_back" | "failed" => from,
            other => panic!("{told}: it was {other}: {ended:#}"),
        };
        done += u32::from(status == "done");
        // Replicas are back, and follow.
        is_serving(&shop, serves, &told);
        shop.is_whole();
    }
    let asked = traffic.end();
    shop.project.succeeds(&["environments", "stop", "production", "--wait"]);
    eprintln!("{rounds} rounds, {done} done, {} requests", asked.len());
    let planes: Vec<i64> = kills.planes.iter().map(|(_, after)| *after).collect();
    record::explains(&shop, &asked, &planes);
    for one in &asked {
        // A connection breaks with the process that had it; a new one is accepted as long as anybody lives.
        let during = |kills: &[(i64, i64)]| {
            kills.iter().any(|(before, after)| one.connected <= *after && *before <= one.ended)
        };
        // Until the server that waited has bound the port anew; a worker that dies with its data plane may
        // hold the old one for a moment.
        let nobody = kills.everybody.iter().any(|(at, _)| (*at..at + 30_000_000).contains(&one.sent));
        let excused = match &one.came {
            Came::Answer(_) => true,
            Came::Lost(_) => during(&kills.planes) || during(&kills.everybody) || nobody,
            Came::Refused(_) => nobody,
            Came::Status(..) => false,
        };
        assert!(excused, "{one:?}, MODELYARD_CRASH_SEED={seed}\n{}", shop.said());
    }
}

/// Kills the server, where asked for, and so many data planes.
fn kill(shop: &mut Shop, server: bool, most_planes: usize, kills: &mut Kills) {
    let planes = shop.planes("production");
    let killed = &planes[..most_planes.min(planes.len())];
    let before = now();
    if server {
        shop.kill_server();
    }
    for plane in killed {
        let status = std::process::Command::new("kill").args(["-KILL", &plane.to_string()]).status();
        assert!(status.unwrap().success());
    }
    // A process keeps its sockets for a moment longer.
    wait_until("the data planes are gone", || killed.iter().all(|plane| is_gone(*plane)));
    let period = (before, now());
    if !killed.is_empty() {
        kills.planes.push(period);
    }
    if server {
        if killed.len() == planes.len() {
            kills.everybody.push(period);
        }
        shop.start_server();
    }
}

/// `version` alone answers in production, as far as the home knows too.
#[track_caller]
fn is_serving(shop: &Shop, version: u64, told: &str) {
    shop.is_followed();
    let shown = shop.project.document(&["environments", "show", "production"]);
    let placed = shown["placed"].as_array().unwrap();
    let serving: Vec<&Value> = placed.iter().filter(|version| version["phase"] == "serve").collect();
    assert_eq!((serving.len(), &serving[0]["version"]), (1, &Value::from(version)), "{told}: {shown:#}");
    assert_eq!(shop.version(), version, "{told}");
}
