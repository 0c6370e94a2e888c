//! `modelyard completions SHELL`: a script that completes commands and flags.

use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;
use modelyard_core::Result;

use super::{Cli, Context, print};

/// Print a script that completes commands and flags in your shell
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The shell to complete in
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(crate) async fn run(args: Args, _ctx: &Context) -> Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "modelyard", &mut script);
    print::result(String::from_utf8_lossy(&script).trim_end());
    Ok(ExitCode::SUCCESS)
}
