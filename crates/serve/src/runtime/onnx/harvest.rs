//! From the graph's outputs to predictions.
//!
//! A classifier's probabilities are a float tensor `[N, C]` with the manifest's classes in their
//! order, or a sequence of maps from label to probability (skl2onnx's ZipMap). Its label, if the
//! graph gives one, is a tensor of class names, or of integers that are class names or places;
//! otherwise the most probable class, of equals the first. A regression's answer is the one number
//! tensor `[N]` or `[N, 1]`.

use modelyard_core::config::Task;
use modelyard_core::package::{Manifest, OnnxOrigin, Predictions};
use modelyard_core::{Fault, Kind, Result};
use ort::session::SessionOutputs;
use ort::value::{DynValue, MapValueType, Outlet, TensorElementType, ValueType};

use crate::{ErrorCode, PredictError};

/// Where a graph says what.
#[derive(Debug)]
pub(super) enum Harvest {
    Values {
        output: usize,
    },
    Classes {
        probabilities: Option<usize>,
        label: Option<usize>,
        classes: Vec<String>,
        /// Class of an integer label: by name where all names are integers, else by place.
        integers: Option<Vec<i64>>,
    },
}

impl Harvest {
    /// # Errors
    /// If the outputs are not understood, or give another number of classes: names them.
    pub(super) fn plan(outputs: &[Outlet], manifest: &Manifest, origin: OnnxOrigin) -> Result<Self> {
        if manifest.task == Task::Regression {
            let output = only(outputs, is_number, "prediction", "a tensor of numbers, [N] or [N, 1]")?;
            let output =
                output.ok_or_else(|| not_understood(outputs, "a tensor of numbers, [N] or [N, 1]"))?;
            return Ok(Self::Values { output });
        }
        let wanted = "probabilities [N, classes], a label, or both";
        let probabilities = only(outputs, is_probabilities, "prob", wanted)?;
        let label = only(outputs, is_label, "label", wanted)?;
        if probabilities.is_none() && label.is_none() {
            return Err(not_understood(outputs, wanted));
        }
        let classes = manifest.classes.clone();
        if let Some(width) = probabilities.and_then(|place| width(&outputs[place]))
            && width != classes.len()
        {
            let message = format!(
                "the ONNX graph gives {width} probabilities a row, the package has {} classes",
                classes.len()
            );
            return Err(Fault::new(Kind::Model, message)
                .detail("classes", classes.join(", "))
                .hint("name the classes in the model's order: `[project] classes`, or a `classes.json` beside the graph"));
        }
        let integers = match origin {
            OnnxOrigin::Exported => None,
            OnnxOrigin::Given => classes.iter().map(|name| name.parse().ok()).collect(),
        };
        Ok(Self::Classes { probabilities, label, classes, integers })
    }

    pub(super) fn read(
        &self,
        outputs: &SessionOutputs<'_>,
        rows: usize,
    ) -> Result<Predictions, PredictError> {
        match self {
            Self::Values { output } => {
                let values = numbers(&outputs[*output])?;
                aligned(values.len(), rows, 1)?;
                Ok(Predictions::Values(values))
            }
            Self::Classes { probabilities, label, classes, integers } => {
                let probabilities = match probabilities {
                    Some(place) => Some(read_probabilities(&outputs[*place], classes, rows)?),
                    None => None,
                };
                let labels = match (label, &probabilities) {
                    (Some(place), _) => read_labels(&outputs[*place], classes, integers.as_deref(), rows)?,
                    (None, Some(probabilities)) => {
                        probabilities.chunks(classes.len()).map(most_probable).collect()
                    }
                    (None, None) => Vec::new(),
                };
                Ok(Predictions::Classes { labels, probabilities })
            }
        }
    }
}

/// The one output that fits; of several the one whose name contains `name`.
fn only(
    outputs: &[Outlet],
    fits: impl Fn(&ValueType) -> bool,
    name: &str,
    wanted: &str,
) -> Result<Option<usize>> {
    let fitting: Vec<usize> = (0..outputs.len()).filter(|place| fits(outputs[*place].dtype())).collect();
    if fitting.len() < 2 {
        return Ok(fitting.first().copied());
    }
    let named: Vec<usize> =
        fitting.into_iter().filter(|place| outputs[*place].name().to_lowercase().contains(name)).collect();
    match named.as_slice() {
        [place] => Ok(Some(*place)),
        _ => Err(not_understood(outputs, wanted)),
    }
}

fn not_understood(outputs: &[Outlet], wanted: &str) -> Fault {
    let found: Vec<_> =
        outputs.iter().map(|output| format!("{}: {}", output.name(), output.dtype())).collect();
    Fault::new(Kind::Model, "the ONNX graph's outputs are not understood")
        .detail("outputs", found.join("\n"))
        .hint(format!("wanted are {wanted}"))
}

fn is_float(element: Option<TensorElementType>) -> bool {
    matches!(element, Some(TensorElementType::Float64 | TensorElementType::Float32))
}

fn is_number(value: &ValueType) -> bool {
    is_float(value.tensor_type())
        || matches!(value.tensor_type(), Some(TensorElementType::Int64 | TensorElementType::Int32))
}

