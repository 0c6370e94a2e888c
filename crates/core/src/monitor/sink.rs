//! Where people are told.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Severity;

/// `[monitor.sinks.NAME]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Sink {
    #[serde(flatten)]
    pub kind: SinkKind,
    /// The least severity that is told.
    pub severity: Severity,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum SinkKind {
    /// A POST of the alert as JSON.
    Webhook {
        url: String,
        /// Environment variable of the server with the value of the header `authorization`.
        secret: Option<String>,
    },
    Email {
        /// `HOST:PORT` of the mail server.
        server: String,
        from: String,
        to: Vec<String>,
        user: Option<String>,
        /// Environment variable of the server with the password.
        secret: Option<String>,
    },
    /// Words; the alert as JSON on standard input.
    Command { run: Vec<String> },
    /// A line of JSON an alert, at the end of the file; relative to the project.
    File { path: String },
}
