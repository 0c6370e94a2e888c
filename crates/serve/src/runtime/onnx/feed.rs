//! From a table to the graph's inputs.
//!
//! Understood are one input `[N, 1]` or `[N]` a column, found by the column's name (in exported
//! graphs by its place), and one matrix `[N, F]` of all columns in the signature's order. A missing number is NaN. A missing text is
//! [`MISSING_TEXT`] in graphs that Modelyard exported, and an empty one in others. A bool is 0 or
//! 1, a time microseconds and a date days since the epoch, a number given as text is written as
//! JSON does.

use std::borrow::Cow;

use modelyard_core::package::{OnnxOrigin, Signature};
use modelyard_core::table::{Column, DataType, Table};
use modelyard_core::{Fault, Kind, Result};
use ort::session::{SessionInputValue, SessionInputs};
use ort::value::{Outlet, Tensor, TensorElementType};

use crate::{ErrorCode, PredictError};

/// What stands for a missing text in an exported graph, whose strings know no null: the exporter's
/// `MISSING_STRING`.
pub(super) const MISSING_TEXT: &str = "\u{fdd0}modelyard.missing\u{fdd1}";

/// How a graph wants its inputs.
#[derive(Debug)]
pub(super) struct Feed {
    shape: FeedShape,
    missing_text: &'static str,
    fixed_rows: Option<usize>,
}

#[derive(Debug)]
enum FeedShape {
    Matrix { input: String, element: Element },
    Columns(Vec<ColumnFeed>),
}

#[derive(Debug)]
struct ColumnFeed {
    input: String,
    element: Element,
    /// `[N, 1]` rather than `[N]`.
    is_matrix: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    F64,
    F32,
    I64,
    I32,
    Bool,
    Text,
}

impl Element {
    fn of(element: TensorElementType) -> Option<Self> {
        Some(match element {
            TensorElementType::Float64 => Self::F64,
            TensorElementType::Float32 => Self::F32,
            TensorElementType::Int64 => Self::I64,
            TensorElementType::Int32 => Self::I32,
            TensorElementType::Bool => Self::Bool,
            TensorElementType::String => Self::Text,
            _ => return None,
        })
    }
}

impl Feed {
    /// How the columns of `signature` go to `inputs`.
    ///
    /// # Errors
    /// If they can't: names the input and what it wants.
    pub(super) fn plan(inputs: &[Outlet], signature: &Signature, origin: OnnxOrigin) -> Result<Self> {
        let missing_text = match origin {
            OnnxOrigin::Exported => MISSING_TEXT,
            OnnxOrigin::Given => "",
        };
        let fixed_rows = fixed_rows(inputs)?;
        let shape = match (origin, inputs) {
            (OnnxOrigin::Exported, _) => columns(inputs, signature, |place, _| inputs.get(place))?,
            (OnnxOrigin::Given, [input])
                if signature.inputs.len() > 1 || input.name() != signature.inputs[0].name =>
            {
                matrix(input, signature)?
            }
            (OnnxOrigin::Given, _) => {
                columns(inputs, signature, |_, name| inputs.iter().find(|input| input.name() == name))?
            }
        };
        Ok(Self { shape, missing_text, fixed_rows })
    }

    /// The number of rows the graph insists on, if it does.
    pub(super) fn fixed_rows(&self) -> Option<usize> {
        self.fixed_rows
    }

