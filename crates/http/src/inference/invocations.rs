//! `POST /invocations`: MLflow's four JSON forms and CSV.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use modelyard_core::package::{Predictions, Signature};
use modelyard_serve::request::{self, Data, Question};
use modelyard_serve::{ErrorCode, PredictError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{body, observe};
use crate::error::Shape;
use crate::json;
use crate::served::Served;

#[derive(Deserialize)]
struct Split {
    columns: Vec<String>,
    data: Vec<Vec<Value>>,
}

pub(super) async fn invocations(State(served): State<Arc<Served>>, request: Request) -> Response {
    observe(&served, Shape::Mlflow, async {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let csv = content_type.is_some_and(|value| value.to_ascii_lowercase().starts_with("text/csv"));
        let id = served.id(request.headers())?;
        let body = body(&served, request).await?;
        let read = move |signature: &Signature, body: &Bytes| {
            let question = if csv { from_csv(signature, body)? } else { from_json(signature, body)? };
            Ok((question, ()))
        };
        let asked = served.ask(&id, None, body, read).await?;
        let document = match &asked.predictions {
            Predictions::Values(values) => json!({ "predictions": values }),
            Predictions::Classes { labels, .. } => {
                // MLflow's server answers what the model's `predict` does: 1 where the classes are numbers.
                let manifest = asked.turn.manifest();
                let classes: Vec<_> =
                    (0..manifest.classes.len()).map(|place| manifest.class_value(place)).collect();
                json!({"predictions": labels.iter().map(|label| &classes[*label]).collect::<Vec<_>>()})
            }
        };
        Ok(axum::Json(document).into_response())
    })
    .await
}

fn from_json(signature: &Signature, body: &Bytes) -> Result<Question, PredictError> {
    let mut document: Map<String, Value> = json::parse(body)?;
    let mut forms = ["dataframe_split", "dataframe_records", "instances", "inputs"]
        .into_iter()
        .filter_map(|form| document.remove(form).map(|value| (form, value)));
    let (Some((form, value)), None) = (forms.next(), forms.next()) else {
        return Err(wrong_shape("the body has not exactly one of the four forms"));
    };
    match (form, value) {
        ("dataframe_split", value) => {
            let split: Split =
                serde_json::from_value(value).map_err(|error| wrong_shape(&error.to_string()))?;
            request::question_of_columns(signature, transpose(&split.columns, split.data)?)
        }
        (_, Value::Array(rows)) if rows.iter().all(Value::is_object) => {
            let rows: Vec<_> = rows
                .into_iter()
                .filter_map(|row| match row {
                    Value::Object(row) => Some(row),
                    _ => None,
                })
                .collect();
            request::question(signature, &rows, true)
        }
        ("instances" | "inputs", Value::Array(rows)) => {
            // Rows without names are in the order of the signature; a bare value is a row of one.
            let names: Vec<_> = signature.inputs.iter().map(|input| input.name.clone()).collect();
            let rows = rows.into_iter().map(|row| match row {
                Value::Array(row) => row,
                value => vec![value],
            });
            request::question_of_columns(signature, transpose(&names, rows.collect())?)
        }
        ("instances" | "inputs", Value::Object(columns)) => {
            let columns = columns.into_iter().map(|(name, values)| match values {
                Value::Array(values) => Ok((name, Data::Values(values))),
                _ => Err(wrong_shape("a column is no list")),
            });
            request::question_of_columns(signature, columns.collect::<Result<_, _>>()?)
        }
        (form, _) => Err(wrong_shape(&format!("`{form}` has another shape"))),
    }
}

fn transpose(names: &[String], rows: Vec<Vec<Value>>) -> Result<Vec<(String, Data)>, PredictError> {
    let mut columns: Vec<_> =
        names.iter().map(|name| (name.clone(), Vec::with_capacity(rows.len()))).collect();
    for (row, number) in rows.into_iter().zip(0..) {
        if row.len() != columns.len() {
            let message =
                format!("row {number} has {} values, there are {} columns", row.len(), columns.len());
            return Err(PredictError::new(ErrorCode::BadValue, message));
        }
        for (value, (_, column)) in row.into_iter().zip(&mut columns) {
            column.push(value);
        }
    }
    Ok(columns.into_iter().map(|(name, values)| (name, Data::Values(values))).collect())
}

fn from_csv(signature: &Signature, body: &Bytes) -> Result<Question, PredictError> {
    let broken =
        |error: csv::Error| PredictError::new(ErrorCode::NotJson, format!("the body is no CSV: {error}"));
    let mut reader = csv::Reader::from_reader(&body[..]);
    let mut columns: Vec<_> =
        reader.headers().map_err(broken)?.iter().map(|name| (name.to_owned(), Vec::new())).collect();
    for record in reader.records() {
        for (text, (_, column)) in record.map_err(broken)?.iter().zip(&mut columns) {
            column.push(text.to_owned());
        }
    }
    request::question_of_columns(
        signature,
        columns.into_iter().map(|(name, texts)| (name, Data::Texts(texts))).collect(),
    )
}

fn wrong_shape(found: &str) -> PredictError {
    PredictError::new(ErrorCode::NotJson, format!("the body can't be read: {found}")).hint(
        "send {\"dataframe_split\": {\"columns\", \"data\"}}, {\"dataframe_records\": [{…}]}, \
         {\"instances\": […]} or {\"inputs\": …}",
    )
}
