//! `POST /feedback`: what turned out to be true. `{"id", "label"}` is a label, `{"name", "value"}` a business figure,
//! with the `id` of a prediction or without; a list holds many of both.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use modelyard_core::Timestamp;
use modelyard_core::monitor::{Figure, NewLabel};
use modelyard_lifecycle::monitor::feedback::{Given, Truth};
use modelyard_serve::{ErrorCode, PredictError};
use serde_json::{Map, Value};

use super::body;
use crate::error::{self, Shape};
use crate::json;
use crate::served::Served;

/// Longest name or id, in bytes.
const LONGEST: usize = 256;

pub(super) async fn feedback(State(served): State<Arc<Served>>, request: Request) -> Response {
    match give(&served, request).await {
        Ok(response) => response,
        Err(error) => {
            if !error.code.is_clients() {
                tracing::warn!(code = error.code.as_str(), "{}", error.message);
            }
            error::answer(Shape::Native, &error)
        }
    }
}

async fn give(served: &Served, request: Request) -> Result<Response, PredictError> {
    let Some(feedback) = served.feedback() else {
        return Err(PredictError::new(
            ErrorCode::ModelMissing,
            "no environment is served here that could learn what was true",
        )
        .hint("send labels to a data plane of an environment: `modelyard serve --environment NAME`"));
    };
    let truth = Truth::of(served.fleet().incumbent()?.manifest());
    let body = body(served, request).await?;
    let given = read(&body, &truth, served.limits.rows, served.now())?;
    let kept = feedback.give(given).await.map_err(|fault| {
        PredictError::new(ErrorCode::NotReady, fault.message().to_owned())
            .hint(fault.hint_text().unwrap_or("send them again later").to_owned())
    })?;
    Ok(Json(kept).into_response())
}

/// All of the body's items, or what is wrong with the first that is.
fn read(body: &Bytes, truth: &Truth, most: usize, now: Timestamp) -> Result<Given, PredictError> {
    let items: Vec<Value> = match json::parse::<Value>(body)? {
        Value::Array(items) => items,
        item => vec![item],
    };
    if items.len() > most {
        let message = format!("the request has {} items, more than {most}", items.len());
        return Err(PredictError::new(ErrorCode::TooLarge, message)
            .hint("send several requests, or use `modelyard feedback import` for files"));
    }
    let is_list = items.len() > 1;
    let mut given = Given::default();
    for (item, place) in items.into_iter().zip(0..) {
        take(item, truth, now, &mut given).map_err(|mut error| {
            if is_list {
                error.message = format!("item {place}: {}", error.message);
            }
            error
        })?;
    }
    Ok(given)
}

fn take(item: Value, truth: &Truth, now: Timestamp, given: &mut Given) -> Result<(), PredictError> {
    let Value::Object(mut item) = item else {
        return Err(wrong("it is no object", None));
    };
    if let Some(label) = item.remove("label") {
        let id = text(&mut item, "id")?.ok_or_else(|| missing("id"))?;
        let label = truth.read(&label).map_err(|message| wrong(&message, Some("label")))?;
        given.labels.push(NewLabel { id, label });
    } else if let Some(value) = item.remove("value") {
        let name = text(&mut item, "name")?.ok_or_else(|| missing("name"))?;
        let value = value.as_f64().ok_or_else(|| wrong("a figure's value is a number", Some("value")))?;
        let id = text(&mut item, "id")?;
        let at = match text(&mut item, "at")? {
            None => now,
            Some(text) => instant(&text, now)?,
        };
        given.figures.push(Figure { name, value, id, at });
    } else {
        return Err(wrong("it has neither a `label` nor a `value`", None));
    }
    match item.keys().next() {
        Some(unknown) => Err(PredictError::new(
            ErrorCode::UnknownField,
            format!("nobody knows the field `{unknown}`"),
        )
        .hint("a label has `id` and `label`; a figure `name`, `value` and, where it has them, `id` and `at`")
        .field(unknown)),
        None => Ok(()),
    }
}

fn text(item: &mut Map<String, Value>, name: &str) -> Result<Option<String>, PredictError> {
    match item.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= LONGEST => Ok(Some(text)),
        Some(Value::String(_)) => Err(wrong(&format!("`{name}` has 1 to {LONGEST} bytes"), Some(name))),
        Some(_) => Err(wrong(&format!("`{name}` is a text"), Some(name))),
    }
}

fn instant(text: &str, now: Timestamp) -> Result<Timestamp, PredictError> {
    let at = Timestamp::parse(text)
        .ok_or_else(|| wrong("`at` is an instant as `2026-11-24T10:05:00Z`", Some("at")))?;
    if at > now {
        return Err(wrong(
            &format!("{text} lies in the future, and nobody knows by now what will be"),
            Some("at"),
        ));
    }
    Ok(at)
}

fn missing(name: &str) -> PredictError {
    PredictError::new(ErrorCode::MissingField, format!("field `{name}` is missing")).field(name)
}

fn wrong(message: &str, field: Option<&str>) -> PredictError {
    let error = PredictError::new(ErrorCode::BadValue, message).hint(
        "send {\"id\": ID, \"label\": LABEL}, {\"name\": NAME, \"value\": NUMBER}, or a list of such items",
    );
    match field {
        Some(field) => error.field(field),
        None => error,
    }
}
