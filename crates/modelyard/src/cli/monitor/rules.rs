//! `modelyard monitor prometheus-rules`: alerting rules for whoever runs Prometheus.

use std::process::ExitCode;

use super::super::print;

/// Print rules for Prometheus about what the server and data planes tell on /metrics
#[derive(clap::Args)]
pub(crate) struct Args {}

const RULES: &str = include_str!("prometheus.rules.yml");

pub(crate) fn run(_: &Args) -> ExitCode {
    print::printed(RULES.as_bytes());
    ExitCode::SUCCESS
}
