//! A project in a repository; what the pipeline file says is done in fresh clones of it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::file::{Host, Script};
use super::hostile::{Background, Ended, Project};
use super::port::free;

/// A project whose production wants approval, with a Makefile. Beside it what a runner has: a home that is
/// kept, the program, and a `pip` that would install it.
pub(crate) struct Repository {
    pub(crate) project: Project,
    production: SocketAddr,
}

impl Repository {
    pub(crate) fn new(production_rules: &str) -> Self {
        let [staging, production] = [free(), free()];
        let project = Project::line(&format!(
            "\n[environments.production]\nlisten = \"{production}\"\nrequires = \"staging\"\n{production_rules}\n\
             \n[environments.staging]\nlisten = \"{staging}\"\n"
        ));
        project.write("Makefile", "FILES := train.py\n.PHONY: lint test\nlint:\n\tpython3 -m py_compile $(FILES)\ntest: lint\n\techo tests have passed\n");
        project.write(".gitignore", "__pycache__/\n");
        let repository = Self { project, production };
        let programs = repository.programs();
        std::fs::create_dir_all(&programs).unwrap();
        symlink(env!("CARGO_BIN_EXE_modelyard"), programs.join("modelyard")).unwrap();
        let pip = programs.join("pip");
        let wanted = concat!("install modelyard==", env!("CARGO_PKG_VERSION"));
        std::fs::write(&pip, format!("#!/bin/sh\ntest \"$*\" = \"{wanted}\"\n")).unwrap();
        std::fs::set_permissions(&pip, std::fs::Permissions::from_mode(0o755)).unwrap();
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.project.root().parent().unwrap().join(name)
    }

    fn programs(&self) -> PathBuf {
        self.beside("programs")
    }

    fn home(&self) -> PathBuf {
        self.beside("kept")
    }

