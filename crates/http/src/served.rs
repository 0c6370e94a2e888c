//! What is served, and what requests may cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::HeaderMap;
use modelyard_core::package::{Predictions, Signature};
use modelyard_core::{Clock, Timestamp};
use modelyard_lifecycle::monitor::feedback::Feedback;
use modelyard_serve::fleet::{Asking, Turn};
use modelyard_serve::request::Question;
use modelyard_serve::{ErrorCode, Fleet, PredictError};

use crate::observed::Unrouted;

/// A fleet of versions behind its routes.
pub struct Served {
    fleet: Arc<Fleet>,
    pub limits: Limits,
    clock: Arc<dyn Clock>,
    feedback: Option<Feedback>,
    pub(crate) unrouted: Unrouted,
    /// Requests that a version is being asked for.
    answering: AtomicUsize,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub body_bytes: usize,
    pub rows: usize,
    /// Requests whose body is there and that have no answer yet; further ones are refused as overloaded.
    pub requests: usize,
    /// Connections at once; further ones wait.
    pub connections: usize,
    /// How long a client may take to send a body, and between two requests, so for headers too.
    pub patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 32 << 20,
            rows: 50_000,
            requests: 10_000,
            connections: 10_000,
            // Longer than proxies keep a connection that nobody uses: they are to be first.
            patience: Duration::from_secs(75),
        }
    }
}

/// An answer, whose it is, and what was read beside the table.
pub(crate) struct Asked<T> {
    pub(crate) turn: Turn,
    pub(crate) predictions: Predictions,
    pub(crate) rest: T,
}

/// A request without an answer.
pub(crate) struct Miss {
    pub(crate) error: PredictError,
    /// Whether a version counted it.
    pub(crate) was_routed: bool,
}

impl From<PredictError> for Miss {
    fn from(error: PredictError) -> Self {
        Self { error, was_routed: false }
    }
}

impl Served {
    pub fn new(fleet: Arc<Fleet>, limits: Limits, clock: Arc<dyn Clock>) -> Self {
        Self {
            fleet,
            limits,
            clock,
            feedback: None,
            unrouted: Unrouted::default(),
            answering: AtomicUsize::new(0),
        }
    }

    /// Takes in labels too.
    #[must_use]
    pub fn with_feedback(self, feedback: Feedback) -> Self {
        Self { feedback: Some(feedback), ..self }
    }

    pub(crate) fn feedback(&self) -> Option<&Feedback> {
        self.feedback.as_ref()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Asks a version with what `read` makes of `body`: `version`, else the one that `id` is routed to.
    pub(crate) async fn ask<T, R>(
        &self,
        id: &Id,
        version: Option<u32>,
        body: Bytes,
        read: R,
    ) -> Result<Asked<T>, Miss>
    where
        R: Fn(&Signature, &Bytes) -> Result<(Question, T), PredictError> + Send + 'static,
    {
        if self.answering.fetch_add(1, Relaxed) >= self.limits.requests {
            self.answering.fetch_sub(1, Relaxed);
            let error = PredictError::new(ErrorCode::Overloaded, "too many requests wait for their answers")
                .hint("send the request again later");
            return Err(self.not_asked(id, error));
        }
        let _end = AtEnd(&self.answering);
        let turn = match version {
            Some(number) => self.fleet.turn_of(number).ok_or_else(|| self.missing(&number.to_string())),
            None => self.fleet.turn(id.key()),
        };
        let turn = turn.map_err(|error| self.not_asked(id, error))?;
        let (size_bytes, most_rows) = (body.len(), self.limits.rows);
        let read = move |signature: &Signature| {
            let (question, rest) = read(signature, &body)?;
            let rows = question.inputs.rows();
            if rows > most_rows {
                let message = format!("the request has {rows} rows, more than {most_rows}");
                return Err(PredictError::new(ErrorCode::TooLarge, message)
                    .hint("send several requests, or use `modelyard predict` for files"));
            }
            Ok((question, rest))
        };
        let asking = Asking { id: &id.id, key: id.key.as_deref(), size_bytes };
        let asked = turn.ask(asking, read).await;
        let (predictions, rest) = asked.map_err(|error| Miss { error, was_routed: true })?;
        Ok(Asked { turn, predictions, rest })
    }

    /// Logs a request that no version is asked, since `error` says why not.
    fn not_asked(&self, id: &Id, error: PredictError) -> Miss {
        self.fleet.log().missed(&id.id, id.key.as_deref(), self.clock.now(), error.code);
        error.into()
    }

    /// Whether a version is being asked.
    pub(crate) fn is_answering(&self) -> bool {
        self.answering.load(Relaxed) > 0
    }

    /// The version that `name`, and `version` where a route has one, asks for; `None` for any.
    ///
    /// # Errors
    /// [`ErrorCode::ModelMissing`] if it is not served here, [`ErrorCode::NotReady`] if nothing is yet.
    pub(crate) fn is_asked_for(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> Result<Option<u32>, PredictError> {
        let number = version.map(str::parse::<u32>).transpose();
        if let Ok(number) = number
            && self.fleet.serves(name, number)
        {
            return Ok(number);
        }
        self.fleet.incumbent()?;
        Err(self.missing(&version.map_or_else(|| name.to_owned(), |version| format!("{name}@{version}"))))
    }

    fn missing(&self, asked: &str) -> PredictError {
        PredictError::new(ErrorCode::ModelMissing, format!("no model `{asked}` is served here"))
            .hint(format!("this is {}", self.title()))
    }

    /// `` `late-flights@3` ``, or the name alone; several where several answer.
    fn title(&self) -> String {
        let (name, numbers) = self.fleet.serving();
        let name = name.unwrap_or_default();
        let titles = numbers.into_iter().map(|number| match number {
            Some(number) => format!("`{name}@{number}`"),
            None => format!("`{name}`"),
        });
        titles.collect::<Vec<_>>().join(" and ")
    }

    /// The id of a request: the one it brings, or a fresh one, a UUIDv7.
    pub(crate) fn id(&self, headers: &HeaderMap) -> Result<Id, PredictError> {
        let id = brought(headers, "x-modelyard-id")?;
        let key = brought(headers, "x-modelyard-key")?;
        Ok(Id { id: id.unwrap_or_else(|| self.new_id()), key })
    }

    fn new_id(&self) -> String {
        let millis = u64::try_from(self.clock.now().micros() / 1000).unwrap_or(0);
        let mut random = [0; 10];
        random.copy_from_slice(&self.clock.entropy().to_le_bytes()[..10]);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
    }
}

/// Longest id or key of a request, in bytes.
const LONGEST_ID: usize = 200;

/// What a header says; an empty one says nothing.
fn brought(headers: &HeaderMap, name: &str) -> Result<Option<String>, PredictError> {
    let Some(value) = headers.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    match value.to_str() {
        Ok(text) if text.len() <= LONGEST_ID => Ok(Some(text.to_owned())),
        _ => Err(PredictError::new(
            ErrorCode::BadValue,
            format!("the header `{name}` has {} bytes, or such that are no visible ASCII", value.len()),
        )
        .field(name)
        .hint(format!("send at most {LONGEST_ID} letters, digits and signs, or no such header"))),
    }
}

/// What a request is called.
pub(crate) struct Id {
    pub(crate) id: String,
    /// What it is routed by instead, so that all requests of one user go to one version.
    key: Option<String>,
}

impl Id {
    fn key(&self) -> &str {
        self.key.as_deref().unwrap_or(&self.id)
    }
}

/// Counts down, also where the client goes away and its request is dropped.
struct AtEnd<'a>(&'a AtomicUsize);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