fn is_probabilities(value: &ValueType) -> bool {
    is_float(value.tensor_type()) || value.is_sequence()
}

fn is_label(value: &ValueType) -> bool {
    matches!(
        value.tensor_type(),
        Some(TensorElementType::Int64 | TensorElementType::Int32 | TensorElementType::String)
    )
}

/// The declared second dimension.
fn width(output: &Outlet) -> Option<usize> {
    let shape = output.dtype().tensor_shape()?;
    match shape.len() {
        2 => usize::try_from(shape[1]).ok(),
        _ => None,
    }
}

fn read_probabilities(value: &DynValue, classes: &[String], rows: usize) -> Result<Vec<f64>, PredictError> {
    if value.dtype().is_tensor() {
        let values = numbers(value)?;
        aligned(values.len(), rows, classes.len())?;
        return Ok(values);
    }
    let maps = read_maps(value)?;
    aligned(maps.len(), rows, 1)?;
    let mut values = Vec::with_capacity(rows * classes.len());
    for map in maps {
        aligned(map.len(), 1, classes.len())?;
        for class in classes {
            let found = map.iter().find(|(name, _)| name == class);
            values.push(found.ok_or_else(|| no_class(class))?.1);
        }
    }
    Ok(values)
}

/// Label to probability, a map a row; integers as their text.
fn read_maps(value: &DynValue) -> Result<Vec<Vec<(String, f64)>>, PredictError> {
    let by_text = value.try_extract_sequence::<MapValueType<String, f32>>();
    if let Ok(maps) = by_text {
        return Ok(maps
            .iter()
            .map(|map| map.extract_key_values().into_iter().map(|(name, p)| (name, f64::from(p))).collect())
            .collect());
    }
    let by_number = value.try_extract_sequence::<MapValueType<i64, f32>>().map_err(unreadable)?;
    Ok(by_number
        .iter()
        .map(|map| {
            map.extract_key_values().into_iter().map(|(name, p)| (name.to_string(), f64::from(p))).collect()
        })
        .collect())
}

fn read_labels(
    value: &DynValue,
    classes: &[String],
    integers: Option<&[i64]>,
    rows: usize,
) -> Result<Vec<usize>, PredictError> {
    let labels: Vec<usize> = match value.dtype().tensor_type() {
        Some(TensorElementType::String) => {
            let (_, names) = value.try_extract_strings().map_err(unreadable)?;
            let place =
                |name: &String| classes.iter().position(|class| class == name).ok_or_else(|| no_class(name));
            names.iter().map(place).collect::<Result<_, _>>()?
        }
        _ => {
            let place = |label: i64| {
                let place = match integers {
                    Some(names) => names.iter().position(|name| *name == label),
                    None => usize::try_from(label).ok().filter(|place| *place < classes.len()),
                };
                place.ok_or_else(|| no_class(&label.to_string()))
            };
            match value.try_extract_tensor::<i64>() {
                Ok((_, labels)) => labels.iter().map(|label| place(*label)).collect::<Result<_, _>>()?,
                Err(_) => {
                    let (_, labels) = value.try_extract_tensor::<i32>().map_err(unreadable)?;
                    labels.iter().map(|label| place(i64::from(*label))).collect::<Result<_, _>>()?
                }
            }
        }
    };
    aligned(labels.len(), rows, 1)?;
    Ok(labels)
}

fn numbers(value: &DynValue) -> Result<Vec<f64>, PredictError> {
    match value.dtype().tensor_type() {
        Some(TensorElementType::Float64) => {
            Ok(value.try_extract_tensor::<f64>().map_err(unreadable)?.1.to_vec())
        }
        Some(TensorElementType::Float32) => {
            let (_, values) = value.try_extract_tensor::<f32>().map_err(unreadable)?;
            Ok(values.iter().map(|value| f64::from(*value)).collect())
        }
        Some(TensorElementType::Int32) => {
            let (_, values) = value.try_extract_tensor::<i32>().map_err(unreadable)?;
            Ok(values.iter().map(|value| f64::from(*value)).collect())
        }
        _ => {
            let (_, values) = value.try_extract_tensor::<i64>().map_err(unreadable)?;
            Ok(values.iter().map(|value| *value as f64).collect())
        }
    }
}

/// The place of the largest number, of equals the first.
fn most_probable(probabilities: &[f64]) -> usize {
    let mut best = 0;
    for (place, value) in probabilities.iter().enumerate() {
        if *value > probabilities[best] {
            best = place;
        }
    }
    best
}

fn aligned(found: usize, rows: usize, width: usize) -> Result<(), PredictError> {
    if found == rows * width {
        return Ok(());
    }
    let message =
        format!("the ONNX graph gave {found} numbers for {rows} rows, {} were wanted", rows * width);
    Err(PredictError::new(ErrorCode::Inference, message))
}

fn no_class(name: &str) -> PredictError {
    let message = format!("the ONNX graph's classes are not the package's: `{name}` is in one of them alone");
    PredictError::new(ErrorCode::Inference, message)
        .hint("name the classes as the graph does: `[project] classes`, or a `classes.json` beside the graph")
}

fn unreadable(error: ort::Error) -> PredictError {
    PredictError::new(ErrorCode::Inference, "cannot read the ONNX graph's answer").hint(error.to_string())
}
