//! The JSON Schema of `modelyard.toml`, made from the same table that the parser checks with.

use serde_json::{Map, Value, json};

use super::keys::ROOT;
use super::shape::{Key, Naming, Others, Section, Shape};

/// A schema of draft 7, which editors' TOML plug-ins read.
pub(crate) fn json_schema() -> Value {
    let mut schema = table(&ROOT);
    let head = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "modelyard.toml",
    });
    if let (Value::Object(schema), Value::Object(head)) = (&mut schema, head) {
        schema.extend(head);
    }
    schema
}

fn table(section: &Section) -> Value {
    let properties: Map<String, Value> =
        section.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = section.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut schema = json!({ "type": "object", "description": section.doc });
    if !properties.is_empty() {
        schema["properties"] = properties.into();
    }
    if !required.is_empty() {
        schema["required"] = required.into();
    }
    schema["additionalProperties"] = match &section.others {
        Others::Refused => false.into(),
        Others::Named(naming, shape) => {
            let pattern = match naming {
                Naming::Strict => "^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$",
                Naming::NoDots => "^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$",
                Naming::Free => "^.+$",
            };
            schema["propertyNames"] = json!({ "pattern": pattern });
            of(shape)
        }
    };
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = of(&key.shape);
    schema["description"] = key.doc.into();
    if let Some(default) = key.default.and_then(|json| serde_json::from_str::<Value>(json).ok()) {
        schema["default"] = default;
    }
    schema
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Text => json!({ "type": "string" }),
        Shape::Name => json!({ "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$" }),
        Shape::Duration => {
            json!({ "type": "string", "pattern": "^\\s*([0-9]+(\\.[0-9]+)?\\s*(ms|s|m|h|d|w)\\s*)+$" })
        }
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Whole { min, max } => {
            let mut schema = json!({ "type": "integer", "minimum": min });
            if *max < i64::MAX {
                schema["maximum"] = (*max).into();
            }
            schema
        }
        Shape::Number { min, max } => {
            let mut schema = json!({ "type": "number" });
            if *min > f64::MIN {
                schema["minimum"] = (*min).into();
            }
            if *max < f64::MAX {
                schema["maximum"] = (*max).into();
            }
            schema
        }
        Shape::Choice(choices) => json!({ "type": "string", "enum": choices }),
        Shape::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Value => json!({
            "anyOf": [of(&Shape::Scalar), { "type": "array", "items": of(&Shape::Scalar) }]
        }),
        Shape::List(item) => json!({ "type": "array", "items": of(item) }),
        Shape::Table(section) => table(section),
        Shape::Either(shapes) => json!({ "anyOf": shapes.iter().map(of).collect::<Vec<_>>() }),
    }
}
