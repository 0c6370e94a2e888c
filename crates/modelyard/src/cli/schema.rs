//! `modelyard schema`: the JSON Schema of `modelyard.toml`, for editors.

use std::process::ExitCode;

use modelyard_core::Result;

use super::{Context, print};

/// Print the JSON Schema of modelyard.toml, so that editors complete it
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_args: Args, _ctx: &Context) -> Result<ExitCode> {
    print::json(&crate::config::json_schema());
    Ok(ExitCode::SUCCESS)
}
