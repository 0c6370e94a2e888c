//! `modelyard environments diff`.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_lifecycle::deploy::environments::{self, Unequal};
use serde_json::json;

use crate::cli::table::{Column, Table};
use crate::cli::{Context, conduct, print, session, text};

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
    let other = session::environment_id(&args.other, || Ok(one.project.as_str()))?;
    let one = environments::find(&home, &one).await?;
    let other = environments::find(&home, &other).await?;
    let tested = environments::last_tested(&home, &one, &other).await?;
    let facts = tested.as_ref().and_then(|release| release.facts.as_ref());
    let with_onnx = facts.is_some_and(|facts| facts.onnx_library.is_some());
    let machine = conduct::machine(&home, with_onnx).await?;
    let differences = environments::differences(&one, &other, tested.as_ref(), machine);
    if ctx.json {
        print::json(&json!(differences));
        return Ok(ExitCode::SUCCESS);
    }
    let (one, other) = (&one.id.name, &other.id.name);
    if differences.is_empty() {
        let compared = match &tested {
            Some(_) => "target, program, libraries, interpreter, sandbox, limits, batching, variables",
            None => "target, interpreter, sandbox, limits, batching, variables (nothing was tested yet)",
        };
        print::result(format!("{one} and {other} are equal in all that is compared: {compared}."));
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new([
        Column::left("", Column::KEEP),
        Column::left(one.as_str(), Column::KEEP),
        Column::left(other.as_str(), Column::KEEP),
        Column::left("", 4),
    ]);
    for difference in &differences {
        let since = difference.tested.as_ref().map(|version| format!("when {version} was tested"));
        table.row([
            difference.name.clone(),
            shown(difference, &difference.one),
            shown(difference, &difference.other),
            since.unwrap_or_default(),
        ]);
    }
    print::result(table.text());
    if !ctx.quiet {
        let number = text::plural(differences.len() as u64, "difference");
        let hint = match tested.filter(|_| differences.iter().all(|difference| difference.tested.is_some())) {
            Some(release) => format!(
                "\n  what is declared is equal: `modelyard deploy {} {}@{}` tests it again",
                release.environment.name, release.model, release.number
            ),
            None => String::new(),
        };
        print::remark(format!("{number}: a release that requires the other is refused{hint}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Digests are short.
fn shown(difference: &Unequal, value: &str) -> String {
    match difference.name.as_str() {
        "program" | "onnx_library" => value.trim_matches('"').chars().take(8).collect(),
        _ => value.to_owned(),
    }
}
