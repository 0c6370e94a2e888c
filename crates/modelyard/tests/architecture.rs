//! `ARCHITECTURE.md` says which crates there are and which way arrows point; this holds it to that.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn the_crate_map_names_the_crates_there_are() {
    let mapped: Vec<String> = levels().into_keys().collect();
    let there: Vec<String> = packages().into_keys().collect();
    assert_eq!(mapped, there, "the crate map of ARCHITECTURE.md (left) and the workspace (right) differ");
}

#[test]
fn arrows_point_down() {
    let levels = levels();
    let mut wrong = Vec::new();
    for (user, used) in arrows() {
        if levels[&used] >= levels[&user] {
            wrong.push(format!("{user} (L{}) uses {used} (L{})", levels[&user], levels[&used]));
        }
    }
    assert!(wrong.is_empty(), "a crate uses crates of lower levels only: {}", wrong.join(", "));
}

#[test]
fn only_the_binary_knows_the_store_and_http() {
    for (user, used) in arrows() {
        let is_edge = used == "store" || used == "http";
        assert!(!is_edge || user == "modelyard", "{user} uses {used}, which is for the binary to wire");
    }
}

/// The map's lines: a crate's name to its level.
fn levels() -> BTreeMap<String, u8> {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let map = text.split("```text\n").nth(1).expect("a crate map in ARCHITECTURE.md");
    let map = map.split("```").next().expect("the map's end");
    map.lines()
        .map(|line| {
            let mut words = line.split_whitespace();
            let level = words.next().and_then(|word| word.strip_prefix('L')).expect("a level");
            (words.next().expect("a crate").to_owned(), level.parse().expect("a level's number"))
        })
        .collect()
}

/// Who uses whom, tests left out: those may take whatever shows what they promise.
fn arrows() -> Vec<(String, String)> {
    let mut arrows = Vec::new();
    for (user, package) in packages() {
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let is_ours = dependency["path"].is_string();
            if is_ours && dependency["kind"] != "dev" {
                arrows.push((user.clone(), short(&dependency["name"])));
            }
        }
    }
    arrows
}

/// The workspace's packages by the names of their folders.
fn packages() -> BTreeMap<String, Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo metadata");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo's JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages.iter().map(|package| (short(&package["name"]), package.clone())).collect()
}

fn short(name: &Value) -> String {
    let name = name.as_str().expect("a name");
    name.strip_prefix("modelyard-").unwrap_or(name).to_owned()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
