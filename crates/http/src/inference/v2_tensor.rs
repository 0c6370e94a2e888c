//! Tensors of the v2 protocol: JSON lists, or raw little-endian bytes behind the JSON.

use axum::body::Bytes;
use modelyard_core::table::Column;
use modelyard_serve::request::Data;
use modelyard_serve::{ErrorCode, PredictError};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::v2::Values;

#[derive(Deserialize)]
pub(super) struct InferRequest {
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) parameters: Map<String, Value>,
    pub(super) inputs: Vec<Tensor>,
    pub(super) outputs: Option<Vec<Wanted>>,
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    pub(super) name: String,
    #[serde(default)]
    pub(super) parameters: Map<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct Tensor {
    name: String,
    shape: Vec<usize>,
    datatype: String,
    #[serde(default)]
    parameters: Map<String, Value>,
    data: Option<Vec<Value>>,
}

/// The columns that `tensors` carry; raw ones take their bytes from `raw` in turn.
pub(super) fn data(tensors: Vec<Tensor>, raw: &Bytes) -> Result<Vec<(String, Data)>, PredictError> {
    let mut rest = &raw[..];
    let mut columns = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let bad = |message: String| PredictError::new(ErrorCode::BadValue, message).field(&tensor.name);
        let rows = match tensor.shape.as_slice() {
            [rows] | [rows, 1] => *rows,
            other => {
                return Err(bad(format!(
                    "the tensor `{}` has shape {other:?}; a column has [rows] or [rows, 1]",
                    tensor.name
                )));
            }
        };
        let column = if let Some(size) = tensor.parameters.get("binary_data_size").and_then(Value::as_u64) {
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            let Some(bytes) = rest.get(..size) else {
                return Err(bad(format!(
                    "the tensor `{}` is said to have {size} bytes, {} are left",
                    tensor.name,
                    rest.len()
                )));
            };
            rest = &rest[size..];
            Data::Column(raw_column(&tensor.datatype, bytes).map_err(bad)?)
        } else {
            // Not of the capacity that the shape claims: a request must not choose what is allocated.
            let mut values = Vec::new();
            flatten(tensor.data.unwrap_or_default(), &mut values);
            check_type(&tensor.datatype).map_err(bad)?;
            Data::Values(values)
        };
        if column.len() != rows {
            return Err(bad(format!(
                "the tensor `{}` has {} values, its shape says {rows}",
                tensor.name,
                column.len()
            )));
        }
        columns.push((tensor.name, column));
    }
    Ok(columns)
}

fn flatten(values: Vec<Value>, into: &mut Vec<Value>) {
    for value in values {
        match value {
            Value::Array(inner) => flatten(inner, into),
            value => into.push(value),
        }
    }
}

const DATATYPES: [&str; 12] = [
    "BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP32", "FP64", "BYTES",
];

fn check_type(datatype: &str) -> Result<(), String> {
    if DATATYPES.contains(&datatype) {
        Ok(())
    } else {
        Err(format!("the datatype `{datatype}` is none of {}", DATATYPES.join(", ")))
    }
}

fn raw_column(datatype: &str, bytes: &[u8]) -> Result<Column, String> {
    fn numbers<const N: usize, T>(
        bytes: &[u8],
        read: impl Fn([u8; N]) -> T,
    ) -> Result<Vec<Option<T>>, String> {
        if !bytes.len().is_multiple_of(N) {
            return Err(format!("{} bytes are no whole number of values of {N} bytes", bytes.len()));
        }
        let value = |chunk: &[u8]| {
            let mut array = [0; N];
            array.copy_from_slice(chunk);
            Some(read(array))
        };
        Ok(bytes.chunks_exact(N).map(value).collect())
    }
    Ok(match datatype {
        "BOOL" => Column::Bool(bytes.iter().map(|byte| Some(*byte != 0)).collect()),
        "INT8" => Column::Int(numbers(bytes, |b| i64::from(i8::from_le_bytes(b)))?),
        "INT16" => Column::Int(numbers(bytes, |b| i64::from(i16::from_le_bytes(b)))?),
        "INT32" => Column::Int(numbers(bytes, |b| i64::from(i32::from_le_bytes(b)))?),
        "INT64" => Column::Int(numbers(bytes, i64::from_le_bytes)?),
        "UINT8" => Column::Int(numbers(bytes, |b| i64::from(u8::from_le_bytes(b)))?),
        "UINT16" => Column::Int(numbers(bytes, |b| i64::from(u16::from_le_bytes(b)))?),
        "UINT32" => Column::Int(numbers(bytes, |b| i64::from(u32::from_le_bytes(b)))?),
        "UINT64" => {
            let wide = numbers(bytes, u64::from_le_bytes)?;
            let narrow = wide.into_iter().flatten().map(|value| i64::try_from(value).map(Some));
            Column::Int(
                narrow
                    .collect::<Result<_, _>>()
                    .map_err(|_| "an integer is beyond 64 bits with sign".to_owned())?,
            )
        }
        "FP32" => Column::Float(numbers(bytes, |b| f64::from(f32::from_le_bytes(b)))?),
        "FP64" => Column::Float(numbers(bytes, f64::from_le_bytes)?),
        "BYTES" => Column::String(texts(bytes)?),
        other => return Err(format!("the datatype `{other}` is none of {}", DATATYPES.join(", "))),
    })
}

/// Each text is its length, 4 bytes little-endian, and its UTF-8.
fn texts(mut bytes: &[u8]) -> Result<Vec<Option<String>>, String> {
    let mut texts = Vec::new();
    while !bytes.is_empty() {
        let cut = || "a text is cut short".to_owned();
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(cut)?;
        let length = u32::from_le_bytes(*length) as usize;
        let text = rest.get(..length).ok_or_else(cut)?;
        texts.push(Some(std::str::from_utf8(text).map_err(|_| "a text is no UTF-8".to_owned())?.to_owned()));
        bytes = &rest[length..];
    }
    Ok(texts)
}

/// An output tensor as JSON; with `raw` its values go there.
pub(super) fn output(name: &str, shape: &[usize], values: Values<'_>, raw: Option<&mut Vec<u8>>) -> Value {
    let datatype = match &values {
        Values::Numbers(_) => "FP64",
        Values::Texts(_) => "BYTES",
    };
    let mut tensor = json!({"name": name, "shape": shape, "datatype": datatype});
    match (raw, values) {
        (None, Values::Numbers(numbers)) => tensor["data"] = json!(numbers),
        (None, Values::Texts(texts)) => tensor["data"] = json!(texts),
        (Some(raw), values) => {
            let before = raw.len();
            match values {
                Values::Numbers(numbers) => {
                    raw.extend(numbers.iter().flat_map(|number| number.to_le_bytes()))
                }
                Values::Texts(texts) => {
                    for text in texts {
                        raw.extend(u32::try_from(text.len()).unwrap_or(0).to_le_bytes());
                        raw.extend(text.as_bytes());
                    }
                }
            }
            tensor["parameters"] = json!({"binary_data_size": raw.len() - before});
        }
    }
    tensor
}
