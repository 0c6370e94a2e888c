//! `modelyard feedback import`: labels from a file.

use std::path::PathBuf;
use std::process::ExitCode;

use modelyard_core::config::Project;
use modelyard_core::data::Roles;
use modelyard_core::fault::Attempt;
use modelyard_core::{Kind, Result};
use modelyard_lifecycle::monitor::feedback::{self, Kept};
use modelyard_lifecycle::monitor::import::{self, Columns};
use serde_json::json;

use crate::cli::{Context, print, session, text};

/// Import labels from a file, into the log of an environment
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A .csv, .csv.gz or .parquet file with a row a label
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The environment that answered, NAME or PROJECT/NAME
    #[arg(long, value_name = "ENVIRONMENT", default_value = "production")]
    environment: String,
    /// The column with the label [default: `label`, else the project's target]
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// The column with the prediction's id [default: `prediction_id`; without one, rows are found by the roles `id`
    /// and `time` of the data set]
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,
}

/// Of the data set that the model is tested on.
fn roles(project: &Project) -> Option<Roles> {
    let data = match &project.test.data {
        Some(name) => project.data.get(name),
        None => project.data.values().next(),
    };
    data.map(|data| data.roles.clone())
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let (home, id) = session::environment(ctx, &args.environment).await?;
    let truth = feedback::truth(&home, &id).await?;
    let loaded = session::project(ctx).await.ok().map(|session| session.loaded.project);
    let roles = loaded.as_ref().and_then(roles);
    let columns = Columns {
        label: args.label,
        id: args.id,
        target: loaded.map(|project| project.target),
        roles: roles.unwrap_or_default(),
    };
    let file = args.file.clone();
    let read = tokio::task::spawn_blocking(move || import::read(&file, &columns, &truth))
        .await
        .attempt(Kind::Internal, || "the import was cut short".to_owned())??;
    let imported = import::keep(&home, &id, read, &*ctx.clock).await?;
    let Kept { labels, unknown, .. } = imported.kept;
    if ctx.json {
        print::json(&json!({"rows": imported.rows, "new": labels.new, "repeated": labels.repeated,
            "changed": labels.changed, "unknown": unknown, "without": imported.without}));
        return Ok(ExitCode::SUCCESS);
    }
    print::result(format!(
        "{}: {} new, {} known already, {} changed",
        text::plural(imported.rows, "label"),
        text::count(labels.new),
        text::count(labels.repeated),
        text::count(labels.changed),
    ));
    if !ctx.quiet && unknown > 0 {
        print::remark(format!(
            "{} of them name predictions that the log of {id} does not have",
            text::count(unknown)
        ));
    }
    if !ctx.quiet && imported.without > 0 {
        print::remark(format!(
            "{} of rows that fit no prediction in the log of {id} were left out",
            text::plural(imported.without, "label")
        ));
    }
    Ok(ExitCode::SUCCESS)
}
