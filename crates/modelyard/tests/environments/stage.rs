//! A project with environments, which are stopped with the test.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use super::hostile::{Background, Project, TRAIN};
use super::port::free;

pub(crate) struct Stage {
    pub(crate) project: Project,
    pub(crate) addresses: BTreeMap<&'static str, SocketAddr>,
}

impl Stage {
    /// One registered version, and environments of these names with these further lines.
    pub(crate) fn new(environments: &[(&'static str, &str)]) -> Self {
        let addresses = environments.iter().map(|(name, _)| (*name, free())).collect();
        let stage = Self { project: Project::line(""), addresses };
        stage.declare(environments);
        stage.project.succeeds(&["run"]);
        stage
    }

    /// Rewrites modelyard.toml with other lines.
    pub(crate) fn declare(&self, environments: &[(&'static str, &str)]) {
        let mut toml = super::hostile::LINE.to_owned();
        for (name, lines) in environments {
            toml.push_str(&format!(
                "\n[environments.{name}]\nlisten = \"{}\"\n{lines}\n",
                self.addresses[name]
            ));
        }
        self.project.configure(&toml);
    }

    /// Registers one more version.
    pub(crate) fn another_version(&self) {
        let changed = TRAIN.replace("[slope * x for x", "[slope * x + 0.001 for x");
        assert_ne!(changed, TRAIN);
        self.project.write("train.py", &changed);
        self.project.succeeds(&["run"]);
    }

    /// The version that answers in `environment`.
    #[track_caller]
    pub(crate) fn version(&self, environment: &str) -> u64 {
        let (status, body) = ask(self.addresses[environment], "POST", "/predict/small", "", r#"{"x": 3}"#);
        assert_eq!(status, 200, "{body}");
        body["version"].as_u64().unwrap()
    }

    /// `modelyard server`, ready, and its address.
    pub(crate) fn server(&self) -> (Background, SocketAddr) {
        let address = free();
        let mut command = self.project.command(&["server", "--listen", &address.to_string()]);
        let mut server = Background(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(server.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("answers at"), "{line}");
        (server, address)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for environment in self.addresses.keys() {
            let id = format!("small/{environment}");
            let _ = self.project.command(&["environments", "stop", &id, "--wait"]).output();
        }
    }
}

/// Status and JSON, or null where the body is none. `headers` each with its line end.
#[track_caller]
pub(crate) fn ask(to: SocketAddr, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
    let text = send(
        to,
        &format!(
            "{method} {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\ncontent-type: application/json\r\n\
             {headers}content-length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
    (status, serde_json::from_str(body).unwrap_or_default())
}

/// Sends bytes as they are; what comes back until the end.
#[track_caller]
pub(crate) fn send(to: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(120))).unwrap();
    // It may answer before it has read everything.
    let _ = stream.write_all(request.as_bytes());
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}
