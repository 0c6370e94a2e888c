//! `modelyard data ingest`: the data sets of a project, and nothing after them.

use std::process::ExitCode;
use std::sync::Arc;

use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::build;
use modelyard_pipeline::{Mode, Node};
use serde_json::json;

use super::super::live::Live;
use super::super::session::{self, BuildArgs};
use super::super::{Context, print};

/// Ingest data sets: sources in, numbered versions out
#[derive(clap::Args)]
pub(super) struct Args {
    /// These data sets alone
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    #[command(flatten)]
    build: BuildArgs,
}

pub(super) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let session = session::project(ctx).await?;
    let known: Vec<String> = session.loaded.project.data.keys().cloned().collect();
    if let Some(unknown) = args.names.iter().find(|name| !known.contains(name)) {
        return Err(unknown_data_set(unknown, &known));
    }
    let settings = session::settings(args.build.onnx_library, session.loaded.text.clone())?;
    let live = Arc::new(Live::new(ctx));
    let shop = session::workshop(ctx, session, Mode::Execute, args.build.jobs, settings, live.clone());
    shop.engine.sweep().await;
    let mut documents = Vec::new();
    let mut fault = None;
    for name in if args.names.is_empty() { &known } else { &args.names } {
        match build(shop.clone(), Some(&Node::Data(name.clone()))).await {
            Ok(built) => documents.extend(built.outcome.data.get(name).map(|data| {
                json!({
                    "name": name,
                    "number": data.number,
                    "digest": data.digest,
                    "rows": data.rows,
                    "sources": data.sources,
                    "cached": built.all_cached,
                    "run": built.run,
                })
            })),
            Err(found) => {
                fault = Some(found);
                break;
            }
        }
    }
    live.end();
    if let Some(fault) = fault {
        return Err(fault);
    }
    if ctx.json {
        print::json(&json!(documents));
    } else if !ctx.quiet {
        print::result("\nnext: modelyard data profile, or modelyard run");
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn unknown_data_set(name: &str, known: &[String]) -> Fault {
    Fault::new(Kind::Usage, format!("the project has no data set `{name}`"))
        .hint(format!("it has {}", known.join(", ")))
}
