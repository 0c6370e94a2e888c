//! Several people at the same moment.

use std::io::Read;
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::hostile::{Background, Ended, Project, wait_until};
use super::stage::{Stage, ask};

/// Starts all, as these people, then waits for all.
fn at_once(project: &Project, commands: &[(&str, &[&str])]) -> Vec<Ended> {
    let start = |(actor, args): &(&str, &[&str])| -> Child {
        let mut command = project.command(args);
        command.env("MODELYARD_ACTOR", actor);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let all: Vec<Child> = commands.iter().map(start).collect();
    all.into_iter().map(|child| Ended::of(child.wait_with_output().unwrap())).collect()
}

#[test]
fn approvals_at_the_same_moment_all_count_and_each_person_once() {
    let stage = Stage::new(&[("live", "approvals = 3")]);
    let project = &stage.project;
    let waiting = project.document(&["release", "small@1", "--to", "live"]);
    assert_eq!(waiting["release"]["status"], "waiting");
    let approve: &[&str] = &["models", "approve", "small@1"];
    for ended in at_once(project, &[("ben", approve), ("eve", approve), ("ben", approve), ("eve", approve)]) {
        assert_eq!(ended.code, 0, "{}", ended.text());
    }
    let shown = project.document(&["release", "status", "live"]);
    let missing = shown["missing"].as_str().unwrap();
    assert!(missing.starts_with("1 of 3 approvals are missing; approved by "), "{missing}");
    assert!(["ben, eve", "eve, ben"].iter().any(|people| missing.ends_with(people)), "{missing}");
    for ended in at_once(project, &[("kim", approve), ("ben", approve)]) {
        assert_eq!(ended.code, 0, "{}", ended.text());
    }
    // With nobody else to do it, the last approval carries the release on.
    assert_eq!(stage.version("live"), 1);
    let audit = project.document(&["audit"]);
    let approved = |entry: &&Value| entry["event"] == "model.version.approved";
    assert_eq!(audit.as_array().unwrap().iter().filter(approved).count(), 6, "none is lost");
    project.succeeds(&["audit", "--verify"]);
}

#[test]
fn of_releases_at_the_same_moment_one_begins_and_the_others_are_told_whose() {
    let stage = Stage::new(&[("live", "approvals = 1")]);
    stage.another_version();
    let project = &stage.project;
    project.succeeds(&["apply", "--yes"]);
    let [first, second] = [["release", "small@1", "--to", "live"], ["release", "small@2", "--to", "live"]];
    let commands: [(&str, &[&str]); 4] =
        [("ben", &first), ("eve", &second), ("kim", &first), ("ada", &second)];
    let ended = at_once(project, &commands);
    let begun: Vec<usize> = (0..4).filter(|place| ended[*place].code == 0).collect();
    let all: String = ended.iter().map(Ended::text).collect();
    assert_eq!(begun.len(), 1, "{all}");
    let (by, args) = commands[begun[0]];
    let whose = format!(": the release of `{}` by `{by}` is under way, waiting for approval\n", args[1]);
    for refused in ended.iter().filter(|ended| ended.code != 0) {
        assert_eq!(refused.code, 16, "{}", refused.text());
        assert!(refused.stderr.contains(&whose), "{whose}\n{}", refused.text());
        assert!(refused.stderr.contains("`modelyard release abort live` ends it"), "{}", refused.text());
    }

    // The same at the server's API, for what the first one leaves.
    project.succeeds(&["release", "abort", "live"]);
    let (server, address) = stage.server();
    let path = "/api/v1/projects/small/environments/live/releases";
    let asking: Vec<_> = (0..4)
        .map(|number| {
            std::thread::spawn(move || {
                ask(
                    address,
                    "POST",
                    path,
                    "",
                    &json!({"model": format!("small@{}", number % 2 + 1)}).to_string(),
                )
            })
        })
        .collect();
    let answers: Vec<(u16, Value)> = asking.into_iter().map(|asking| asking.join().unwrap()).collect();
    let begun = answers.iter().filter(|(status, _)| (200..300).contains(status)).count();
    assert_eq!(begun, 1, "{answers:#?}");
    for (status, answer) in answers.iter().filter(|(status, _)| *status >= 300) {
        assert_eq!(*status, 409, "{answer}");
        assert!(
            answer["message"].as_str().unwrap().contains("is under way, waiting for approval"),
            "{answer}"
        );
    }
    project.succeeds(&["release", "abort", "live", "--wait"]);
    drop(server);
    project.succeeds(&["audit", "--verify"]);
}

#[test]
fn what_is_applied_at_the_same_moment_is_one_or_the_other() {
    let stage = Stage::new(&[("live", ""), ("next", "")]);
    let project = &stage.project;
    // Another working folder of the same project, on the same home.
    let other = project.root().parent().unwrap().join("other");
    let copy = std::process::Command::new("cp").arg("-r").args([&project.root(), &other]).status().unwrap();
    assert!(copy.success());
    let home = project.home().to_str().unwrap().to_owned();
    let other = other.to_str().unwrap();
    for round in 1..4_u32 {
        let lines = |batch: u32| format!("batch = {batch}");
        stage.declare(&[("live", &lines(2 * round)), ("next", &lines(2 * round))]);
        std::fs::copy(project.root().join("modelyard.toml"), format!("{other}/modelyard.toml")).unwrap();
        stage.declare(&[("live", &lines(2 * round + 1)), ("next", &lines(2 * round + 1))]);
        let here: &[&str] = &["--home", &home, "apply", "--yes"];
        let there: &[&str] = &["--home", &home, "-C", other, "apply", "--yes"];
        for ended in at_once(project, &[("ada", here), ("ben", there), ("eve", here), ("kim", there)]) {
            // Whoever showed what is no longer so is told.
            assert!([0, 14].contains(&ended.code), "{}", ended.text());
        }
        let batch = |name: &str| {
            project.document(&["environments", "show", name])["settings"]["batch"]["rows"].clone()
        };
        assert_eq!(batch("live"), batch("next"), "a mixture was applied");
    }
    project.succeeds(&["apply", "--yes"]);
    assert_eq!(project.document(&["apply", "--dry-run"])["changes"], json!([]));
    project.succeeds(&["audit", "--verify"]);
}

/// A release that goes on for as long as nobody ends it, by a server that ends while commands wait.
#[test]
fn who_waits_stands_in_for_a_server_and_gives_way_to_one_that_comes() {
    let stage = Stage::new(&[("live", "strategy = \"canary\"\nweights = [50, 100]")]);
    stage.another_version();
    let project = &stage.project;
    project.succeeds(&["deploy", "live", "small@1", "--wait"]);
    let (server, _) = stage.server();
    let mut waiting = Background(
        project
            .command(&["release", "small@2", "--to", "live", "--wait"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    let status = || project.document(&["release", "status", "live"])["release"]["status"].clone();
    wait_until("it rolls", || status() == "rolling");

    // Nobody else is there: a wish is carried out by the one that waits, once it is sure of that.
    drop(server);
    project.succeeds(&["release", "pause", "live"]);
    wait_until("it stands in", || status() == "paused");

    // A server that is started then is ready at once, and goes on with it; the one that waits hears of the end.
    let (_server, _) = stage.server();
    assert_eq!((status(), waiting.0.try_wait().unwrap()), (json!("paused"), None));
    project.succeeds(&["release", "promote", "live"]);
    wait_until("the release ends", || waiting.0.try_wait().unwrap().is_some());
    assert!(waiting.0.wait().unwrap().success());
    let mut printed = String::new();
    waiting.0.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert!(printed.contains("a server has come, which goes on with it"), "{printed}");
    assert_eq!(stage.version("live"), 2);
}
