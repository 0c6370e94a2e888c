//! `modelyard deploy`: a version into an environment, all at once, tested where the environment tests.

use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::deploy::ReleaseKind;
use modelyard_core::model::ModelRef;

use super::Context;
use super::release::begin::{self, Wanted};

/// Deploy a version to an environment, all at once; it is tested where the environment has tests
#[derive(clap::Args)]
pub(crate) struct Args {
    /// NAME in the project of the working folder, or PROJECT/NAME
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,
    /// NAME, NAME@VERSION or NAME@ALIAS [default: the newest version of the project's model]
    #[arg(value_name = "MODEL")]
    model: Option<ModelRef>,
    /// Wait for the end also where a server works; exit code 16 if it fails
    #[arg(long)]
    wait: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let wanted = Wanted {
        environment: &args.environment,
        model: args.model,
        kind: ReleaseKind::Deploy,
        strategy: None,
        wait: args.wait,
    };
    begin::run(wanted, ctx).await
}
