//! What went wrong, in the three parts every message has: what was attempted and found, its
//! cause, what to do.
//!
//! One type serves all crates: an enum for each would restate these parts, and nobody above
//! matches on more than the [`Kind`], which names the exit code and, over HTTP, the `code`.

use std::error::Error;
use std::fmt;

use crate::Digest;

pub type Result<T, E = Fault> = std::result::Result<T, E>;

/// What a fault is about; the binary gives each an exit code, `http` a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The command line, or a name on it, is not understood.
    Usage,
    /// `modelyard.toml` or a file it names is wrong.
    Config,
    /// A source can't be read, or a query fails.
    Data,
    /// Data break a declared check.
    Check,
    /// The Python environment can't be locked or built.
    Environment,
    /// A step's command failed.
    Step,
    /// A step, or a command, took longer than it may.
    Timeout,
    /// A model can't be loaded, converted or asked.
    Model,
    /// A package is damaged or incomplete.
    Package,
    /// A gate stopped the line.
    Gate,
    /// A release failed, was rolled back, or may not begin.
    Release,
    /// `reproduce` found a difference.
    Different,
    /// What was named does not exist.
    NotFound,
    /// The request contradicts what is there (an occupied port, a taken name).
    Conflict,
    /// The home can't be opened, read or written.
    Store,
    /// The user ended it.
    Cancelled,
    /// A fault of Modelyard itself.
    Internal,
}

impl Kind {
    /// Its name in JSON: `not_found`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Config => "config",
            Self::Data => "data",
            Self::Check => "check",
            Self::Environment => "environment",
            Self::Step => "step",
            Self::Timeout => "timeout",
            Self::Model => "model",
            Self::Package => "package",
            Self::Gate => "gate",
            Self::Release => "release",
            Self::Different => "different",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Store => "store",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}

/// An error for a person: a lower-case message, the causes, a hint.
#[derive(Debug)]
pub struct Fault(Box<Parts>);

#[derive(Debug)]
struct Parts {
    kind: Kind,
    message: String,
    /// Labelled facts between message and hint: `("log", "modelyard logs 01J9…")`.
    details: Vec<(String, String)>,
    hint: Option<String>,
    /// Blob of what a command printed.
    log: Option<Digest>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl Fault {
    /// `message` is a fragment in lower case that says what was attempted and what was found,
    /// names in back-ticks.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Parts {
            kind,
            message: message.into(),
            details: Vec::new(),
            hint: None,
            log: None,
            source: None,
        }))
    }

    /// The same fault in other words: its kind, details, causes, hint and log stay.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// A labelled fact, printed on a line of its own; a text of several lines is kept as it is.
    #[must_use]
    pub fn detail(mut self, label: impl Into<String>, text: impl Into<String>) -> Self {
        self.0.details.push((label.into(), text.into()));
        self
    }

    /// The blob of what the failed command printed; whoever records the run keeps it.
    #[must_use]
    pub fn with_log(mut self, log: Digest) -> Self {
        self.0.log = Some(log);
        self
    }

    pub fn log(&self) -> Option<Digest> {
        self.0.log
    }

    /// The error underneath; never repeated in the message.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    pub fn details(&self) -> &[(String, String)] {
        &self.0.details
    }

    pub fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Message, details, causes and hint on lines of their own, as a terminal shows them
    /// (without the word `error`).
    pub fn report(&self) -> String {
        let mut text = self.0.message.clone();
        let mut line = |label: &str, content: &str| {
            let content = content.trim_end().replace('\n', "\n  ");
            // A text that begins on a line of its own leaves no blank behind the label.
            let gap = if content.starts_with('\n') { "" } else { " " };
            text.push_str(&format!("\n  {label}:{gap}{content}"));
        };
        for (label, content) in &self.0.details {
            line(label, content);
        }
        let mut cause: Option<&dyn Error> = self.source();
        while let Some(error) = cause {
            line("cause", &error.to_string());
            cause = error.source();
        }
        if let Some(hint) = &self.0.hint {
            line("hint", hint);
        }
        text
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for Fault {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Turns a foreign error into a [`Fault`] where it happens, with what was attempted.
pub trait Attempt<T> {
    /// `message` says what was attempted: ``"cannot read `a.csv`"``.
    fn attempt(self, kind: Kind, message: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> Attempt<T> for std::result::Result<T, E> {
    fn attempt(self, kind: Kind, message: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Fault::new(kind, message()).because(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_message_details_cause_and_hint() {
        let fault = Fault::new(Kind::Data, "cannot read column `amount` of `sales.parquet`")
            .detail("found", "utf8")
            .because("row group 7 stores utf8")
            .hint("pin the type");
        assert_eq!(
            fault.report(),
            "cannot read column `amount` of `sales.parquet`\n  found: utf8\n  \
             cause: row group 7 stores utf8\n  hint: pin the type"
        );
    }
}
