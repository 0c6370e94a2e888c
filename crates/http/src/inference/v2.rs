//! The Open Inference Protocol v2: one tensor a column of the signature.
//!
//! Strings travel as `BYTES`, and so do times, as RFC 3339. The answer has the tensors `prediction`
//! and, for classifiers, `probabilities` `[rows, classes]`. Tensors may be JSON or raw bytes.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use modelyard_core::config::Task;
use modelyard_core::package::{Predictions, Signature};
use modelyard_core::table::DataType;
use modelyard_serve::request::{self, Question};
use modelyard_serve::{ErrorCode, PredictError};
use serde_json::{Value, json};

use super::v2_tensor::{InferRequest, data, output};
use super::{body, observe};
use crate::error::{self, Shape};
use crate::json;
use crate::served::Served;

/// Length of the JSON part of a body whose tensors follow as raw bytes.
const JSON_LENGTH: &str = "inference-header-content-length";

pub(super) async fn server() -> Response {
    let version = env!("CARGO_PKG_VERSION");
    axum::Json(json!({"name": "modelyard", "version": version, "extensions": ["binary_tensor_data"]}))
        .into_response()
}

pub(super) async fn ready(state: State<Arc<Served>>, Path(name): Path<String>) -> Response {
    ready_as(&state, &name, None)
}

pub(super) async fn ready_version(
    state: State<Arc<Served>>,
    Path((name, version)): Path<(String, String)>,
) -> Response {
    ready_as(&state, &name, Some(&version))
}

fn ready_as(served: &Served, name: &str, version: Option<&str>) -> Response {
    match served.is_asked_for(name, version) {
        Ok(_) => axum::Json(json!({"name": name, "ready": true})).into_response(),
        Err(missing) => error::answer(Shape::V2, &missing),
    }
}

pub(super) async fn model(state: State<Arc<Served>>, Path(name): Path<String>) -> Response {
    metadata(&state, &name, None)
}

pub(super) async fn model_version(
    state: State<Arc<Served>>,
    Path((name, version)): Path<(String, String)>,
) -> Response {
    metadata(&state, &name, Some(&version))
}

fn metadata(served: &Served, name: &str, version: Option<&str>) -> Response {
    let found = served.is_asked_for(name, version).and_then(|number| match number {
        Some(number) => served.fleet().turn_of(number).map_or_else(|| served.fleet().incumbent(), Ok),
        None => served.fleet().incumbent(),
    });
    let turn = match found {
        Ok(turn) => turn,
        Err(missing) => return error::answer(Shape::V2, &missing),
    };
    let manifest = turn.manifest();
    let inputs: Vec<_> = manifest
        .signature
        .inputs
        .iter()
        .map(|input| json!({"name": input.name, "datatype": datatype(input.data_type), "shape": [-1]}))
        .collect();
    let outputs = match manifest.task {
        Task::Regression => json!([{"name": "prediction", "datatype": "FP64", "shape": [-1]}]),
        Task::Classification => json!([
            {"name": "prediction", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, manifest.classes.len()],
             "parameters": {"classes": manifest.classes.join(",")}},
        ]),
    };
    let versions = served.fleet().serving().1.into_iter().flatten();
    let versions: Vec<_> = versions.map(|number| number.to_string()).collect();
    let platform = manifest.stages.first().map_or("", |stage| stage.runtime.name());
    let document = json!({"name": turn.name(), "versions": versions, "platform": format!("modelyard_{platform}"),
                          "inputs": inputs, "outputs": outputs});
    axum::Json(document).into_response()
}

fn datatype(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Bool => "BOOL",
        DataType::Int => "INT64",
        DataType::Float => "FP64",
        DataType::String | DataType::Timestamp | DataType::Date => "BYTES",
    }
}

pub(super) async fn infer(state: State<Arc<Served>>, Path(name): Path<String>, request: Request) -> Response {
    infer_as(state.0, &name, None, request).await
}

pub(super) async fn infer_version(
    state: State<Arc<Served>>,
    Path((name, version)): Path<(String, String)>,
    request: Request,
) -> Response {
    infer_as(state.0, &name, Some(&version), request).await
}

