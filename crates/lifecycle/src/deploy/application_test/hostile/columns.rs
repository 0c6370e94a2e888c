//! Every column of the signature, wrong in every way its type knows of.

use modelyard_core::package::{Input, Signature, TrainingProfile};
use modelyard_core::table::DataType;
use modelyard_serve::ErrorCode;
use serde_json::{Value, json};

use super::super::subject::spread;
use super::{Case, Row, Wanted};

/// Of very wide tables so many columns are tried, spread evenly.
const COLUMNS: usize = 200;

/// What no training data hold.
const UNSEEN: &str = "modelyard: never seen \u{1f989}";

pub(super) fn cases(signature: &Signature, profile: &TrainingProfile, row: &Row) -> Vec<Case> {
    let inputs = &signature.inputs;
    let chosen = spread(inputs.len(), COLUMNS).map(|place| &inputs[place]);
    chosen.flat_map(|input| of(input, profile, row)).collect()
}

fn of(input: &Input, profile: &TrainingProfile, row: &Row) -> Vec<Case> {
    let name = &input.name;
    let case = |group: &'static str, what: &str, body: String, wanted: Wanted| Case {
        group,
        what: format!("{name}: {what}"),
        body: body.into_bytes(),
        wanted,
    };
    let refused = || Wanted::Refused(name.clone());
    let either = || Wanted::Either(name.clone());
    let if_answered = |answered: bool| if answered { Wanted::Answered(1) } else { refused() };
    let no_json = || Wanted::Malformed(ErrorCode::NotJson);

    let mut without = row.clone();
    without.remove(name);
    let mut cases = vec![
        case("missing", "no such field", Value::Object(without).to_string(), if_answered(input.nullable)),
        case("null", "null", with(row, name, "null"), if_answered(input.nullable)),
        case("not finite", "NaN", with(row, name, "NaN"), no_json()),
        case("not finite", "Infinity", with(row, name, "Infinity"), no_json()),
        case("not finite", "-Infinity", with(row, name, "-Infinity"), no_json()),
    ];
    cases.extend(
        mistyped(input.data_type)
            .into_iter()
            .map(|(what, value)| case("mistyped", what, with(row, name, &value.to_string()), refused())),
    );
    cases.extend(
        huge(input, profile)
            .into_iter()
            .map(|(what, raw)| case("huge", &what, with(row, name, &raw), either())),
    );
    if input.data_type == DataType::Float {
        cases.push(case("huge", "a number out of range", with(row, name, "1e999"), no_json()));
    }
    if input.data_type == DataType::Int {
        cases.push(case("huge", "above 64 bits", with(row, name, "9223372036854775808"), refused()));
        let whole = row.get(name).and_then(Value::as_i64);
        cases.extend(whole.filter(|value| value.unsigned_abs() < 1 << 53).map(|value| {
            case(
                "whole numbers",
                "written as 1.0",
                with(row, name, &format!("{value}.0")),
                Wanted::Answered(1),
            )
        }));
    }
    if let Some(value) = unseen(input) {
        let wanted = match (input.unseen, input.categories.is_empty()) {
            (true, _) => Wanted::Answered(1),
            (false, false) => refused(),
            (false, true) => either(),
        };
        cases.push(case("unseen category", "never seen", with(row, name, &value.to_string()), wanted));
    }
    cases
}

/// Values that a column of the type does not take.
fn mistyped(data_type: DataType) -> Vec<(&'static str, Value)> {
    let mut wrong = vec![("a list", json!([1])), ("an object", json!({"value": 1}))];
    if data_type != DataType::Bool {
        wrong.push(("a bool", json!(true)));
    }
    if data_type != DataType::String {
        wrong.push(("a text", json!("modelyard")));
        wrong.push(("an empty text", json!("")));
    }
    if !matches!(data_type, DataType::Int | DataType::Float) {
        wrong.push(("a number", json!(1)));
    }
    if data_type == DataType::Int {
        wrong.push(("a fraction", json!(0.5)));
    }
    wrong
}

/// Values of the type, far from those of training; as JSON writes them.
fn huge(input: &Input, profile: &TrainingProfile) -> Vec<(String, String)> {
    let numbers = || profile.inputs.iter().find(|column| column.name == input.name)?.numbers.as_ref();
    let named = |what: &str, raw: &str| (what.to_owned(), raw.to_owned());
    match input.data_type {
        DataType::Float => {
            let mut values = vec![
                named("1e308", "1e308"),
                named("-1e308", "-1e308"),
                named("1e-320", "1e-320"),
                named("1e40, above 32 bits", "1e40"),
            ];
            values.extend(numbers().map(|seen| {
                let beyond = seen.max + 10.0 * (seen.max - seen.min).max(1.0);
                ("ten times its range".to_owned(), format!("{beyond:?}"))
            }));
            values
        }
        DataType::Int => {
            vec![named("the largest", &i64::MAX.to_string()), named("the smallest", &i64::MIN.to_string())]
        }
        DataType::String => {
            vec![
                (String::from("a text of 100,000 characters"), json!("x".repeat(100_000)).to_string()),
                named("an empty text", "\"\""),
                (String::from("a text with a zero"), json!("a\u{0}b").to_string()),
            ]
        }
        DataType::Timestamp => vec![
            named("the year 1", "\"0001-01-01T00:00:00Z\""),
            named("the year 9999", "\"9999-12-31T23:59:59Z\""),
        ],
        DataType::Date => {
            vec![named("the year 1", "\"0001-01-01\""), named("the year 9999", "\"9999-12-31\"")]
        }
        DataType::Bool => Vec::new(),
    }
}

/// A category that training did not have.
fn unseen(input: &Input) -> Option<Value> {
    match input.data_type {
        DataType::String => Some(json!(UNSEEN)),
        // A whole number that is a category: one that is not among them.
        DataType::Int if !input.categories.is_empty() => (0..)
            .map(|number| 987_654 + number)
            .find(|number| !input.categories.contains(&number.to_string()))
            .map(Value::from),
        _ => None,
    }
}

/// `row` as JSON, with `raw` as the value of `name`: also what no JSON value can hold.
fn with(row: &Row, name: &str, raw: &str) -> String {
    let mut fields: Vec<_> = row
        .iter()
        .filter(|(known, _)| *known != name)
        .map(|(known, value)| format!("{}:{value}", json!(known)))
        .collect();
    fields.push(format!("{}:{raw}", json!(name)));
    format!("{{{}}}", fields.join(","))
}
