//! What a step reports: metrics in `metrics.json` or on lines of stdout.

use std::collections::BTreeMap;
use std::path::Path;

use modelyard_core::{Fault, Kind, Result};
use serde::Deserialize;
use serde_json::Value;

/// Metrics of a step: the last value of each, and every value that came with a step.
#[derive(Debug, Default)]
pub(crate) struct Reported {
    pub(crate) metrics: BTreeMap<String, f64>,
    pub(crate) series: BTreeMap<String, Vec<(i64, f64)>>,
}

/// A `metrics.json` of more bytes is none.
const LARGEST: u64 = 16 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    metric: String,
    value: f64,
    step: Option<i64>,
}

impl Reported {
    /// Takes `line` if it is exactly a metric: `{"metric": NAME, "value": N, "step"?: I}`.
    pub(crate) fn line(&mut self, line: &str) {
        let line = line.trim();
        if !line.starts_with('{') {
            return;
        }
        if let Ok(Line { metric, value, step }) = serde_json::from_str(line) {
            if let Some(step) = step {
                self.series.entry(metric.clone()).or_default().push((step, value));
            }
            self.metrics.insert(metric, value);
        }
    }

    /// Takes the numbers of `metrics.json` in `folder`, if it is there.
    ///
    /// # Errors
    /// If it is no JSON object of numbers.
    pub(crate) fn file(&mut self, folder: &Path) -> Result<()> {
        let path = folder.join("metrics.json");
        let Ok(found) = path.symlink_metadata() else { return Ok(()) };
        let wrong = || {
            Fault::new(Kind::Step, "the step's `metrics.json` can't be read")
                .hint("write one JSON object of numbers; objects in it join their names by a dot")
        };
        // A link could lead to what the step may not open, and a pipe would be waited for.
        if !found.is_file() {
            return Err(wrong().because("it is no file"));
        }
        if found.len() > LARGEST {
            return Err(wrong().because(format!("it has {} bytes; at most {LARGEST} are read", found.len())));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| wrong().because(error))?;
        // Python's json writes NaN and Infinity bare, which JSON does not know.
        let text = bare_names_quoted(&text);
        let value: Value = serde_json::from_str(&text).map_err(|error| wrong().because(error))?;
        if !value.is_object() {
            return Err(wrong().because("it holds no object"));
        }
        self.flatten("", &value).map_err(|name| wrong().because(format!("`{name}` is no number")))
    }

    fn flatten(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let number = match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                    self.flatten(&name, value)?;
                }
                return Ok(());
            }
            Value::Number(number) => number.as_f64(),
            Value::Null => Some(f64::NAN),
            Value::String(text) => match text.as_str() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                _ => None,
            },
            _ => None,
        };
        self.metrics.insert(name.to_owned(), number.ok_or(name)?);
        Ok(())
    }
}

/// `text` with `NaN`, `Infinity` and `-Infinity` outside strings put in quotes.
fn bare_names_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(next) = rest.chars().next() {
        let bare = (!in_string)
            .then(|| ["-Infinity", "Infinity", "NaN"].into_iter().find(|name| rest.starts_with(name)))
            .flatten();
        if let Some(name) = bare {
            out.push_str(&format!("\"{name}\""));
            rest = &rest[name.len()..];
            continue;
        }
        let mut taken = next.len_utf8();
        match next {
            '"' => in_string = !in_string,
            '\\' => taken += rest[taken..].chars().next().map_or(0, char::len_utf8),
            _ => {}
        }
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_names_join_with_a_dot_and_nan_is_kept() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::write(
            folder.path().join("metrics.json"),
            r#"{"validation": {"auc": 0.5, "b": NaN}, "n\"aN": 1}"#,
        )?;
        let mut reported = Reported::default();
        reported.file(folder.path()).expect("readable");
        assert_eq!(reported.metrics["validation.auc"], 0.5);
        assert!(reported.metrics["validation.b"].is_nan());
        assert_eq!(reported.metrics["n\"aN"], 1.0);
        Ok(())
    }

    #[test]
    fn only_a_line_that_is_exactly_a_metric_counts() {
        let mut reported = Reported::default();
        for line in [
            r#"{"metric": "loss", "value": 2, "step": 1}"#,
            r#"{"metric": "loss", "value": 1.5, "step": 2}"#,
            r#"{"metric": "x", "value": 1, "more": 2}"#,
            "loss 3",
        ] {
            reported.line(line);
        }
        assert_eq!(reported.metrics, BTreeMap::from([("loss".to_owned(), 1.5)]));
        assert_eq!(reported.series["loss"], [(1, 2.0), (2, 1.5)]);
    }
}
