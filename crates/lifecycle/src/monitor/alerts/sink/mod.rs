//! Sinks: where people are told.
//!
//! A sink sends one message and answers whether it was taken; when, how often and in which order is none of
//! its business. To add one: a file here, a line in [`open`], a kind in `core::monitor::SinkKind` and in the
//! configuration.

mod command;
mod email;
mod file;
mod smtp;
mod webhook;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use modelyard_core::monitor::{Alert, AlertState, SinkKind};
use modelyard_core::{Fault, Kind, Result, Timestamp};
use serde_json::{Value, json};

/// What sinks need of the world.
#[derive(Clone)]
pub struct Outside {
    pub post: Arc<dyn Post>,
    /// An environment variable of this process.
    pub variable: fn(&str) -> Option<String>,
}

/// Sends something to an address of the web: `modelyard_http` implements it.
#[async_trait]
pub trait Post: Send + Sync {
    /// Sends `body` as JSON, with these headers besides.
    ///
    /// # Errors
    /// If it can't be sent, or the answer is not that it was taken.
    async fn post(&self, url: &str, headers: &[(&str, String)], body: Vec<u8>) -> Result<()>;
}

#[async_trait]
pub(super) trait Tell: Send + Sync {
    /// Sends `message`. May be dropped half-way.
    ///
    /// # Errors
    /// If it was not taken.
    async fn tell(&self, message: &Message) -> Result<()>;
}

/// The sink that `kind` declares, of a project in `folder`.
///
/// # Errors
/// If what it needs is not there.
pub(super) fn open(kind: &SinkKind, folder: &str, outside: &Outside) -> Result<Box<dyn Tell>> {
    let folder = PathBuf::from(folder);
    let secret = |name: &Option<String>| name.as_deref().map(|name| secret(name, outside)).transpose();
    Ok(match kind {
        SinkKind::Webhook { url, secret: variable } => Box::new(webhook::Webhook {
            url: url.clone(),
            authorization: secret(variable)?,
            post: Arc::clone(&outside.post),
        }),
        SinkKind::Email { server, from, to, user, secret: variable } => Box::new(email::Email {
            server: server.clone(),
            from: from.clone(),
            to: to.clone(),
            login: user.clone().zip(secret(variable)?),
        }),
        SinkKind::Command { run } => Box::new(command::Command { words: run.clone(), folder }),
        SinkKind::File { path } => Box::new(file::File { path: folder.join(path) }),
    })
}

fn secret(name: &str, outside: &Outside) -> Result<String> {
    (outside.variable)(name).ok_or_else(|| {
        Fault::new(Kind::Environment, format!("the environment variable `{name}` is not set"))
            .hint("it holds the sink's secret: set it where the server is started")
    })
}

/// What is told.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) alert: Alert,
    /// `Opened` or `Resolved`.
    pub(super) what: AlertState,
    pub(super) at: Timestamp,
}

impl Message {
    /// The same for every attempt, so that who gets it twice can tell.
    pub(super) fn id(&self) -> String {
        format!("{}-{}", self.alert.id, self.what())
    }

    fn what(&self) -> &'static str {
        match self.what {
            AlertState::Resolved => "resolved",
            _ => "opened",
        }
    }

    /// `warning: temp has moved (flights/production)`.
    pub(super) fn title(&self) -> String {
        let alert = &self.alert;
        let word = match self.what {
            AlertState::Resolved => "resolved",
            _ => alert.severity.as_str(),
        };
        let place = alert.environment.as_ref().map(|name| format!("/{name}")).unwrap_or_default();
        format!("{word}: {} ({}{place})", alert.message, alert.project)
    }

    /// For people, several lines.
    pub(super) fn text(&self) -> String {
        let alert = &self.alert;
        let mut lines = vec![alert.message.clone(), String::new()];
        let mut fact = |label: &str, text: String| lines.push(format!("{label:<13}{text}"));
        fact("project", alert.project.clone());
        if let Some(environment) = &alert.environment {
            fact("environment", environment.clone());
        }
        fact("rule", format!("{} of {}", alert.rule, alert.subject));
        fact("severity", alert.severity.as_str().to_owned());
        fact("since", alert.since.to_string());
        fact("opened", alert.opened_at.to_string());
        if let (AlertState::Resolved, Some(at)) = (self.what, alert.resolved_at) {
            fact("resolved", at.to_string());
        }
        lines.push(String::new());
        lines.push(format!("modelyard alerts show {}", alert.id));
        lines.join("\n")
    }

    /// For programs. `text` is what chat services show of a webhook.
    pub(super) fn json(&self) -> Value {
        json!({
            "version": 1,
            "id": self.id(),
            "what": self.what(),
            "text": self.title(),
            "alert": self.alert,
        })
    }
}
