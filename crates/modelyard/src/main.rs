//! The binary `modelyard`: commands, configuration and wiring. The only crate that names `store`.

mod cli;
mod clock;
mod config;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
