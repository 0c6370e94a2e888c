//! Killed at random moments, raced, and repeated: the home always opens, the next run goes on, and
//! comes to what an undisturbed one comes to.
//!
//! MODELYARD_CRASH_ROUNDS says how often a run is killed (30), MODELYARD_CRASH_SEED repeats a seed that
//! was printed, MODELYARD_SOAK_SECONDS says how long processes race (10; a minute in `make soak`).

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

#[path = "common/hostile.rs"]
mod hostile;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hostile::{Background, Ended, LINE, Project, TRAIN, holds, wait_until_alone};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

/// Three quick steps before training, one that takes the package, a search of six trials.
fn project() -> Project {
    let line = LINE.replace("[0.5, 1.0]", "[0.25, 0.5, 0.75, 1.0, 1.25, 1.5]");
    let project = Project::new(&format!(
        "{line}gates = {{ rmse = {{ max = 1.0 }} }}\n\n\
         [steps.one]\nrun = \"python3 step.py one {{outputs.out}}\"\ncode = [\"step.py\"]\noutputs = [\"out\"]\n\n\
         [steps.two]\nrun = \"python3 step.py two {{outputs.out}} {{steps.one.out}}\"\ncode = [\"step.py\"]\noutputs = [\"out\"]\n\n\
         [steps.many]\nrun = \"python3 step.py many {{outputs.files}}/a {{steps.one.out}}\"\ncode = [\"step.py\"]\noutputs = [\"files/\"]\n\n\
         [steps.after]\nrun = \"python3 step.py after {{outputs.out}} {{package}}/manifest.json\"\ncode = [\"step.py\"]\noutputs = [\"out\"]\n"
    ));
    project.write("train.py", &format!("import subprocess\nsubprocess.Popen(['sleep', '0.05'])\n{TRAIN}"));
    project.write(
        "step.py",
        "import sys\nname, out, *inputs = sys.argv[1:]\n\
         text = name + ''.join(open(path).read() for path in inputs)\n\
         open(out, 'w').write(text * 200)\nprint('{\"metric\": \"length\", \"value\": %d}' % len(text))\n",
    );
    project
}

/// What a run came to, without what differs by nature: ids, times.
fn digests(project: &Project) -> BTreeMap<String, Value> {
    let run = project.last_run();
    let mut digests = BTreeMap::new();
    for name in ["data", "package", "params", "report", "gates", "model", "runtime", "status"] {
        digests.insert(name.to_owned(), run[name].clone());
    }
    for step in run["steps"].as_array().unwrap() {
        let name = step["name"].as_str().unwrap();
        digests.insert(format!("step {name}"), step["key"].clone());
        digests.insert(format!("metrics {name}"), step["metrics"].clone());
    }
    // When it was tested stands in the report.
    digests.remove("report");
    assert!(digests["package"].is_string() && digests["step train"].is_string(), "{run:#}");
    assert_eq!(digests["status"], "finished");
    digests
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

#[test]
fn crash_at_random_moments_and_the_next_run_goes_on() {
    let undisturbed = project();
    let began = Instant::now();
    undisturbed.succeeds(&["run"]);
    let whole = began.elapsed();
    let wanted = digests(&undisturbed);

    let rounds = number("MODELYARD_CRASH_ROUNDS", 30);
    let seed = number("MODELYARD_CRASH_SEED", rand::rng().random());
    eprintln!("MODELYARD_CRASH_SEED={seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut killed_at_work = 0;
    let mut project = project();
    for round in 0..rounds {
        let delay = whole.mul_f64(random.random_range(0.0..1.0));
        let mut command = project.command(&["run", "--jobs", "3"]);
        let mut running = Background(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        std::thread::sleep(delay);
        let ended_before = running.0.try_wait().unwrap().is_some();
        running.0.kill().unwrap();
        running.0.wait().unwrap();
        let told = format!("round {round}, killed after {delay:?}, MODELYARD_CRASH_SEED={seed}");
        if ended_before {
            project = self::project();
            continue;
        }
        killed_at_work += 1;
        wait_until_alone(&project);
        // Some go on being killed, so that one kill meets what another has left.
        if random.random_bool(0.5) {
            continue;
        }
        let looked = project.modelyard(&["runs", "list"]);
        assert!(
            looked.code == 0 || looked.code == 13 && !project.home().exists(),
            "{told}: {}",
            looked.text()
        );
        let ended = project.modelyard(&["run"]);
        assert_eq!(ended.code, 0, "{told}: {}", ended.text());
        assert_eq!(digests(&project), wanted, "{told}");
        whole_again(&project, &told);
        project = self::project();
    }
    let ended = project.modelyard(&["run"]);
    assert_eq!(ended.code, 0, "{}", ended.text());
    assert_eq!(digests(&project), wanted);
    whole_again(&project, "at last");
    assert!(
        killed_at_work * 2 > rounds,
        "most rounds should be killed at work: {killed_at_work} of {rounds}"
    );
}

/// Nothing is left of what was killed, and what is there is right.
#[track_caller]
fn whole_again(project: &Project, told: &str) {
    assert!(project.stale_folders().is_empty(), "{told}: {:?}", project.stale_folders());
    wait_until_alone(project);
    let temporary = std::fs::read_dir(project.home().join("tmp"));
    let left: Vec<_> =
        temporary.map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default();
    assert!(left.is_empty(), "{told}: {left:?}");
    for run in project.document(&["runs", "list"]).as_array().unwrap() {
        assert_ne!(run["status"], "running", "{told}: {run:#}");
    }
    let versions = project.document(&["models", "list"]);
    assert_eq!(versions[0]["latest_version"], 1, "{told}: {versions:#}");
    let again = project.succeeds(&["run", "--json"]);
    assert!(again.stdout.contains("\"all_cached\": true"), "{told}: {}", again.text());
}

/// Two builds of one project and eight readers at once.
#[test]
fn soak_builds_and_readers_share_a_home() {
    let seconds = number("MODELYARD_SOAK_SECONDS", 10);
    let undisturbed = project();
    undisturbed.succeeds(&["run"]);
    let wanted = digests(&undisturbed);
    let project = project();
    // Readers of a home that nobody has made are another story.
    project.succeeds(&["run", "rows"]);
    let done = AtomicBool::new(false);
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut runs, mut looks) = (0, 0);
    std::thread::scope(|scope| {
        let builder = |which: u32| {
            let (project, done, wanted) = (&project, &done, &wanted);
            scope.spawn(move || {
                let _stop = StopOthers(done);
                let mut runs = 0;
                while Instant::now() < end {
                    // One of them does it all again every time, so that there is work.
                    let force: &[&str] = match which {
                        0 => &["run", "--json", "--force", "one", "--force", "train", "--force", "package"],
                        _ => &["run", "--json"],
                    };
                    let ended = project.modelyard(force);
                    assert_fine(&ended, force);
                    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
                    assert_eq!(document["package"], wanted["package"]);
                    assert_eq!(document["model"], wanted["model"]);
                    assert_eq!(document["data"], wanted["data"]);
                    runs += 1;
                }
                runs
            })
        };
        let builders = [builder(0), builder(1)];
        let reader = |args: &'static [&'static str]| {
            let (project, done) = (&project, &done);
            scope.spawn(move || {
                let mut looks = 0;
                while !done.load(Ordering::Relaxed) {
                    let ended = project.modelyard(args);
                    assert_fine(&ended, args);
                    looks += 1;
                }
                looks
            })
        };
        let commands: [&'static [&'static str]; 4] =
            [&["status"], &["runs", "list"], &["models", "list"], &["data", "list"]];
        let readers: Vec<_> = commands.iter().chain(&commands).map(|args| reader(args)).collect();
        for builder in builders {
            runs += builder.join().unwrap();
        }
        for reader in readers {
            looks += reader.join().unwrap();
        }
    });
    eprintln!("{runs} runs and {looks} looks in {seconds} s");
    assert!(runs >= 2 && looks >= 8);
    project.succeeds(&["run"]);
    assert_eq!(digests(&project), wanted);
    whole_again(&project, "after the race");
    assert!(!holds(&project.home().join("steps"), b""), "no step's folder is left");
}

