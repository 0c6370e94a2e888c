//! `[data.NAME] split`: which rows train, which validate, which are sealed.

use modelyard_core::config::Split;
use modelyard_core::data::Roles;

use super::node::{Node, plain};
use super::project::Reader;

/// The share that is tested where the file does not say.
const DEFAULT_TEST: f64 = 0.2;

impl Reader<'_> {
    pub(super) fn split(&mut self, set: &Node<'_>, roles: &Roles) -> Split {
        let by_id: Vec<String> = roles.id.iter().cloned().collect();
        let Some(node) = set.node("split") else {
            return Split::Random { seed: 0, key: by_id, test: DEFAULT_TEST, validation: 0.0 };
        };
        let method = node.text("method").map_or("random".to_owned(), |method| method.value);
        self.without_effect(&node, &method);
        let test = node.number("test").unwrap_or(DEFAULT_TEST);
        let validation = node.number("validation").unwrap_or(0.0);
        let shares = test <= 1.0 && validation <= 1.0 && method != "column";
        if shares && test + validation >= 1.0 {
            let key = if node.has("validation") { "validation" } else { "test" };
            self.problems.add_with_hint(
                node.key_span(key),
                format!("test {test} and validation {validation} leave no rows to train on"),
                "the shares of test and validation must sum to less than 1",
            );
        }
        match method.as_str() {
            "time" => {
                let column = node.text("column").map(|column| column.value).or_else(|| roles.time.clone());
                if column.is_none() && node.lacks("column") {
                    self.problems.add_with_hint(
                        node.key_span("method"),
                        "a split by time needs a column of instants",
                        "add `column = \"…\"` here, or `time = \"…\"` to `roles`",
                    );
                }
                Split::Time { column: column.unwrap_or_default(), test, validation }
            }
            "column" => {
                let column = node.text("column").map(|column| column.value);
                if column.is_none() && node.lacks("column") {
                    self.problems.add_with_hint(
                        node.key_span("method"),
                        "a split by a column needs the column",
                        "add `column = \"…\"`: the one that says train, validation or test",
                    );
                }
                Split::Column { column: column.unwrap_or_default() }
            }
            _ => Split::Random {
                seed: node.count("seed").unwrap_or(0),
                key: node.texts("key").map(plain).filter(|key| !key.is_empty()).unwrap_or(by_id),
                test,
                validation,
            },
        }
    }

    /// Keys that another method has.
    fn without_effect(&mut self, node: &Node<'_>, method: &str) {
        let idle: &[&str] = match method {
            "random" => &["column"],
            "time" => &["seed", "key"],
            _ => &["seed", "key", "test", "validation"],
        };
        for key in idle.iter().filter(|key| node.has(key)) {
            self.problems.add(node.key_span(key), format!("`{key}` means nothing in a split by `{method}`"));
        }
    }
}
