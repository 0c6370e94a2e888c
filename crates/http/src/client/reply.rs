//! From an answer on the wire to what became of the request.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use modelyard_core::package::Answer;
use modelyard_lifecycle::deploy::application_test::endpoint::{Address, Reply};
use modelyard_serve::ErrorCode;
use serde::Deserialize;
use serde_json::Value;

use crate::error;

/// Characters of an answer that is none which are shown.
const SHOWN: usize = 200;

#[derive(Deserialize)]
struct Body {
    #[serde(flatten)]
    row: Row,
    predictions: Option<Vec<Row>>,
    model: Option<String>,
    version: Option<u32>,
}

#[derive(Deserialize)]
struct Row {
    prediction: Option<Value>,
    probabilities: Option<BTreeMap<String, f64>>,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    message: String,
    field: Option<String>,
}

pub(super) fn read(status: StatusCode, body: &[u8], expected: &Address) -> Reply {
    let read = if status == StatusCode::OK { answered(body, expected) } else { refused(status, body) };
    read.unwrap_or_else(Reply::Failed)
}

fn answered(body: &[u8], expected: &Address) -> Result<Reply, String> {
    let body: Body = serde_json::from_slice(body).map_err(|error| unreadable(body, &error))?;
    if body.model.as_deref() != Some(&expected.model) || body.version != Some(expected.number) {
        let by = body.version.map_or_else(|| "no version".to_owned(), |number| format!("version {number}"));
        return Err(format!("answered by {by} of {}", body.model.as_deref().unwrap_or("no model")));
    }
    let answers = match (body.predictions, body.row) {
        (Some(rows), _) => rows.into_iter().map(|row| answer(row, &expected.classes)).collect(),
        (None, row) => answer(row, &expected.classes).map(|answer| vec![answer]),
    };
    answers.map(Reply::Answered)
}

fn answer(row: Row, classes: &[String]) -> Result<Answer, String> {
    let prediction = row.prediction.ok_or("an answer has no `prediction`")?;
    let in_order = |by_class: BTreeMap<String, f64>| {
        if by_class.len() != classes.len() {
            return Err(format!("an answer has {} probabilities, not {}", by_class.len(), classes.len()));
        }
        let of = |class: &String| {
            by_class.get(class).copied().ok_or_else(|| format!("an answer has no probability of `{class}`"))
        };
        classes.iter().map(of).collect()
    };
    Ok(Answer { prediction, probabilities: row.probabilities.map(in_order).transpose()? })
}

fn refused(status: StatusCode, body: &[u8]) -> Result<Reply, String> {
    let refusal: Refusal = serde_json::from_slice(body)
        .map_err(|error| format!("status {}, {}", status.as_u16(), unreadable(body, &error)))?;
    let code = ErrorCode::ALL.into_iter().find(|known| known.as_str() == refusal.code);
    match code {
        Some(code) if error::status(code) == status && status.is_client_error() => {
            Ok(Reply::Refused { code, field: refusal.field, message: refusal.message })
        }
        _ => Err(format!("status {}, {}: {}", status.as_u16(), refusal.code, refusal.message)),
    }
}

fn unreadable(body: &[u8], error: &serde_json::Error) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN)]);
    format!("an answer that can't be read ({error}): {}", text.chars().take(SHOWN).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, body: &str, wanted: &str) {
        let expected = Address {
            listen: "127.0.0.1:1".into(),
            model: "wine".into(),
            number: 2,
            classes: vec!["a".into(), "b".into()],
        };
        let reply = read(StatusCode::from_u16(status).unwrap(), body.as_bytes(), &expected);
        assert_eq!(reply.text(), wanted);
    }

    #[test]
    fn an_answer_has_its_probabilities_in_the_order_of_the_classes() {
        check(
            200,
            r#"{"prediction":"b","probabilities":{"b":0.75,"a":0.25},"id":"1","model":"wine","version":2}"#,
            "answered b, probabilities 0.25, 0.75",
        );
    }

    #[test]
    fn a_list_has_an_answer_a_row() {
        check(
            200,
            r#"{"predictions":[{"prediction":1.5,"id":"1/0"},{"prediction":2,"id":"1/1"}],"model":"wine","version":2}"#,
            "answered 2 rows",
        );
    }

    #[test]
    fn an_answer_by_another_version_is_a_failure() {
        check(200, r#"{"prediction":1,"model":"wine","version":1}"#, "failed: answered by version 1 of wine");
    }

    #[test]
    fn a_refusal_names_code_and_field() {
        let body = r#"{"message":"no","code":"bad_value","hint":null,"field":"hour"}"#;
        check(422, body, "refused as bad_value (field hour): no");
        check(400, body, "failed: status 400, bad_value: no");
        check(500, r#"{"message":"died","code":"inference"}"#, "failed: status 500, inference: died");
    }

    #[test]
    fn what_is_no_answer_is_shown() {
        check(
            200,
            "<html>",
            "failed: an answer that can't be read (expected value at line 1 column 1): <html>",
        );
    }
}
