//! Which labels a model's answers can be compared with: numbers for a regression, else its classes.

use modelyard_core::package::Manifest;
use serde_json::Value;

/// The rule for the labels of a model.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Empty where answers are numbers.
    classes: Vec<String>,
}

impl Truth {
    pub fn of(manifest: &Manifest) -> Self {
        Self { classes: manifest.classes.clone() }
    }

    /// `label` as it is kept: a number, or the class as the text that `prediction` has. `1`, `1.0` and `"1"` are
    /// the class `1`.
    ///
    /// # Errors
    /// What was wanted and what was found, in a sentence.
    pub fn read(&self, label: &Value) -> Result<Value, String> {
        if self.classes.is_empty() {
            return match label.as_f64() {
                Some(number) if number.is_finite() => Ok(number.into()),
                _ => Err(format!("a label of this model is a number, not {}", described(label))),
            };
        }
        let text = match label {
            Value::String(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(number) => Some(match number.as_f64() {
                Some(value) if value.fract() == 0.0 && value.abs() < 9e15 => (value as i64).to_string(),
                _ => number.to_string(),
            }),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        };
        match text {
            Some(text) if self.classes.contains(&text) => Ok(text.into()),
            _ => Err(format!(
                "a label of this model is one of its classes, {}, not {}",
                listed(&self.classes),
                described(label)
            )),
        }
    }
}

fn described(label: &Value) -> String {
    match label {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("the bool {value}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the text {:?}", text.chars().take(40).collect::<String>()),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn listed(classes: &[String]) -> String {
    let mut listed: Vec<String> = classes.iter().take(10).map(|class| format!("`{class}`")).collect();
    if classes.len() > listed.len() {
        listed.push("…".to_owned());
    }
    listed.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn truth(classes: &[&str]) -> Truth {
        Truth { classes: classes.iter().map(|class| (*class).to_owned()).collect() }
    }

    #[test]
    fn a_class_is_known_in_each_of_its_spellings_and_kept_in_one() {
        let truth = truth(&["0", "1"]);
        for label in [json!(1), json!(1.0), json!("1")] {
            assert_eq!(truth.read(&label).unwrap(), json!("1"));
        }
        for (label, found) in [
            (json!(2), "the number 2"),
            (json!(0.5), "the number 0.5"),
            (json!(true), "the bool true"),
            (json!("yes"), "the text \"yes\""),
            (json!(null), "null"),
            (json!([1]), "a list"),
        ] {
            let wanted = format!("a label of this model is one of its classes, `0`, `1`, not {found}");
            assert_eq!(truth.read(&label).unwrap_err(), wanted);
        }
    }

    #[test]
    fn a_regression_is_told_numbers() {
        let truth = truth(&[]);
        assert_eq!(truth.read(&json!(3)).unwrap(), json!(3.0));
        let refused = truth.read(&json!("3")).unwrap_err();
        assert_eq!(refused, "a label of this model is a number, not the text \"3\"");
    }
}