    fn git(&self, args: &[&str]) {
        let mut command = Command::new("git");
        command.args(["-c", "user.name=ada", "-c", "user.email=ada@localhost"]).args(args);
        let output = command.current_dir(self.project.root()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// `script` in a shell as runners start it, in the folder `clone`.
    fn shell(&self, clone: &Path, script: &str, variables: &[(&str, &str)]) -> Command {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("bash");
        command
            .args(["-e", "-c", script])
            .current_dir(clone)
            .env_clear()
            .env("PATH", format!("{}:{path}", self.programs().display()))
            .env("HOME", self.beside(""))
            .env("MODELYARD_HOME", self.home())
            .env("MODELYARD_ACTOR", "runner")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    #[track_caller]
    fn passes(&self, clone: &Path, script: &str) -> Ended {
        let ended = Ended::of(self.shell(clone, script, &[]).output().unwrap());
        assert_eq!(ended.code, 0, "{script}\n{}", ended.text());
        ended
    }

    /// The one document of a command with `--json`, on the home that is kept.
    #[track_caller]
    fn document(&self, command: &str) -> Value {
        let ended = self.passes(&self.project.root(), &format!("modelyard {command} --json"));
        serde_json::from_str(&ended.stdout).unwrap()
    }

    /// A fresh clone, and what the pipeline file in it says.
    fn clone(&self, host: Host, name: &str) -> (PathBuf, Vec<Script>, String) {
        let clone = self.beside(name);
        self.git(&["clone", "--quiet", ".", clone.to_str().unwrap()]);
        let text = std::fs::read_to_string(clone.join(host.path())).unwrap();
        (clone, host.scripts(&text), text)
    }

    /// Everything that the file says, in a fresh clone: what people do included. Once its version is
    /// built, `meanwhile` happens.
    #[track_caller]
    fn pipeline(&self, host: Host, name: &str, meanwhile: impl Fn()) -> Vec<String> {
        let (clone, scripts, text) = self.clone(host, name);
        let variables = [(host.pipeline(), name)];
        for script in &scripts {
            let mut command = self.shell(&clone, &script.text, &variables);
            if script.by_hand_for.is_none() {
                let ended = Ended::of(command.output().unwrap());
                assert_eq!(ended.code, 0, "{script:?}\n{}", ended.text());
                if script.text.contains("modelyard run ") {
                    meanwhile();
                }
                continue;
            }
            let mut waiting = Background(command.stderr(Stdio::inherit()).spawn().unwrap());
            let mut printed = BufReader::new(waiting.0.stdout.take().unwrap()).lines().map(Result::unwrap);
            if text.contains("until somebody approves") {
                // What it prints can be pasted.
                let approve = printed
                    .find(|line| line.trim_start().starts_with("modelyard models approve "))
                    .expect("it says how to approve");
                let approved =
                    Ended::of(self.shell(&clone, &approve, &[("MODELYARD_ACTOR", "ben")]).output().unwrap());
                assert_eq!(approved.code, 0, "{approve}\n{}", approved.text());
            }
            let rest: Vec<String> = printed.collect();
            assert_eq!(waiting.0.wait().unwrap().code(), Some(0), "{script:?}\n{}", rest.join("\n"));
        }
        scripts.into_iter().map(|script| script.job).collect()
    }

    /// The version that answers in production.
    fn serving(&self) -> Value {
        let body = r#"{"x": 3}"#;
        let ask = format!(
            "python3 -c \"import sys, urllib.request as u; print(u.urlopen(u.Request('http://{}/predict/small', \
             sys.argv[1].encode(), {{'content-type': 'application/json'}}), timeout=60).read().decode())\" '{body}'",
            self.production
        );
        let answer: Value = serde_json::from_str(&self.passes(&self.project.root(), &ask).stdout).unwrap();
        answer["version"].clone()
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        for environment in ["staging", "production"] {
            let stop = format!("modelyard environments stop small/{environment} --wait");
            // Of the home that is kept, and of that of a laptop.
            let _ = self.shell(&self.project.root(), &stop, &[]).output();
            let _ = self.project.command(&["environments", "stop", environment, "--wait"]).output();
        }
    }
}

#[test]
fn a_commit_goes_into_production_by_what_the_file_says() {
    for host in Host::ALL {
        let repository = Repository::new("approvals = 1");
        repository.project.succeeds(&["ci", "init", host.name()]);
        repository.commit("the first model");
        let jobs = repository.pipeline(host, "101", || {});
        assert_eq!(jobs.last().map(String::as_str), Some("release-production"));
        assert_eq!(repository.serving(), 1);

        // Another commit, in a clone that knows nothing of the first; somebody had stopped the test environment,
        // and somebody else registers a version while the pipeline is on its way.
        repository.passes(&repository.project.root(), "modelyard environments stop small/staging --wait");
        let trains = |more: &str| {
            let changed =
                super::hostile::TRAIN.replace("[slope * x for x", &format!("[slope * x + {more} for x"));
            repository.project.write("train.py", &changed);
        };
        trains("0.001");
        repository.commit("a better one");
        repository.pipeline(host, "102", || {
            trains("0.002");
            repository.passes(&repository.project.root(), "modelyard run");
        });
        assert_eq!(repository.document("models show small@latest")["version"], 3);
        assert_eq!(repository.serving(), 2);
        let history = repository.document("history production");
        let newest = &history[0]["versions"][0];
        assert_eq!(
            (&newest["number"], &newest["approvals"][0]["by"]),
            (&json!(2), &json!("ben")),
            "{history:#}"
        );
        repository.passes(&repository.project.root(), "modelyard audit --verify");
    }
}

#[test]
fn environments_come_after_those_that_they_require() {
    let repository = Repository::new("");
    let project = &repository.project;
    // The names are in another order than the chain.
    project.configure(&format!(
        "{}\n[environments.a]\nrequires = \"b\"\napprovals = 2\n[environments.b]\nrequires = \"c\"\n[environments.c]\n",
        super::hostile::LINE
    ));
    for host in Host::ALL {
        project.succeeds(&["ci", "init", host.name()]);
        let text = std::fs::read_to_string(project.root().join(host.path())).unwrap();
        let all: Vec<String> = host.scripts(&text).into_iter().map(|script| script.text).collect();
        let all = all.join("\n");
        let place = |part: &str| all.find(part).unwrap_or_else(|| panic!("no `{part}` in\n{all}"));
        assert!(place("deploy c ") < place("deploy b "), "{all}");
        let release = format!("release small@ci-${} --to a ", host.pipeline());
        assert!(place("deploy b ") < place(&release), "{all}");
        assert!(text.contains("until 2 people approve"), "{text}");
        project.fails(&["ci", "init", host.name()], 14, &format!("`{}` is there already", host.path()));
    }
}

#[test]
fn without_a_kept_home_the_first_job_says_so() {
    for host in Host::ALL {
        let repository = Repository::new("");
        repository.project.succeeds(&["ci", "init", host.name()]);
        repository.commit("the first model");
        let (clone, scripts, _) = repository.clone(host, "clone");
        let ended = Ended::of(
            repository.shell(&clone, &scripts[0].text, &[("MODELYARD_HOME", "")]).output().unwrap(),
        );
        assert_eq!(ended.code, 1, "{}", ended.text());
        assert_eq!(ended.stdout, "set MODELYARD_HOME to a folder that the runner keeps\n");
    }
}
