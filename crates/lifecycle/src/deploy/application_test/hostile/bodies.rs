//! What is no row at all, or more than one.

use modelyard_core::package::Signature;
use modelyard_serve::ErrorCode;
use serde_json::{Value, json};

use super::{Case, Row, Wanted};

/// Deeper than any parser should follow.
const LEVELS: usize = 100_000;

/// Above what a data plane takes.
const LARGE_BYTES: usize = 40 << 20;

/// A list that is taken.
const ROWS: usize = 1_000;

/// A field that no data set has.
const UNKNOWN: &str = "no such column";

pub(super) fn cases(signature: &Signature, row: &Row) -> Vec<Case> {
    let text = Value::Object(row.clone()).to_string();
    let malformed = |what: &str, body: Vec<u8>| Case {
        group: "malformed JSON",
        what: what.to_owned(),
        body,
        wanted: Wanted::Malformed(ErrorCode::NotJson),
    };
    let cut = text.as_bytes()[..text.len() / 2].to_vec();
    let first = signature.inputs.first().map_or("", |input| input.name.as_str());
    let mut cases = vec![
        malformed("nothing", Vec::new()),
        malformed("a row cut in the middle", cut),
        malformed("a row and more", format!("{text} {text}").into_bytes()),
        malformed("bytes that are no text", vec![b'{', b'"', 0xff, 0xfe, b'"', b':', b'1', b'}']),
        malformed("a text", b"\"row\"".to_vec()),
        malformed("null", b"null".to_vec()),
        malformed("a list of numbers", b"[1, 2, 3]".to_vec()),
        Case {
            group: "deep JSON",
            what: format!("{LEVELS} lists in each other"),
            body: nested(first),
            wanted: Wanted::Malformed(ErrorCode::TooDeep),
        },
        Case {
            group: "large JSON",
            what: format!("a text of {} MiB", LARGE_BYTES >> 20),
            body: format!("{{{}: \"{}\"}}", json!(first), "x".repeat(LARGE_BYTES)).into_bytes(),
            wanted: Wanted::Malformed(ErrorCode::TooLarge),
        },
        Case {
            group: "lists",
            what: "an empty list".to_owned(),
            body: b"[]".to_vec(),
            wanted: Wanted::Answered(0),
        },
        Case {
            group: "lists",
            what: format!("{ROWS} rows"),
            body: format!("[{}]", vec![text.as_str(); ROWS].join(",")).into_bytes(),
            wanted: Wanted::Answered(ROWS),
        },
        Case {
            group: "extra fields",
            what: "a name that no column has".to_owned(),
            body: with(row, UNKNOWN, json!(1)),
            wanted: Wanted::Refused(UNKNOWN.to_owned()),
        },
        Case {
            group: "extra fields",
            what: "in one row of three".to_owned(),
            body: format!("[{text},{},{text}]", String::from_utf8_lossy(&with(row, UNKNOWN, Value::Null)))
                .into_bytes(),
            wanted: Wanted::Refused(UNKNOWN.to_owned()),
        },
    ];
    cases.extend(signature.ignored.iter().map(|name| Case {
        group: "columns that are no features",
        what: name.clone(),
        body: with(row, name, Value::Null),
        wanted: Wanted::Answered(1),
    }));
    cases
}

fn with(row: &Row, name: &str, value: Value) -> Vec<u8> {
    let mut row = row.clone();
    row.insert(name.to_owned(), value);
    Value::Object(row).to_string().into_bytes()
}

fn nested(field: &str) -> Vec<u8> {
    format!("{{{}: {}{}}}", json!(field), "[".repeat(LEVELS), "]".repeat(LEVELS)).into_bytes()
}
