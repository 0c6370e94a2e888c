//! Messages to and from a worker, and the life of its process.

use std::time::Duration;

use modelyard_process::run::Status;
use modelyard_process::temporary::PrivateTmp;
use modelyard_process::worker::Worker as Process;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// How many of the lines that a worker wrote last go into an error.
const LAST_LINES: usize = 20;

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
        printed: String,
    },
    /// No answer came in the time allowed, and the process was ended.
    TookTooLong(Duration),
    /// The worker says no; it can be asked again.
    Refused(Refusal),
}

impl Failure {
    /// Whether the process is no more.
    pub(crate) fn is_death(&self) -> bool {
        matches!(self, Self::Died { .. } | Self::TookTooLong(_))
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
    process: Process,
    /// What bounds its memory.
    bound: &'static str,
    /// The process's home and working folder, gone when it is.
    _folder: PrivateTmp,
}

impl Channel {
    pub(super) fn new(stream: UnixStream, process: Process, bound: &'static str, folder: PrivateTmp) -> Self {
        Self { stream, process, bound, _folder: folder }
    }

    /// The answer to `body`; what gives none within `patience` is killed, for it can't be interrupted.
    pub(super) async fn ask(&mut self, body: &[u8], patience: Duration) -> Result<Vec<u8>, Failure> {
        let asked = async {
            self.send(body).await?;
            self.receive().await
        };
        match tokio::time::timeout(patience, asked).await {
            Ok(answer) => answer,
            Err(_) => {
                self.process.kill().await;
                Err(Failure::TookTooLong(patience))
            }
        }
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

    async fn receive(&mut self) -> Result<Vec<u8>, Failure> {
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
        let Self { stream, mut process, _folder, .. } = self;
        drop(stream);
        if tokio::time::timeout(END_PATIENCE, process.wait()).await.is_err() {
            process.kill().await;
            let _ = process.wait().await;
        }
    }

    async fn died(&mut self) -> Failure {
        let ended = match tokio::time::timeout(END_PATIENCE, self.process.wait()).await {
            Ok(Ok(end)) => match end.status {
                Status::Code(code) => format!("exit code {code}"),
                Status::Signal(signal) => format!("signal {signal}"),
            },
            Ok(Err(fault)) => fault.message().to_owned(),
            Err(_) => {
                self.process.kill().await;
                "it hung up".to_owned()
            }
        };
        let ended = match self.process.exceeded_bytes() {
            Some((held, most)) => format!(
                "it held {} MB of memory, more than the {} MB that it may, {}",
                held / 1_000_000,
                most / 1_000_000,
                self.bound
            ),
            None => ended,
        };
        let lines = self.process.last_lines();
        let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
        Failure::Died { ended, printed: last.join("\n").trim().to_owned() }
    }
}
