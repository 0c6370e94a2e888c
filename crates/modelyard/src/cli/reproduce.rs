//! `modelyard reproduce`: build it again and compare.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use modelyard_core::model::ModelRef;
use modelyard_core::run::Run;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::reproduce::{Reproduction, Verdict, reproduce, restore, restore_folder};
use modelyard_lifecycle::{Progress, Workshop};
use modelyard_pipeline::{Engine, Mode, Node, executor};
use serde_json::json;

use super::live::Live;
use super::session::{self, BuildArgs};
use super::{Context, exit, place, print};
use crate::config;

/// Build a version or run again from what was stored, and compare
#[derive(clap::Args)]
pub(crate) struct Args {
    /// NAME, NAME@VERSION, NAME@ALIAS, or a run's id [default: the newest run]
    #[arg(value_name = "MODEL|RUN")]
    what: Option<String>,
    #[command(flatten)]
    build: BuildArgs,
}

/// Shows what is under way, and none of the lines that a build would print.
struct Quietly(Live);

impl Progress for Quietly {
    fn began(&self, node: &Node) {
        self.0.began(node);
    }

    fn note(&self, node: &Node, text: &str) {
        self.0.note(node, text);
    }
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    // A version does not depend on what the project's folder holds now.
    let opened = place::open(ctx).await?;
    let (run, title) = the_run(&opened, args.what.as_deref()).await?;
    let home = opened.home;
    let home_folder = session::absolute(&session::home_folder(ctx)?);
    let scratch = home_folder.join("steps");
    let place = Restored(restore_folder(&scratch, &run));
    let _ = std::fs::remove_dir_all(&place.0);
    let project = restore(&home, &run, &place.0).await?;
    let settings = session::settings(args.build.onnx_library, String::new())?;
    let engine = Engine::new(home, ctx.clock.clone(), Mode::Repeat, scratch, args.build.jobs);
    session::cancel_on_signals(engine.cancel.clone());
    let live = Arc::new(Quietly(Live::new(ctx)));
    let mut shop =
        Workshop::new(engine, Arc::new(executor::Local), project, place.0.clone(), settings, live.clone());
    if let Ok(file) = config::locate(ctx.project.as_deref()) {
        shop.sources = session::absolute(file.parent().unwrap_or(Path::new(".")));
    }
    shop.home_folder = Some(home_folder);
    let reproduction = reproduce(Arc::new(shop), &run).await;
    live.0.end();
    let reproduction = reproduction?;
    if ctx.json {
        print::json(&json!(reproduction));
    } else {
        print::result(text(&reproduction, &title, ctx.quiet));
    }
    Ok(match reproduction.verdict {
        Verdict::Identical | Verdict::SameAnswers => ExitCode::SUCCESS,
        Verdict::Different => ExitCode::from(exit::code(Kind::Different)),
    })
}

/// Removed when the command ends.
struct Restored(std::path::PathBuf);

impl Drop for Restored {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The pipeline run that `what` names or that made the version it names.
async fn the_run(opened: &place::Place, what: Option<&str>) -> Result<(Run, String)> {
    let home = &opened.home;
    let Some(what) = what else {
        let run = opened.newest().await?;
        let title = run.id.to_string();
        return Ok((run, title));
    };
    if let Some(run) = modelyard_track::runs::lookup(home, what).await? {
        return Ok((run, what.to_owned()));
    }
    let model: ModelRef = what.parse()?;
    let version = modelyard_track::registry::find(home, &model).await?;
    let title = format!("{}@{}", version.name, version.number);
    let run = match version.run {
        Some(id) => home.runs.get(id).await?,
        None => None,
    };
    let run =
        run.ok_or_else(|| Fault::new(Kind::NotFound, format!("it is not known which run made {title}")))?;
    Ok((run, title))
}

fn text(reproduction: &Reproduction, title: &str, quiet: bool) -> String {
    let verdict = match reproduction.verdict {
        Verdict::Identical => format!("{title} is reproducible: identical"),
        Verdict::SameAnswers => format!("{title} is reproducible: same answers, other bytes"),
        Verdict::Different => format!("{title} came out different"),
    };
    if quiet {
        return verdict;
    }
    let mut text = verdict;
    let mut steps: Vec<(&str, usize, usize)> = Vec::new();
    for action in &reproduction.actions {
        match steps.last_mut() {
            Some((step, all, same)) if *step == action.step => {
                *all += 1;
                *same += usize::from(action.same);
            }
            _ => steps.push((&action.step, 1, usize::from(action.same))),
        }
    }
    for (step, all, same) in steps {
        let s = if all == 1 { "" } else { "s" };
        let what = if same == all {
            format!("{all} action{s} identical")
        } else {
            format!("{same} of {all} action{s} identical")
        };
        text.push_str(&format!("\n  {step:<10} {what}"));
    }
    for remark in &reproduction.remarks {
        text.push_str(&format!("\nremark: {remark}"));
    }
    if let Some(first) = &reproduction.first_difference {
        let what = first.differences.join(", ");
        text.push_str(&format!(
            "\nfirst difference: `{}` (action {}): {what}",
            first.step,
            first.key.short()
        ));
        if let Some(largest) = reproduction.largest_answer_difference {
            text.push_str(&format!("\nlargest difference of a golden row's answer: {largest:.1e}"));
        }
        if reproduction.verdict == Verdict::Different {
            text.push_str(
                "\nhint: give every random choice of the training code a fixed seed (`random_state=0`)",
            );
        }
    }
    text
}
