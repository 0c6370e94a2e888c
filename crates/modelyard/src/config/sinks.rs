//! `[monitor.sinks.NAME]`: where alerts go.

use std::collections::BTreeMap;

use modelyard_core::monitor::{Severity, Sink, SinkKind};

use super::keys::RUN;
use super::node::{At, Node, plain};
use super::problem::one_of;
use super::project::Reader;
use super::shape::{Key, Naming, Others, Section, Shape};

/// The keys of which a sink has one.
const KINDS: [&str; 4] = ["webhook", "email", "command", "file"];

pub(super) static SINKS: Section = Section {
    doc: "Where alerts go, by name.",
    keys: &[],
    others: Others::Named(Naming::Strict, &Shape::Table(&SINK)),
};

static SINK: Section = Section {
    doc: "Where alerts go: one of `webhook`, `email`, `command`, `file`.",
    keys: &[
        Key::new("webhook", Shape::Text, "An address that gets each alert as JSON, by POST."),
        Key::new("email", Shape::Table(&EMAIL), "A mail server, and who is written to."),
        Key::new("command", RUN, "A command that gets each alert as JSON on its standard input; no shell."),
        Key::new("file", Shape::Text, "A file that gets a line of JSON an alert."),
        Key::new(
            "secret",
            Shape::Text,
            "Environment variable of the server: of a webhook with the header `authorization`, of a mail server with the password.",
        ),
        Key::new(
            "severity",
            Shape::Choice(&["info", "warning", "critical"]),
            "The least severity that is told.",
        )
        .default("\"warning\""),
    ],
    others: Others::Refused,
};

static EMAIL: Section = Section {
    doc: "A mail server, and who is written to.",
    keys: &[
        Key::new("server", Shape::Text, "HOST:PORT.").required(),
        Key::new("from", Shape::Text, "The sender's address.").required(),
        Key::new("to", Shape::Either(&[Shape::Text, Shape::List(&Shape::Text)]), "Who is written to.")
            .required(),
        Key::new("user", Shape::Text, "Name at the mail server, with `secret` for its password."),
    ],
    others: Others::Refused,
};

impl Reader<'_> {
    pub(super) fn sinks(&mut self, monitor: &Node<'_>) -> BTreeMap<String, Sink> {
        let entries = monitor.node("sinks").map(|sinks| sinks.entries()).unwrap_or_default();
        let mut sinks = BTreeMap::new();
        for entry in entries {
            let Some(node) = entry.node else { continue };
            let severity = match node.text("severity").map(|severity| severity.value).as_deref() {
                Some("info") => Severity::Info,
                Some("critical") => Severity::Critical,
                _ => Severity::Warning,
            };
            let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| node.has(kind)).collect();
            match kinds[..] {
                [kind] => {
                    if node.has("secret") && !["webhook", "email"].contains(&kind) {
                        self.problems.add(node.key_span("secret"), format!("a {kind} has no secret"));
                    }
                    if let Some(kind) = self.sink_kind(&node, kind) {
                        sinks.insert(entry.name, Sink { kind, severity });
                    }
                }
                [] if KINDS.into_iter().any(|kind| !node.lacks(kind)) => {}
                [] => self.problems.add_with_hint(
                    entry.name_span,
                    "nothing says where these alerts go",
                    format!("add one of {}", one_of(KINDS)),
                ),
                [one, another, ..] => self.problems.add_with_hint(
                    node.key_span(another),
                    format!("`{one}` and `{another}` in one sink"),
                    "make it two, each with its name",
                ),
            }
        }
        sinks
    }

    fn sink_kind(&mut self, node: &Node<'_>, kind: &str) -> Option<SinkKind> {
        let secret = node.text("secret").map(|secret| secret.value);
        match kind {
            "webhook" => {
                let url = node.text("webhook")?;
                if !["http://", "https://"].iter().any(|scheme| url.value.starts_with(scheme)) {
                    let hint = "write \"https://HOST/PATH\"";
                    self.problems.add_with_hint(url.span, "expected an address of the web", hint);
                }
                Some(SinkKind::Webhook { url: url.value, secret })
            }
            "email" => {
                let email = node.node("email")?;
                let to = email.texts("to").or_else(|| Some(vec![email.text("to")?]))?;
                if to.is_empty() {
                    self.problems.add(email.key_span("to"), "nobody is written to");
                }
                let (server, from) = (email.text("server")?, email.text("from")?);
                let port = server.value.rsplit_once(':').filter(|(host, _)| !host.is_empty());
                if port.is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
                    let hint = "write \"smtp.example.org:587\"";
                    self.problems.add_with_hint(server.span.clone(), "expected HOST:PORT", hint);
                }
                for address in to.iter().chain([&from]) {
                    self.mail_address(address);
                }
                let user = email.text("user").map(|user| user.value);
                if user.is_some() != secret.is_some() {
                    self.problems.add_with_hint(
                        email.span.clone(),
                        "a mail server takes `user` and `secret`, or neither",
                        "`secret` names the environment variable with the password, beside `email`",
                    );
                }
                Some(SinkKind::Email { server: server.value, from: from.value, to: plain(to), user, secret })
            }
            "command" => Some(SinkKind::Command { run: plain(self.words(node, "command")) }),
            _ => {
                let path = node.text("file")?;
                if path.value.is_empty() {
                    self.problems.add(path.span, "an empty path");
                }
                Some(SinkKind::File { path: path.value })
            }
        }
    }

    fn mail_address(&mut self, address: &At<String>) {
        let parts = address.value.split_once('@');
        let good = parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
            && !address.value.contains(char::is_whitespace);
        if !good {
            self.problems.add(address.span.clone(), "expected an address such as \"team@example.org\"");
        }
    }
}
