//! Who waits for a server's tests sees them as they run.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::json;

use crate::rig::Rig;

#[test]
fn tests_of_a_server_are_shown_while_they_run() {
    // The load goes on for longer than anybody takes to look.
    let rig = Rig::new("tests = { load = { rate = 20, seconds = 8 } }", "");
    let mut deploy = rig.project.command(&["deploy", "staging", "wine-cultivar@1", "--wait"]);
    let mut deploy = deploy.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(deploy.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let first =
        lines.by_ref().find(|line| line.trim_start().starts_with("golden ")).expect("a line of golden rows");
    let release = rig.get("projects/wine/environments/staging/releases")[0].clone();
    assert_eq!(release["status"], json!("testing"), "after `{first}`: {release}");
    let rest: Vec<String> = lines.collect();
    assert!(deploy.wait().unwrap().success(), "{rest:#?}");
    let place = |word: &str| rest.iter().position(|line| line.trim_start().starts_with(word));
    let (parity, load, ended) = (place("parity "), place("load "), place("release    all traffic"));
    assert!(parity.is_some() && parity < load && (load < ended || ended.is_none()), "{rest:#?}");
    let twice = rest.iter().filter(|line| line.trim_start().starts_with("parity ")).count();
    assert_eq!(twice, 1, "{rest:#?}");
}
