//! `command`: words that are run in the project's folder with the alert as JSON on standard input.
//!
//! It is the operator's own, as a cron job is: it runs as the server's user with the server's environment,
//! outside any sandbox, which the manual says.

use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};

use async_trait::async_trait;
use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use tokio::io::AsyncWriteExt;

use super::{Message, Tell};

pub(super) struct Command {
    pub(super) words: Vec<String>,
    pub(super) folder: PathBuf,
}

/// Of what it printed to stderr, the last characters are kept.
const KEPT: usize = 500;

#[async_trait]
impl Tell for Command {
    async fn tell(&self, message: &Message) -> Result<()> {
        let shown = self.words.join(" ");
        let cannot = || format!("cannot run `{shown}`");
        let (program, args) = self
            .words
            .split_first()
            .ok_or_else(|| Fault::new(Kind::Config, "the command of a sink has no words"))?;
        let mut child = tokio::process::Command::new(program)
            .args(args)
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .attempt(Kind::Environment, cannot)?;
        let input = child.stdin.take();
        let body = message.json().to_string();
        let write = async move {
            if let Some(mut input) = input {
                // One that does not read its input may succeed all the same.
                let _ = input.write_all(body.as_bytes()).await;
            }
        };
        let (output, ()) = tokio::join!(child.wait_with_output(), write);
        let output = output.attempt(Kind::Environment, cannot)?;
        if output.status.success() {
            return Ok(());
        }
        let printed = String::from_utf8_lossy(&output.stderr);
        let skipped = printed.trim().chars().count().saturating_sub(KEPT);
        let printed: String = printed.trim().chars().skip(skipped).collect();
        let fault = Fault::new(Kind::Environment, format!("`{shown}` {}", ending(output.status)));
        Err(if printed.is_empty() { fault } else { fault.detail("stderr", printed) })
    }
}

fn ending(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("ended with {code}"),
        None => "was killed".to_owned(),
    }
}
