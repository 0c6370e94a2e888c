//! The canonical encoding: one byte string for one value, whatever the program that writes it.
//!
//! JSON without white space, keys sorted by their UTF-8 bytes, numbers in their shortest form,
//! integers without a fraction. Every digest of a document is taken over this.

use serde::Serialize;
use serde_json::Value;

use crate::Digest;

/// The canonical bytes of `value`.
///
/// # Panics
/// Never for the documents of this crate: they serialise to JSON, have string keys and hold no
/// NaN (serde_json writes NaN as null).
pub fn bytes(value: &impl Serialize) -> Vec<u8> {
    let value = serde_json::to_value(value).unwrap_or(Value::Null);
    let mut out = Vec::new();
    write(&value, &mut out);
    out
}

/// The digest of `value` as a document of kind `context`.
pub fn digest(context: &str, value: &impl Serialize) -> Digest {
    Digest::derived(context, &bytes(value))
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            out.push(b'{');
            for (place, (key, value)) in entries.into_iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write(&Value::String(key.clone()), out);
                out.push(b':');
                write(value, out);
            }
            out.push(b'}');
        }
        Value::Array(items) => {
            out.push(b'[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        scalar => out.extend_from_slice(scalar.to_string().as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_sorted_at_every_depth() {
        let value = json!({"b": [1, {"z": 0.1, "a": null}], "a": "ü\n"});
        assert_eq!(
            String::from_utf8(bytes(&value)).as_deref(),
            Ok("{\"a\":\"ü\\n\",\"b\":[1,{\"a\":null,\"z\":0.1}]}")
        );
    }
}
