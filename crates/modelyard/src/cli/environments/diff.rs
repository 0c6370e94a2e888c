//! `modelyard environments diff`.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_lifecycle::deploy::environments;
use serde_json::json;

use crate::cli::table::{Column, Table};
use crate::cli::{Context, print, session, text};

/// Compare what of two environments must be equal for a tested package to be released
#[derive(clap::Args)]
pub(crate) struct Args {
    /// NAME, or PROJECT/NAME
    one: String,
    /// NAME, or PROJECT/NAME
    other: String,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let (home, one) = session::environment(ctx, &args.one).await?;
    let (_, other) = session::environment(ctx, &args.other).await?;
    let one = environments::find(&home, &one).await?;
    let other = environments::find(&home, &other).await?;
    let differences = environments::differences(&one, &other);
    if ctx.json {
        print::json(&json!(differences));
        return Ok(ExitCode::SUCCESS);
    }
    if differences.is_empty() {
        print::result(format!(
            "{} and {} are equal in all that is compared: target, interpreter, sandbox, limits, batching, variables.",
            one.id.name, other.id.name
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new([
        Column::left("", Column::KEEP),
        Column::left(one.id.name.as_str(), Column::KEEP),
        Column::left(other.id.name.as_str(), Column::KEEP),
    ]);
    for difference in &differences {
        table.row([&difference.name, &difference.one, &difference.other].map(String::as_str));
    }
    print::result(table.text());
    if !ctx.quiet {
        let names: Vec<&str> = differences.iter().map(|difference| difference.name.as_str()).collect();
        print::remark(
            text::plural(names.len() as u64, "difference") + ": a release that requires the other is refused",
        );
    }
    Ok(ExitCode::SUCCESS)
}
