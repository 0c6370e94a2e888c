//! `[test]`: what is scored, on which data set, and what must hold.

use std::collections::BTreeMap;

use modelyard_core::config::{Better, Bound, DataSet, Gates, Split, Task, Test};
use modelyard_evaluate::metric;

use super::node::{At, Node, plain};
use super::problem::{did_you_mean, one_of};
use super::project::Reader;

impl Reader<'_> {
    pub(super) fn test(
        &mut self,
        root: &Node<'_>,
        task: Option<Task>,
        classes: Option<&[String]>,
        data: &BTreeMap<String, DataSet>,
        target: Option<&str>,
    ) -> Test {
        let trains = root.has("train");
        let Some(node) = root.node("test") else {
            let only = self.tested_set(None, root, data, trains);
            return Test { data: only, metrics: Vec::new(), gates: Gates::default(), slices: Vec::new() };
        };
        let data = self.tested_set(Some(&node), root, data, trains);
        let metrics = node.texts("metrics");
        for metric in metrics.iter().flatten() {
            self.metric(metric, task, classes);
        }
        if metrics.as_ref().is_some_and(|metrics| metrics.is_empty()) {
            self.problems.add(node.key_span("metrics"), "a test needs a metric; the first decides");
        }
        let metrics = metrics.map(plain).unwrap_or_default();
        let gates = node.node("gates").map(|gates| self.gates(&gates, &metrics, task)).unwrap_or_default();
        let slices = node.texts("slices").unwrap_or_default();
        for slice in slices.iter().filter(|slice| Some(slice.value.as_str()) == target) {
            self.problems.add(slice.span.clone(), "the target can't be sliced by");
        }
        Test { data, metrics, gates, slices: plain(slices) }
    }

    /// The data set whose test part is scored.
    fn tested_set(
        &mut self,
        node: Option<&Node<'_>>,
        root: &Node<'_>,
        data: &BTreeMap<String, DataSet>,
        trains: bool,
    ) -> Option<String> {
        let named = node.and_then(|node| node.text("data"));
        let span = named.as_ref().map(|name| name.span.clone());
        let span = span.or_else(|| node.map(|node| node.span.clone()));
        let span = span.unwrap_or_else(|| root.key_span("train"));
        let names = || data.keys().map(String::as_str);
        let name = match (named, data.len()) {
            (Some(name), _) if data.contains_key(&name.value) => name.value,
            (Some(name), 0) if root.lacks("data") => {
                self.problems.add(name.span, "the project has no data sets");
                return None;
            }
            (Some(name), _) => {
                let near = did_you_mean(&name.value, names());
                let near = if near.is_empty() { format!("; known are {}", one_of(names())) } else { near };
                self.problems.add(name.span, format!("there is no data set `{}`{near}", name.value));
                return None;
            }
            (None, 1) => names().next()?.to_owned(),
            (None, 0) => return None,
            (None, _) if node.is_none_or(|node| node.lacks("data")) && trains => {
                self.problems.add_with_hint(
                    span,
                    "several data sets, and nothing says which is tested",
                    format!("add `data = \"{}\"` to [test]", names().next().unwrap_or_default()),
                );
                return None;
            }
            (None, _) => return None,
        };
        let share = data.get(&name).map(|set| &set.split);
        if let Some(Split::Random { test, .. } | Split::Time { test, .. }) = share
            && *test == 0.0
            && trains
        {
            self.problems.add(span, format!("data set `{name}` is tested, and its split has no test rows"));
        }
        Some(name)
    }

    fn metric(&mut self, name: &At<String>, task: Option<Task>, classes: Option<&[String]>) {
        let Some(metric) = metric::lookup(&name.value) else {
            self.unknown_metric(name, task, false);
            return;
        };
        let several = classes.is_some_and(|classes| classes.len() > 2);
        match task {
            Some(task) if task != metric.task() => {
                let (is, of) = match task {
                    Task::Regression => ("a regression", "classification"),
                    Task::Classification => ("a classification", "regression"),
                };
                self.problems.add_with_hint(
                    name.span.clone(),
                    format!("`{}` is a metric of {of}, and this project is {is}", name.value),
                    format!("metrics of {is}: {}", names(Some(task)).join(", ")),
                );
            }
            Some(task) if metric.two_classes_only() && several => {
                let many = metric::names(task, 3);
                let instead = many.iter().find(|many| many.starts_with(&name.value));
                let instead = instead.map(|name| format!("; `{name}` is for many")).unwrap_or_default();
                self.problems.add(
                    name.span.clone(),
                    format!("`{}` is for two classes, and `classes` has more{instead}", name.value),
                );
            }
            _ => {}
        }
    }

    fn unknown_metric(&mut self, name: &At<String>, task: Option<Task>, gate: bool) {
        let known = names(task);
        let gates = ["baseline", "champion"];
        let near = did_you_mean(&name.value, known.iter().copied().chain(gates.into_iter().filter(|_| gate)));
        let message = format!("unknown metric `{}`{near}", name.value);
        let hint = format!("known are {}", known.join(", "));
        match near.is_empty() {
            true => self.problems.add_with_hint(name.span.clone(), message, hint),
            false => self.problems.add(name.span.clone(), message),
        }
    }

    fn gates(&mut self, node: &Node<'_>, metrics: &[String], task: Option<Task>) -> Gates {
        let mut bounds = BTreeMap::new();
        for entry in node.entries() {
            let name = At { value: entry.name, span: entry.name_span };
            if metric::lookup(&name.value).is_none() {
                self.unknown_metric(&name, task, true);
            } else if !metrics.is_empty() && !metrics.contains(&name.value) {
                self.problems.add_with_hint(
                    name.span.clone(),
                    format!("a gate on `{}`, which is not among `metrics`", name.value),
                    format!("add \"{}\" to `metrics`", name.value),
                );
            }
            let Some(bound) = entry.node else { continue };
            let (min, max) = (bound.number("min"), bound.number("max"));
            if min.zip(max).is_some_and(|(min, max)| min > max) {
                self.problems.add(bound.key_span("min"), "`min` is above `max`: nothing passes");
            } else if bound.lacks("min") && bound.lacks("max") {
                self.problems.add(name.span, "a gate needs `min` or `max`");
            }
            bounds.insert(name.value, Bound { min, max });
        }
        Gates { bounds, baseline: better(node, "baseline"), champion: better(node, "champion") }
    }
}

fn better(gates: &Node<'_>, key: &str) -> Option<Better> {
    if let Some(margin) = gates.node(key) {
        return margin.number("by").map(Better::By);
    }
    match gates.text(key)?.value.as_str() {
        "better" => Some(Better::Better),
        "not-worse" => Some(Better::NotWorse),
        _ => None,
    }
}

/// The metrics that fit, for any number of classes.
fn names(task: Option<Task>) -> Vec<&'static str> {
    let tasks = task.map_or(vec![Task::Regression, Task::Classification], |task| vec![task]);
    tasks.into_iter().flat_map(|task| metric::names(task, 2)).collect()
}
