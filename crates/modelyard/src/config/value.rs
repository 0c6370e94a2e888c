//! Numbers and parameters of TOML as Rust and JSON have them.

use serde_json::Value;
use toml::de::DeValue;

/// A whole number within 64 bits.
pub(crate) fn whole(value: &DeValue<'_>) -> Option<i64> {
    let number = value.as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A finite number, written with a fraction or without.
pub(crate) fn number(value: &DeValue<'_>) -> Option<f64> {
    let number = match value {
        DeValue::Float(float) => float.as_str().parse().ok()?,
        other => whole(other)? as f64,
    };
    number.is_finite().then_some(number)
}

/// A scalar as text, as a class or a variable has it.
pub(crate) fn scalar_text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        DeValue::Integer(_) => whole(value).map(|number| number.to_string()),
        DeValue::Float(_) => number(value).map(|number| number.to_string()),
        _ => None,
    }
}

/// A parameter's value; `"none"` is null.
pub(crate) fn parameter(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) if text == "none" => Value::Null,
        DeValue::String(text) => text.to_string().into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Integer(_) => whole(value)?.into(),
        DeValue::Float(_) => number(value)?.into(),
        DeValue::Array(items) => {
            items.iter().map(|item| parameter(item.get_ref())).collect::<Option<Vec<_>>>()?.into()
        }
        DeValue::Datetime(_) | DeValue::Table(_) => return None,
    })
}
