//! `POST /predict/NAME`: a JSON object is a row, a list of objects many.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use modelyard_core::package::{Predictions, Signature};
use modelyard_serve::fleet::Turn;
use modelyard_serve::request::{self, Question};
use modelyard_serve::{ErrorCode, PredictError};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{body, observe};
use crate::error::Shape;
use crate::json;
use crate::served::Served;

#[derive(Deserialize)]
#[serde(untagged)]
enum Rows {
    One(Map<String, Value>),
    Many(Vec<Map<String, Value>>),
}

pub(super) async fn predict(
    State(served): State<Arc<Served>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    observe(&served, Shape::Native, async {
        served.is_asked_for(&name, None)?;
        let id = served.id(request.headers())?;
        let body = body(&served, request).await?;
        let asked = served.ask(&id, None, body, read).await?;
        let answers = Answers { turn: &asked.turn, predictions: &asked.predictions, id: &id.id };
        let single = asked.rest;
        let text = if single { serde_json::to_vec(&Single(answers)) } else { serde_json::to_vec(&answers) };
        let text = text.map_err(|error| PredictError::new(ErrorCode::Internal, error.to_string()))?;
        Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
    })
    .await
}

/// What a body asks, and whether it was a single row.
fn read(signature: &Signature, body: &Bytes) -> Result<(Question, bool), PredictError> {
    Ok(match rows(body)? {
        Rows::One(row) => (request::question(signature, &[row], false)?, true),
        Rows::Many(rows) => (request::question(signature, &rows, true)?, false),
    })
}

fn rows(body: &Bytes) -> Result<Rows, PredictError> {
    // Told apart by the first byte: an untagged enum would read the body twice and blame neither.
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => json::parse(body).map(Rows::Many),
        Some(b'{') => json::parse(body).map(Rows::One),
        _ => match json::parse::<Value>(body) {
            Err(error) => Err(error),
            Ok(_) => Err(PredictError::new(
                ErrorCode::NotJson,
                "the body is neither a JSON object nor a list of them",
            )
            .hint("send {\"column\": value, …}, or a list of such rows")),
        },
    }
}

struct Answers<'a> {
    turn: &'a Turn,
    predictions: &'a Predictions,
    id: &'a str,
}

/// `{"predictions": [{"prediction", "probabilities", "id"}], "model", "version"}`.
impl Serialize for Answers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Rows<'a>(&'a Answers<'a>);
        impl Serialize for Rows<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq((0..self.0.predictions.rows()).map(|row| Row { answers: self.0, row }))
            }
        }
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("predictions", &Rows(self))?;
        map.serialize_entry("model", self.turn.name())?;
        map.serialize_entry("version", &self.turn.number())?;
        map.end()
    }
}

/// `{"prediction", "probabilities", "id", "model", "version"}`.
struct Single<'a>(Answers<'a>);

impl Serialize for Single<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        answer(&self.0, 0, &mut map)?;
        map.serialize_entry("id", self.0.id)?;
        map.serialize_entry("model", self.0.turn.name())?;
        map.serialize_entry("version", &self.0.turn.number())?;
        map.end()
    }
}

struct Row<'a> {
    answers: &'a Answers<'a>,
    row: usize,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        answer(self.answers, self.row, &mut map)?;
        map.serialize_entry("id", &format_args!("{}/{}", self.answers.id, self.row))?;
        map.end()
    }
}

fn answer<M: SerializeMap>(answers: &Answers<'_>, row: usize, map: &mut M) -> Result<(), M::Error> {
    match answers.predictions {
        Predictions::Values(values) => map.serialize_entry("prediction", &values[row]),
        Predictions::Classes { labels, probabilities } => {
            let classes = &answers.turn.manifest().classes;
            map.serialize_entry("prediction", &classes[labels[row]])?;
            let Some(all) = probabilities else { return Ok(()) };
            let of_row = &all[row * classes.len()..(row + 1) * classes.len()];
            map.serialize_entry("probabilities", &ByClass { classes, probabilities: of_row })
        }
    }
}

struct ByClass<'a> {
    classes: &'a [String],
    probabilities: &'a [f64],
}

impl Serialize for ByClass<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.classes.iter().zip(self.probabilities))
    }
}
