//! The model that is served, and what requests may cost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use modelyard_core::Clock;
use modelyard_core::package::Predictions;
use modelyard_core::table::Table;
use modelyard_serve::{ErrorCode, Model, PredictError};

use crate::observed::Observed;

/// A proven model under its name.
pub struct Served {
    pub name: String,
    /// `None` for a package that is served from a folder.
    pub version: Option<u32>,
    pub model: Model,
    pub limits: Limits,
    clock: Arc<dyn Clock>,
    pub(crate) observed: Observed,
    /// Requests that the model is being asked for.
    answering: AtomicUsize,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub body_bytes: usize,
    pub rows: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 32 << 20, rows: 50_000 }
    }
}

impl Served {
    pub fn new(
        name: String,
        version: Option<u32>,
        model: Model,
        limits: Limits,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            name,
            version,
            model,
            limits,
            clock,
            observed: Observed::default(),
            answering: AtomicUsize::new(0),
        }
    }

    pub(crate) fn classes(&self) -> &[String] {
        &self.model.manifest().classes
    }

    pub(crate) async fn predict(&self, table: Table) -> Result<Predictions, PredictError> {
        if table.rows() > self.limits.rows {
            let message = format!("the request has {} rows, more than {}", table.rows(), self.limits.rows);
            return Err(PredictError::new(ErrorCode::TooLarge, message)
                .hint("send several requests, or use `modelyard predict` for files"));
        }
        self.answering.fetch_add(1, Relaxed);
        let _end = AtEnd(&self.answering);
        self.model.predict(table).await
    }

    /// Whether the model is being asked.
    pub(crate) fn is_answering(&self) -> bool {
        self.answering.load(Relaxed) > 0
    }

    /// Refuses a `name` that is not this model's, or a `version` that is not this one.
    pub(crate) fn is_asked_for(&self, name: &str, version: Option<&str>) -> Result<(), PredictError> {
        let this_version = self.version.map(|number| number.to_string());
        let same_version = version.is_none_or(|version| this_version.as_deref() == Some(version));
        if name == self.name && same_version {
            return Ok(());
        }
        let asked = version.map_or_else(|| name.to_owned(), |version| format!("{name}@{version}"));
        Err(PredictError::new(ErrorCode::ModelMissing, format!("no model `{asked}` is served here"))
            .hint(format!("this is `{}`", self.title())))
    }

    /// `late-flights@3`, or the name alone.
    pub fn title(&self) -> String {
        self.version.map_or_else(|| self.name.clone(), |version| format!("{}@{version}", self.name))
    }

    /// A fresh id for a request that brings none: UUIDv7.
    pub(crate) fn new_id(&self) -> String {
        let millis = u64::try_from(self.clock.now().micros() / 1000).unwrap_or(0);
        let mut random = [0; 10];
        random.copy_from_slice(&self.clock.entropy().to_le_bytes()[..10]);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid().to_string()
    }
}

/// Counts down, also where the client goes away and its request is dropped.
struct AtEnd<'a>(&'a AtomicUsize);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}
