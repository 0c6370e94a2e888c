//! `modelyard ci init`: a pipeline file for a hosted repository.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use serde_json::json;

use super::stages::{Release, Stage, stages};
use crate::cli::{Context, print};
use crate::config;

/// Write a pipeline file: lint, test, run, apply, deploy, and release when a person says so
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the repository is hosted
    #[arg(value_enum)]
    host: Host,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Host {
    Github,
    Gitlab,
}

pub(crate) fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let loaded = config::load(&config::locate(ctx.project.as_deref())?)?;
    let id = match args.host {
        Host::Github => "$GITHUB_RUN_ID",
        Host::Gitlab => "$CI_PIPELINE_ID",
    };
    let stages = stages(&loaded.project, &loaded.root, id);
    let (path, text) = match args.host {
        Host::Github => (".github/workflows/modelyard.yml", github(&stages)),
        Host::Gitlab => (".gitlab-ci.yml", gitlab(&stages)),
    };
    write(&loaded.root.join(path), path, &text)?;
    if ctx.json {
        print::json(
            &json!({"file": path, "stages": stages.iter().map(|stage| &stage.name).collect::<Vec<_>>()}),
        );
        return Ok(ExitCode::SUCCESS);
    }
    print::result(format!("wrote {path}"));
    if !ctx.quiet {
        print::remark("It runs on a runner of your own that keeps the folder MODELYARD_HOME between runs.");
        print::remark("next: modelyard ci run      does the same here");
    }
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, shown: &str, text: &str) -> Result<()> {
    if path.exists() {
        return Err(Fault::new(Kind::Conflict, format!("`{shown}` is there already; nothing was written"))
            .hint("move it away, then write it anew"));
    }
    let failed = || format!("cannot write `{shown}`");
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).attempt(Kind::Usage, failed)?;
    }
    std::fs::write(path, text).attempt(Kind::Usage, failed)
}

const HEAD: &str = "\
# Written by `modelyard ci init`; it is yours to change. `modelyard ci run` does the same on a laptop.
#
# The runner is one of your own: MODELYARD_HOME is a folder that it keeps, and environments go on serving
# after the pipeline has ended. A release that goes on over time (canary, shadow, a-b) needs `modelyard
# server` there.
";

/// Before anything is lost with the runner's working folder.
const KEPT: &str = r#"test -n "$MODELYARD_HOME" || { echo "set MODELYARD_HOME to a folder that the runner keeps"; exit 1; }"#;

fn github(stages: &[Stage]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "{HEAD}name: modelyard
on:
  push:
    branches: [main]
  workflow_dispatch:
concurrency: modelyard
env:
  MODELYARD_HOME: ${{{{ vars.MODELYARD_HOME }}}}
  # Who acts, as history tells it: not the runner's user.
  MODELYARD_ACTOR: ${{{{ github.actor }}}}
jobs:
  build:
    runs-on: self-hosted
    steps:
      - uses: actions/checkout@v4
      - name: install
        run: |
          {KEPT}
          pip install modelyard=={version}
"
    );
    for stage in stages.iter().filter(|stage| stage.release.is_none()) {
        github_step(&mut text, stage);
    }
    for stage in stages {
        let Some(release) = &stage.release else { continue };
        let _ = write!(
            text,
            "  {}:
    needs: build
    # Reviewers of this environment, as the repository's settings name them, start it.
{}    environment: {}
    runs-on: self-hosted
    steps:
      - uses: actions/checkout@v4
",
            stage.name,
            waits(release, "    "),
            release.environment
        );
        github_step(&mut text, stage);
    }
    text
}

/// What else people do, as a comment.
fn waits(release: &Release, indent: &str) -> String {
    let people = match release.approvals {
        0 => return String::new(),
        1 => "somebody approves".to_owned(),
        count => format!("{count} people approve"),
    };
    format!(
        "{indent}# It waits until {people} the version. What it prints while it waits names the command, like\n\
         {indent}#   modelyard models approve {}@3 --comment \"…\"\n",
        release.model
    )
}

fn github_step(text: &mut String, stage: &Stage) {
    let _ = write!(text, "      - name: {}\n        run: |\n", stage.name);
    for command in &stage.commands {
        let _ = writeln!(text, "          {command}");
    }
}

fn gitlab(stages: &[Stage]) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!("{HEAD}stages:\n");
    for stage in stages {
        let _ = writeln!(text, "  - {}", stage.name);
    }
    let _ = write!(
        text,
        "variables:
  # Who acts, as history tells it: not the runner's user.
  MODELYARD_ACTOR: $GITLAB_USER_LOGIN
default:
  tags: [modelyard]
  before_script:
    - {KEPT}
    - pip install modelyard=={version}
"
    );
    for stage in stages {
        let _ = write!(text, "{0}:\n  stage: {0}\n", stage.name);
        if let Some(release) = &stage.release {
            let waits = waits(release, "  ");
            let _ = write!(text, "{waits}  environment: {}\n  when: manual\n", release.environment);
        }
        let _ = writeln!(text, "  script:");
        for command in &stage.commands {
            let _ = writeln!(text, "    - {command}");
        }
    }
    text
}
