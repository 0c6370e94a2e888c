//! `modelyard run`: the whole build, or up to one step of it.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use modelyard_core::config::Project;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::build::Built;
use modelyard_lifecycle::{Made, build, duration_text};
use modelyard_pipeline::{Graph, Mode, Node};
use modelyard_process::temporary::PrivateTmp;
use modelyard_track::registry;
use serde_json::{Value, json};

use super::live::Live;
use super::session::{self, BuildArgs};
use super::{Context, ahead, print};

/// Build: data, training, package, test, registered version
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Stop after this step: a data set, a custom step, train, package, test or register
    #[arg(value_name = "STEP")]
    step: Option<String>,
    /// Another value for a parameter of training, e.g. params.leaves=7; it is no longer searched
    #[arg(long, value_name = "params.NAME=VALUE")]
    set: Vec<String>,
    /// Execute this step though its result is there; may be given several times
    #[arg(long, value_name = "STEP")]
    force: Vec<String>,
    /// Pass the champion gate where the champion can't be compared
    #[arg(long)]
    accept_champion: bool,
    /// Let this alias name the version that the run comes to, new or not; may be given several times
    #[arg(long, value_name = "NAME", value_parser = alias)]
    alias: Vec<String>,
    #[command(flatten)]
    build: BuildArgs,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let began = Instant::now();
    let mut session = session::project(ctx).await?;
    for setting in &args.set {
        set(&mut session.loaded.project, setting)?;
    }
    let graph = Graph::of(&session.loaded.project)?;
    let target = args.step.as_deref().map(|name| node(&graph, name)).transpose()?;
    if let Some(node) = target.as_ref().filter(|node| **node != Node::Register && !args.alias.is_empty()) {
        return Err(Fault::new(
            Kind::Usage,
            format!("`--alias` names a version, and a run up to `{node}` comes to none"),
        )
        .hint("leave the step out"));
    }
    let mut settings = session::settings(args.build.onnx_library, session.loaded.text.clone())?;
    for name in &args.force {
        settings.force.insert(node(&graph, name)?.to_string());
    }
    settings.accept_champion = args.accept_champion;
    settings.aliases = args.alias;
    let live = Arc::new(Live::new(ctx));
    let register = session.loaded.project.register.clone();
    let further = ahead::commands(&session.loaded.project.environments);
    let shop = session::workshop(ctx, session, Mode::Execute, args.build.jobs, settings, live.clone());
    shop.engine.sweep().await;
    PrivateTmp::sweep();
    let built = build(shop, target.as_ref()).await;
    live.end();
    let built = built?;
    if ctx.json {
        print::json(&document(&built));
    } else if !ctx.quiet {
        print::result(closing(&built, &register, further, began));
    }
    Ok(ExitCode::SUCCESS)
}

/// The node called `name`; `data` is the only data set.
fn node(graph: &Graph, name: &str) -> Result<Node> {
    if let Some(node) = graph.node(name) {
        return Ok(node.clone());
    }
    let data: Vec<_> = graph.order().into_iter().filter(|node| matches!(node, Node::Data(_))).collect();
    if let (true, [only]) = (name == "data", data.as_slice()) {
        return Ok(only.clone());
    }
    let known: Vec<_> = graph.order().iter().map(Node::to_string).collect();
    Err(Fault::new(Kind::Usage, format!("the project has no step `{name}`"))
        .hint(format!("it has {}", known.join(", "))))
}

/// Refused before anything is built for it.
fn alias(text: &str) -> Result<String, String> {
    match registry::check_alias(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(fault) => Err(fault.message().to_owned()),
    }
}

/// Sets a parameter of training, and takes it out of the search.
fn set(project: &mut Project, setting: &str) -> Result<()> {
    let wrong = |message: String| Fault::new(Kind::Usage, message).hint("write --set params.NAME=VALUE");
    let (name, value) = setting
        .split_once('=')
        .and_then(|(name, value)| Some((name.strip_prefix("params.")?, value)))
        .ok_or_else(|| wrong(format!("`--set {setting}` sets no parameter")))?;
    let train = project
        .train
        .as_mut()
        .ok_or_else(|| wrong("the project has no [train] to set a parameter of".into()))?;
    let searched = train.search.as_mut().and_then(|search| search.space.remove(name)).is_some();
    if !searched && !train.step.params.contains_key(name) {
        let known: Vec<_> = train.step.params.keys().map(String::as_str).collect();
        return Err(
            wrong(format!("[train] has no parameter `{name}`")).detail("parameters", known.join(", "))
        );
    }
    if train.search.as_ref().is_some_and(|search| search.space.is_empty()) {
        train.search = None;
    }
    train.step.params.insert(name.to_owned(), read_value(value));
    Ok(())
}

/// `3`, `0.1`, `true` and `[1, 2]` are what they look like, `none` is null, all else is text.
fn read_value(text: &str) -> Value {
    match text {
        "none" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    }
}

fn closing(built: &Built, register: &str, further: Vec<String>, began: Instant) -> String {
    let time = duration_text(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    let cached = if built.all_cached { ", everything from cache" } else { "" };
    let mut text = format!("\nDone in {time}{cached}.");
    if let Some(Made::Register(made)) = built.made.get(&Node::Register) {
        text.push_str(&next(register, made.version.number, further));
    } else {
        text.push_str(&format!("\n  modelyard show {}", built.run));
    }
    text
}

/// What may be done with version `number`; `further` commands bring it into environments.
fn next(register: &str, number: u32, further: Vec<String>) -> String {
    let version = format!("{register}@{number}");
    let mut next = vec![
        (format!("modelyard serve {register}"), "answer requests"),
        (format!("modelyard report {version}"), "the test report"),
        (format!("modelyard reproduce {version}"), "build it again and compare"),
    ];
    let into = |command: &String| match command.contains(" deploy ") {
        true => "apply the environments, and test it there",
        false => "bring it there as its strategy says",
    };
    next.extend(further.into_iter().map(|command| (command.clone(), into(&command))));
    let width = next.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    next.into_iter().map(|(command, what)| format!("\n  {command:<width$}   {what}")).collect()
}

fn document(built: &Built) -> Value {
    json!({
        "run": built.run,
        "all_cached": built.all_cached,
        "data": built.outcome.data,
        "params": built.outcome.params,
        "package": built.outcome.package,
        "runtime": built.outcome.runtime,
        "report": built.outcome.report,
        "gates": built.outcome.gates,
        "model": built.outcome.model,
        "aliases": match built.made.get(&Node::Register) {
            Some(Made::Register(made)) => json!(made.aliases),
            _ => json!([]),
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_run_ends_with_how_its_version_gets_into_the_environments() {
        let none = next("late-flights", 3, ahead::commands(&BTreeMap::new()));
        assert_eq!(
            none,
            "
  modelyard serve late-flights         answer requests
  modelyard report late-flights@3      the test report
  modelyard reproduce late-flights@3   build it again and compare"
        );
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/config");
        let text = std::fs::read_to_string(folder.join("design.toml")).unwrap();
        let loaded = crate::config::read("modelyard.toml".to_owned(), text, folder.join("project"));
        let project = loaded.unwrap_or_else(|refusal| panic!("{}", refusal.into_fault())).project;
        assert_eq!(
            next("late-flights", 3, ahead::commands(&project.environments)),
            format!(
                "{none}
  modelyard deploy staging             apply the environments, and test it there
  modelyard release --to production    bring it there as its strategy says"
            )
        );
    }
}