    pub(super) fn tensors<'a>(&'a self, table: &Table) -> Result<SessionInputs<'a, 'static>, PredictError> {
        let rows = table.rows();
        let failed = |error: ort::Error| {
            PredictError::new(ErrorCode::Preprocessing, "cannot hand the row to the ONNX graph")
                .hint(error.to_string())
        };
        let values = match &self.shape {
            FeedShape::Matrix { input, element } => {
                let tensor = self.matrix_tensor(table, *element)?.map_err(failed)?;
                vec![(Cow::Borrowed(input.as_str()), tensor)]
            }
            FeedShape::Columns(feeds) => {
                let mut values = Vec::with_capacity(feeds.len());
                for (feed, (name, column)) in feeds.iter().zip(table.columns()) {
                    let shape = if feed.is_matrix { vec![rows, 1] } else { vec![rows] };
                    let tensor = self.column_tensor(name, column, feed.element, shape)?.map_err(failed)?;
                    values.push((Cow::Borrowed(feed.input.as_str()), tensor));
                }
                values
            }
        };
        Ok(SessionInputs::ValueMap(values))
    }

    fn column_tensor(
        &self,
        name: &str,
        column: &Column,
        element: Element,
        shape: Vec<usize>,
    ) -> Result<ort::Result<SessionInputValue<'static>>, PredictError> {
        Ok(match element {
            Element::F64 => number_tensor(shape, numbers(column)),
            Element::F32 => number_tensor(shape, numbers(column).map(|value| value as f32)),
            Element::I64 => number_tensor(shape, integers(name, column)?.into_iter()),
            Element::I32 => {
                let narrow = |value| i32::try_from(value).map_err(|_| too_large(name, value));
                let values =
                    integers(name, column)?.into_iter().map(narrow).collect::<Result<Vec<_>, _>>()?;
                number_tensor(shape, values.into_iter())
            }
            Element::Bool => {
                number_tensor(shape, integers(name, column)?.into_iter().map(|value| value != 0))
            }
            Element::Text => match column {
                Column::String(values) => {
                    // `ort` takes owned texts alone.
                    let text = |value: &Option<String>| match value {
                        Some(text) => text.clone(),
                        None => self.missing_text.to_owned(),
                    };
                    let texts: Vec<String> = values.iter().map(text).collect();
                    Tensor::from_string_array((shape, texts.as_slice())).map(Into::into)
                }
                other => {
                    let text = |row| other.text(row).unwrap_or_else(|| self.missing_text.to_owned());
                    let texts: Vec<String> = (0..other.len()).map(text).collect();
                    Tensor::from_string_array((shape, texts.as_slice())).map(Into::into)
                }
            },
        })
    }

    fn matrix_tensor(
        &self,
        table: &Table,
        element: Element,
    ) -> Result<ort::Result<SessionInputValue<'static>>, PredictError> {
        let width = table.names().len();
        let shape = vec![table.rows(), width];
        Ok(match element {
            Element::F64 => number_tensor(shape, row_major(table, f64::NAN, numbers)),
            Element::F32 => {
                number_tensor(shape, row_major(table, f64::NAN, numbers).map(|value| value as f32))
            }
            Element::I64 | Element::I32 | Element::Bool => {
                let columns = table.columns().map(|(name, column)| integers(name, column)).collect::<Result<
                    Vec<_>,
                    _,
                >>(
                )?;
                let values = (0..table.rows() * width).map(|place| columns[place % width][place / width]);
                match element {
                    Element::I64 => number_tensor(shape, values),
                    Element::I32 => number_tensor(shape, values.map(|value| value as i32)),
                    _ => number_tensor(shape, values.map(|value| value != 0)),
                }
            }
            Element::Text => {
                let columns: Vec<&Column> = table.columns().map(|(_, column)| column).collect();
                let text = |place: usize| {
                    columns[place % width].text(place / width).unwrap_or_else(|| self.missing_text.to_owned())
                };
                let texts: Vec<String> = (0..table.rows() * width).map(text).collect();
                Tensor::from_string_array((shape, texts.as_slice())).map(Into::into)
            }
        })
    }
}

fn matrix(input: &Outlet, signature: &Signature) -> Result<FeedShape> {
    let (element, shape) = tensor(input)?;
    let width = signature.inputs.len();
    let fits = shape.len() == 2 && (shape[1] < 0 || shape[1] == width as i64);
    if !fits {
        return Err(Fault::new(
            Kind::Model,
            format!("the ONNX graph's input `{}` has the shape {}, the model has {width} columns", input.name(), shown(&shape)),
        )
        .hint("the graph takes either one matrix [N, columns], or one input [N, 1] a column, named as the column"));
    }
    for column in &signature.inputs {
        check_element(&column.name, column.data_type, input.name(), element)?;
    }
    Ok(FeedShape::Matrix { input: input.name().to_owned(), element })
}

/// `input_of` answers the input of the column at a place, with a name.
fn columns<'a>(
    inputs: &'a [Outlet],
    signature: &Signature,
    input_of: impl Fn(usize, &str) -> Option<&'a Outlet>,
) -> Result<FeedShape> {
    let taken: Vec<&str> = signature
        .inputs
        .iter()
        .enumerate()
        .filter_map(|(place, column)| input_of(place, &column.name).map(Outlet::name))
        .collect();
    for input in inputs {
        if !taken.contains(&input.name()) {
            let names: Vec<_> = signature.inputs.iter().map(|column| format!("`{}`", column.name)).collect();
            let message =
                format!("the ONNX graph's input `{}` is named as none of the model's columns", input.name());
            return Err(Fault::new(Kind::Model, message)
                .detail("columns", names.join(", "))
                .hint("name the inputs as the columns, or list the columns in `[package] features`"));
        }
    }
    let mut feeds = Vec::with_capacity(signature.inputs.len());
    for (place, column) in signature.inputs.iter().enumerate() {
        let Some(input) = input_of(place, &column.name) else {
            let message = format!("the ONNX graph has no input for column `{}`", column.name);
            return Err(Fault::new(Kind::Model, message)
                .hint("list the columns that the graph takes in `[package] features`"));
        };
        let (element, shape) = tensor(input)?;
        if shape.len() > 2 || shape.is_empty() || (shape.len() == 2 && shape[1] > 1) {
            let message =
                format!("the ONNX graph's input `{}` has the shape {}", input.name(), shown(&shape));
            return Err(Fault::new(Kind::Model, message)
                .hint("an input that takes one column has the shape [N, 1] or [N]"));
        }
        check_element(&column.name, column.data_type, input.name(), element)?;
        feeds.push(ColumnFeed { input: input.name().to_owned(), element, is_matrix: shape.len() == 2 });
    }
    Ok(FeedShape::Columns(feeds))
}