async fn infer_as(served: Arc<Served>, name: &str, version: Option<&str>, request: Request) -> Response {
    observe(&served, Shape::V2, async {
        let number = served.is_asked_for(name, version)?;
        let id = served.id(request.headers())?;
        let json_length =
            request.headers().get(JSON_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        let body = body(&served, request).await?;
        let cut = json_length.unwrap_or(body.len());
        let read = move |signature: &Signature, body: &Bytes| read(signature, body, cut);
        let asked = served.ask(&id, number, body, read).await?;
        let infer = asked.rest;
        let mut tensors = tensors(&asked.turn.manifest().classes, &asked.predictions);
        if let Some(wanted) = &infer.outputs {
            if let Some(unknown) =
                wanted.iter().find(|wanted| tensors.iter().all(|(name, ..)| *name != wanted.name))
            {
                return Err(unknown_output(&unknown.name).into());
            }
            tensors.retain(|(name, ..)| wanted.iter().any(|wanted| wanted.name == *name));
        }
        let binary = |name: &str| {
            let of_output = infer.outputs.iter().flatten().find(|wanted| wanted.name == name);
            let asked = of_output.and_then(|wanted| wanted.parameters.get("binary_data"));
            asked
                .or_else(|| infer.parameters.get("binary_data_output"))
                .and_then(Value::as_bool)
                .unwrap_or(false)
        };
        let mut raw = Vec::new();
        let outputs: Vec<_> = tensors
            .into_iter()
            .map(|(name, shape, values)| output(name, &shape, values, binary(name).then_some(&mut raw)))
            .collect();
        let version = asked.turn.number().map(|number| number.to_string());
        let id = infer.id.unwrap_or(id.id);
        let head =
            json!({"model_name": asked.turn.name(), "model_version": version, "id": id, "outputs": outputs});
        Ok(response(head.to_string(), raw))
    })
    .await
}

/// What a body asks whose JSON part ends at `cut`, and what else the request says.
fn read(signature: &Signature, body: &Bytes, cut: usize) -> Result<(Question, InferRequest), PredictError> {
    if cut > body.len() {
        return Err(PredictError::new(
            ErrorCode::NotJson,
            format!("the JSON part is said to have {cut} bytes, the body has {}", body.len()),
        ));
    }
    let (head, raw) = (body.slice(..cut), body.slice(cut..));
    let mut infer: InferRequest = json::parse(&head)?;
    let columns = data(std::mem::take(&mut infer.inputs), &raw)?;
    let mut question = request::question_of_columns(signature, columns)?;
    question.id.clone_from(&infer.id);
    Ok((question, infer))
}

fn unknown_output(name: &str) -> PredictError {
    PredictError::new(ErrorCode::UnknownField, format!("the model has no output `{name}`")).field(name)
}

fn response(head: String, raw: Vec<u8>) -> Response {
    if raw.is_empty() {
        return ([(header::CONTENT_TYPE, "application/json")], head).into_response();
    }
    let length = head.len().to_string();
    let mut whole = head.into_bytes();
    whole.extend(raw);
    let headers =
        [(header::CONTENT_TYPE.as_str(), "application/octet-stream".to_owned()), (JSON_LENGTH, length)];
    (headers, Bytes::from(whole)).into_response()
}

/// Values of an output tensor.
pub(super) enum Values<'a> {
    Numbers(&'a [f64]),
    Texts(Vec<&'a str>),
}

fn tensors<'a>(
    classes: &'a [String],
    predictions: &'a Predictions,
) -> Vec<(&'static str, Vec<usize>, Values<'a>)> {
    match predictions {
        Predictions::Values(values) => vec![("prediction", vec![values.len()], Values::Numbers(values))],
        Predictions::Classes { labels, probabilities } => {
            let names = labels.iter().map(|label| classes[*label].as_str()).collect();
            let mut tensors = vec![("prediction", vec![labels.len()], Values::Texts(names))];
            if let Some(all) = probabilities {
                tensors.push(("probabilities", vec![labels.len(), classes.len()], Values::Numbers(all)));
            }
            tensors
        }
    }
}
