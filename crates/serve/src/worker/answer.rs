//! What the worker says.

use modelyard_core::package::Predictions;
use serde::Deserialize;
use serde_json::Value;

use super::channel::{Failure, Refusal};

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer<T> {
    Ok(T),
    Error(Refusal),
}

#[derive(Deserialize)]
struct Body {
    /// Of a regression.
    values: Option<Vec<f64>>,
    /// Of a classification.
    labels: Option<Vec<usize>>,
    probabilities: Option<Vec<f64>>,
}

pub(super) fn value(bytes: &[u8]) -> Result<Value, Failure> {
    read(bytes)
}

pub(super) fn predictions(bytes: &[u8]) -> Result<Predictions, Failure> {
    let body: Body = read(bytes)?;
    Ok(match (body.values, body.labels) {
        (Some(values), _) => Predictions::Values(values),
        (None, labels) => {
            Predictions::Classes { labels: labels.unwrap_or_default(), probabilities: body.probabilities }
        }
    })
}

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> Result<T, Failure> {
    match serde_json::from_slice(bytes) {
        Ok(Answer::Ok(answer)) => Ok(answer),
        Ok(Answer::Error(refusal)) => Err(Failure::Refused(refusal)),
        Err(error) => Err(Failure::Refused(Refusal {
            kind: "internal".to_owned(),
            message: format!("the model's process says what is no answer: {error}"),
            hint: None,
            field: None,
            trace: None,
        })),
    }
}