fn tensor(input: &Outlet) -> Result<(Element, Vec<i64>)> {
    let unknown = || {
        let message = format!("the ONNX graph's input `{}` is {}", input.name(), input.dtype());
        Fault::new(Kind::Model, message)
            .hint("understood are tensors of double, float, int64, int32, bool and string")
    };
    let element = input.dtype().tensor_type().and_then(Element::of).ok_or_else(unknown)?;
    let shape = input.dtype().tensor_shape().ok_or_else(unknown)?;
    Ok((element, shape.to_vec()))
}

fn check_element(column: &str, data_type: DataType, input: &str, element: Element) -> Result<()> {
    let fits = match data_type {
        DataType::String => element == Element::Text,
        DataType::Float => !matches!(element, Element::I64 | Element::I32 | Element::Bool),
        DataType::Bool | DataType::Int | DataType::Timestamp | DataType::Date => true,
    };
    if fits {
        return Ok(());
    }
    Err(Fault::new(
        Kind::Model,
        format!(
            "column `{column}` holds {}s, the ONNX graph's input `{input}` takes another type",
            data_type.name()
        ),
    )
    .hint("leave the column out with `[package] features`, or let the graph take it as it is"))
}

/// Rows that the graph fixes; only 1 can be worked with, by asking row by row.
fn fixed_rows(inputs: &[Outlet]) -> Result<Option<usize>> {
    let firsts = inputs.iter().filter_map(|input| Some((input, *input.dtype().tensor_shape()?.first()?)));
    let Some((input, rows)) = firsts.filter(|(_, rows)| *rows >= 0).max_by_key(|(_, rows)| *rows) else {
        return Ok(None);
    };
    if rows == 1 {
        return Ok(Some(1));
    }
    Err(Fault::new(
        Kind::Model,
        format!("the ONNX graph's input `{}` takes exactly {rows} rows", input.name()),
    )
    .hint("export it with a first dimension that is free"))
}

fn shown(shape: &[i64]) -> String {
    let parts: Vec<_> =
        shape.iter().map(|size| if *size < 0 { "N".to_owned() } else { size.to_string() }).collect();
    format!("[{}]", parts.join(", "))
}

fn number_tensor<T>(
    shape: Vec<usize>,
    values: impl Iterator<Item = T>,
) -> ort::Result<SessionInputValue<'static>>
where
    T: ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
{
    Tensor::from_array((shape, values.collect::<Vec<T>>())).map(Into::into)
}

/// The values as doubles, missing ones and texts NaN.
fn numbers(column: &Column) -> Box<dyn Iterator<Item = f64> + '_> {
    match column {
        Column::Bool(values) => {
            Box::new(values.iter().map(|value| value.map_or(f64::NAN, |value| f64::from(u8::from(value)))))
        }
        Column::Int(values) | Column::Timestamp(values) => {
            Box::new(values.iter().map(|value| value.map_or(f64::NAN, |value| value as f64)))
        }
        Column::Float(values) => Box::new(values.iter().map(|value| value.unwrap_or(f64::NAN))),
        Column::Date(values) => Box::new(values.iter().map(|value| value.map_or(f64::NAN, f64::from))),
        Column::String(values) => Box::new(values.iter().map(|_| f64::NAN)),
    }
}

fn integers(name: &str, column: &Column) -> Result<Vec<i64>, PredictError> {
    let missing = || {
        PredictError::new(ErrorCode::BadValue, format!("field `{name}` is null"))
            .hint("the ONNX graph takes integers here, which know no null")
            .field(name)
    };
    let required = |value: Option<i64>| value.ok_or_else(missing);
    match column {
        Column::Bool(values) => values.iter().map(|value| required(value.map(i64::from))).collect(),
        Column::Int(values) | Column::Timestamp(values) => {
            values.iter().map(|value| required(*value)).collect()
        }
        Column::Date(values) => values.iter().map(|value| required(value.map(i64::from))).collect(),
        Column::Float(_) | Column::String(_) => Err(missing()),
    }
}

fn too_large(name: &str, value: i64) -> PredictError {
    PredictError::new(ErrorCode::BadValue, format!("field `{name}` takes a 32-bit integer, not {value}"))
        .field(name)
}

/// All values of `table`, row by row.
fn row_major<T: Copy + 'static>(
    table: &Table,
    filler: T,
    read: impl Fn(&Column) -> Box<dyn Iterator<Item = T> + '_>,
) -> impl Iterator<Item = T> {
    let width = table.names().len();
    let mut values = vec![filler; table.rows() * width];
    for (place, (_, column)) in table.columns().enumerate() {
        for (row, value) in read(column).enumerate() {
            values[row * width + place] = value;
        }
    }
    values.into_iter()
}