/// Lets readers end when a builder does, by panic too.
struct StopOthers<'a>(&'a AtomicBool);

impl Drop for StopOthers<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[track_caller]
fn assert_fine(ended: &Ended, args: &[&str]) {
    assert_eq!(ended.code, 0, "{args:?}: {}", ended.text());
    assert!(!ended.text().contains("locked"), "{args:?}: {}", ended.text());
}

/// Both builds start in a folder without a home, and each action is executed once.
#[test]
fn crash_of_nobody_when_two_builds_begin_at_once() {
    let project = project();
    let start = || {
        let mut command = project.command(&["run", "--json"]);
        Background(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    };
    let [mut one, mut two] = [start(), start()];
    let mut packages = Vec::new();
    for running in [&mut one, &mut two] {
        let mut stdout = String::new();
        std::io::Read::read_to_string(&mut running.0.stdout.take().unwrap(), &mut stdout).unwrap();
        let mut stderr = String::new();
        std::io::Read::read_to_string(&mut running.0.stderr.take().unwrap(), &mut stderr).unwrap();
        assert!(running.0.wait().unwrap().success(), "{stdout}{stderr}");
        let document: Value = serde_json::from_str(&stdout).unwrap();
        packages.push((document["package"].clone(), document["model"].clone()));
    }
    assert_eq!(packages[0], packages[1]);
    whole_again(&project, "after both");
}

#[test]
fn fifty_steps_in_one_project() {
    let steps: String = (0..50)
        .map(|number| match number % 5 {
            0 => format!(
                "[steps.s{number}]\nrun = \"cp {{data.rows.train}} {{outputs.out}}\"\noutputs = [\"out\"]\n"
            ),
            _ => format!(
                "[steps.s{number}]\nrun = \"cp {{steps.s{}.out}} {{outputs.out}}\"\noutputs = [\"out\"]\n",
                number - 1
            ),
        })
        .collect();
    let project = Project::new(&steps);
    project.succeeds(&["run"]);
    let run = project.last_run();
    assert_eq!(run["steps"].as_array().unwrap().len(), 51);
    let again = project.succeeds(&["run", "--json"]);
    assert!(again.stdout.contains("\"all_cached\": true"), "{}", again.text());
    assert!(project.stale_folders().is_empty());
}
