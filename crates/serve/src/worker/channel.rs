//! Messages to and from a worker, and the life of its process.

use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr};

/// How much of what a worker wrote last is kept for errors.
const TAIL_BYTES: usize = 8 * 1024;

/// How long a worker may take to end once nobody listens to it.
const END_PATIENCE: Duration = Duration::from_secs(2);

/// Why a question has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The process ended, or says what is no answer.
    Died {
        /// `signal 9`, `exit code 1`.
        ended: String,
        /// What it wrote last.
        stderr: String,
    },
    /// The worker says no; it can be asked again.
    Refused(Refusal),
}

impl Failure {
    pub(crate) fn is_death(&self) -> bool {
        matches!(self, Self::Died { .. })
    }
}

#[derive(Debug, serde::Deserialize)]
pub(crate) struct Refusal {
    pub(crate) kind: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) field: Option<String>,
    pub(crate) trace: Option<String>,
}

pub(super) struct Channel {
    stream: UnixStream,
    child: Child,
    stderr: Arc<Mutex<Vec<u8>>>,
    reader: tokio::task::JoinHandle<()>,
}

impl Channel {
    pub(super) fn new(stream: UnixStream, child: Child, stderr: Option<ChildStderr>) -> Self {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let reader = tokio::spawn(keep_tail(stderr, kept.clone()));
        Self { stream, child, stderr: kept, reader }
    }

    pub(super) async fn send(&mut self, body: &[u8]) -> Result<(), Failure> {
        let Ok(length) = u32::try_from(body.len()) else {
            return Err(Failure::Refused(Refusal {
                kind: "preprocessing".to_owned(),
                message: format!("{} bytes are too much for one question", body.len()),
                hint: Some("ask with fewer rows at once".to_owned()),
                field: None,
                trace: None,
            }));
        };
        let mut message = Vec::with_capacity(body.len() + 4);
        message.extend_from_slice(&length.to_be_bytes());
        message.extend_from_slice(body);
        match self.stream.write_all(&message).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.died().await),
        }
    }

    pub(super) async fn receive(&mut self) -> Result<Vec<u8>, Failure> {
        let mut length = [0; 4];
        if self.stream.read_exact(&mut length).await.is_err() {
            return Err(self.died().await);
        }
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        match self.stream.read_exact(&mut body).await {
            Ok(_) => Ok(body),
            Err(_) => Err(self.died().await),
        }
    }

    /// Hangs up, and kills what does not end by itself.
    pub(super) async fn close(self) {
        let Self { stream, mut child, reader, .. } = self;
        drop(stream);
        if tokio::time::timeout(END_PATIENCE, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
        reader.abort();
    }

    async fn died(&mut self) -> Failure {
        let ended = match tokio::time::timeout(END_PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) => ending(status),
            _ => {
                let _ = self.child.kill().await;
                "it hung up".to_owned()
            }
        };
        // What it wrote just before its end may still be on the way.
        let _ = tokio::time::timeout(Duration::from_millis(200), &mut self.reader).await;
        let tail = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        Failure::Died { ended, stderr: String::from_utf8_lossy(&tail).trim().to_owned() }
    }
}

async fn keep_tail(stderr: Option<ChildStderr>, kept: Arc<Mutex<Vec<u8>>>) {
    let Some(mut stderr) = stderr else { return };
    let mut buffer = vec![0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        let mut tail = kept.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(&buffer[..read]);
        let excess = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..excess);
    }
}

fn ending(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return format!("signal {signal}");
    }
    match status.code() {
        Some(code) => format!("exit code {code}"),
        None => status.to_string(),
    }
}
