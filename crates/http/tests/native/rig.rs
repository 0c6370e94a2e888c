//! A server on a free port, and a client that sends what it is told to.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use modelyard_core::audit::Actor;
use modelyard_core::model::NewVersion;
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Digest, Fault, Kind, Result, Timestamp};
use modelyard_deploy::target::process::{ProcessTarget, Settings};
use modelyard_http::native::{Api, OwnMachine, serve};
use modelyard_lifecycle::deploy::apply::Proposal;
use modelyard_lifecycle::deploy::release::Machine;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub(crate) struct Rig {
    pub(crate) home: Home,
    pub(crate) address: SocketAddr,
    pub(crate) ending: watch::Sender<bool>,
    pub(crate) serving: JoinHandle<()>,
}

/// Always the same instant.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_800_000_000_000_000)
    }

    fn entropy(&self) -> u128 {
        7
    }
}

struct Mine;

#[async_trait]
impl OwnMachine for Mine {
    async fn machine(&self, _: bool) -> Result<Machine> {
        Ok(Machine { program: Digest::of(b"this"), onnx_library: None })
    }

    fn secret(&self, name: &str) -> Option<String> {
        (name == "WEBHOOK_SECRET").then(|| "It's a Secret to Everybody".to_owned())
    }

    async fn propose(&self, folder: &Path) -> Result<Proposal> {
        Err(Fault::new(Kind::Config, format!("there is no project in {}", folder.display())))
    }
}

impl Rig {
    pub(crate) async fn new() -> Self {
        let home = modelyard_store::memory();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ending, told) = watch::channel(false);
        let folder = std::env::temp_dir();
        let api = Api {
            home: home.clone(),
            clock: Arc::new(Still),
            actor: "ada".to_owned(),
            address,
            target: Arc::new(ProcessTarget::new(Settings {
                program: "/nowhere".into(),
                args: Vec::new(),
                folder: folder.join("modelyard-none"),
                runtime: None,
                patience: Duration::ZERO,
                ready_within: Duration::ZERO,
            })),
            machine: Arc::new(Mine),
            ending: told,
        };
        let serving = tokio::spawn(serve(listener, api));
        Self { home, address, ending, serving }
    }

    /// `late-flights` with so many versions.
    pub(crate) async fn register(&self, versions: u8) {
        for version in 1..=versions {
            let new = NewVersion {
                name: "late-flights".to_owned(),
                package: Digest::of(&[version]),
                runtime: "onnx".to_owned(),
                project: Some("flights".to_owned()),
                run: None,
                report: None,
                metric: Some(("roc_auc".to_owned(), 0.75)),
                alias: None,
            };
            self.home.models.register(&new, &self.actor()).await.unwrap();
        }
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor { name: "grace".to_owned(), at: Still.now() }
    }

    /// The answer to a request with the right host and `extra` headers, lines with their ends.
    pub(crate) async fn ask(&self, method: &str, path: &str, extra: &str, body: &str) -> Answer {
        let host = format!("host: {}\r\n", self.address);
        self.send(&format!(
            "{method} {path} HTTP/1.1\r\n{host}connection: close\r\n{extra}content-length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "").await
    }

    /// What comes back for `text` until the end.
    pub(crate) async fn send(&self, text: &str) -> Answer {
        let mut stream = self.connect().await;
        // A server that has heard enough may close before all is sent.
        let _ = stream.write_all(text.as_bytes()).await;
        let mut bytes = Vec::new();
        let reading = stream.read_to_end(&mut bytes);
        let _ = tokio::time::timeout(Duration::from_secs(30), reading).await.expect("an end of the answer");
        Answer::of(&String::from_utf8(bytes).unwrap())
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Answer {
    fn of(text: &str) -> Self {
        let (headers, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, headers: headers.to_lowercase(), body: body.to_owned() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn code(&self) -> (u16, String) {
        (self.status, self.json()["code"].as_str().unwrap_or_default().to_owned())
    }
}
