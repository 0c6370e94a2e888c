//! A server of a new program replaces the replicas of the one before, and no request fails meanwhile.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::rig::{Rig, ask_wine};

const PRODUCTION: &str = "projects/wine/environments/production";

/// The program of the one replica that is live.
fn program(shown: &Value) -> Option<PathBuf> {
    let instances = shown["instances"].as_array()?;
    let replica = instances.iter().find(|replica| replica["live"] == json!(true))?;
    std::fs::read_link(format!("/proc/{}/exe", replica["pid"])).ok()
}

#[test]
fn a_server_of_a_new_program_replaces_its_replicas_and_no_request_fails() {
    let mut rig = Rig::new("", "");
    let released = rig.does("POST", &format!("{PRODUCTION}/releases"), &json!({}))["release"].clone();
    let id = released["id"].as_str().unwrap();
    rig.until(&format!("releases/{id}"), |release| release["status"] == "done");
    rig.until(PRODUCTION, |shown| program(shown).is_some());

    // As good as the old one, and another.
    let new = rig.project.beside("modelyard");
    std::fs::copy(env!("CARGO_BIN_EXE_modelyard"), &new).unwrap();
    OpenOptions::new().append(true).open(&new).unwrap().write_all(b"\n").unwrap();

    let (stop, answered) = (AtomicBool::new(false), AtomicU64::new(0));
    let address = rig.production;
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        assert_eq!(ask_wine(address), Ok(json!(1)));
                        answered.fetch_add(1, Ordering::Relaxed);
                        std::thread::sleep(Duration::from_millis(5));
                    }
                })
            })
            .collect();
        rig.serve(&new);
        rig.until(PRODUCTION, |shown| program(shown).as_deref() == Some(&*new));
        let seen = answered.load(Ordering::Relaxed);
        // And goes on.
        while answered.load(Ordering::Relaxed) < seen + 50
            && !clients.iter().any(|client| client.is_finished())
        {
            std::thread::sleep(Duration::from_millis(20));
        }
        stop.store(true, Ordering::Relaxed);
    });
    // It stays the one that is seen, also once the one before has told that it ends.
    for _ in 0..20 {
        let shown = rig.get(PRODUCTION);
        assert_eq!(program(&shown).as_deref(), Some(&*new), "{shown}");
        std::thread::sleep(Duration::from_millis(100));
    }
}
