//! `[train]` and its search.

use std::collections::{BTreeMap, BTreeSet};

use modelyard_core::config::{Goal, Search, SearchMethod, Space, Train};
use modelyard_evaluate::metric;
use serde_json::Value;

use super::node::{At, Entry, Node};
use super::project::Reader;
use super::references::{Command, Owner, Ranged};
use super::value;

impl Reader<'_> {
    pub(super) fn train(&mut self, node: &Node<'_>, commands: &mut Vec<Command>) -> Train {
        let mut command = self.command(Owner::Train, node, BTreeSet::new());
        command.step.outputs = self.outputs(node);
        let search = node.node("search").map(|search| self.search(&search, &mut command));
        let step = command.step.clone();
        commands.push(command);
        Train { step, refit: node.flag("refit").is_some_and(|flag| flag.value), search }
    }

    fn search(&mut self, node: &Node<'_>, command: &mut Command) -> Search {
        let method = match node.text("method").map(|method| method.value).as_deref() {
            Some("random") => SearchMethod::Random,
            _ => SearchMethod::Grid,
        };
        let metric = node.text("metric");
        let goal = self.goal(node, metric.as_ref());
        let mut space = BTreeMap::new();
        for entry in node.node("space").iter().flat_map(Node::entries) {
            if let Some(values) = self.space(&entry, method) {
                let plain = match &values {
                    Space::Choices(choices) => {
                        choices.iter().all(|choice| !choice.is_array() && !choice.is_null())
                    }
                    _ => true,
                };
                command.space.insert(entry.name.clone(), Ranged { plain, span: entry.name_span.clone() });
                space.insert(entry.name, values);
            }
        }
        if space.is_empty() && node.node("space").is_some_and(|space| space.entries().is_empty()) {
            self.problems.add(node.key_span("space"), "a search needs a parameter to vary");
        }
        let trials = node.count("trials").and_then(|trials| u32::try_from(trials).ok());
        match (method, trials) {
            (SearchMethod::Random, None) if node.lacks("trials") => {
                self.problems.add_with_hint(
                    node.key_span("method"),
                    "a random search needs the number of its trials",
                    "add `trials = 20`",
                );
            }
            (SearchMethod::Grid, Some(_)) => {
                self.remarks.push("`trials` has no effect: a grid has as many as it has points".to_owned());
            }
            _ => {}
        }
        Search {
            method,
            metric: metric.map(|metric| metric.value).unwrap_or_default(),
            goal,
            space,
            trials,
            seed: node.count("seed").unwrap_or(0),
        }
    }

    /// As written, else known from the metric's last name.
    fn goal(&mut self, node: &Node<'_>, metric: Option<&At<String>>) -> Goal {
        let last = metric.map(|metric| metric.value.rsplit('.').next().unwrap_or_default());
        let known = last.and_then(metric::lookup).map(|metric| metric.goal());
        let written = node.text("goal").and_then(|goal| match goal.value.as_str() {
            "maximize" => Some(Goal::Maximize),
            "minimize" => Some(Goal::Minimize),
            _ => None,
        });
        if let Some(metric) = metric.filter(|metric| metric.value.is_empty()) {
            self.problems.add(metric.span.clone(), "an empty metric name");
        }
        match (written, known) {
            (Some(written), Some(known)) if written != known => {
                let better = if known == Goal::Maximize { "higher" } else { "lower" };
                self.remarks.push(format!(
                    "`goal` says otherwise, but {} is better the {better} it is",
                    last.unwrap_or_default()
                ));
                written
            }
            (Some(goal), _) | (None, Some(goal)) => goal,
            (None, None) => {
                if node.lacks("goal") && metric.is_some() {
                    self.problems.add_with_hint(
                        node.key_span("metric"),
                        "nothing says which way this metric is better",
                        "add `goal = \"maximize\"` or `goal = \"minimize\"`",
                    );
                }
                Goal::Maximize
            }
        }
    }

    fn space(&mut self, entry: &Entry<'_>, method: SearchMethod) -> Option<Space> {
        let Some(node) = &entry.node else {
            let items = entry.value.get_ref().as_array()?;
            if items.is_empty() {
                self.problems.add(entry.value.span(), format!("`{}` has no values to try", entry.name));
            }
            let choices: Vec<Value> =
                items.iter().filter_map(|item| value::parameter(item.get_ref())).collect();
            if let Some((at, _)) =
                choices.iter().enumerate().find(|(at, choice)| choices[..*at].contains(choice))
            {
                let span = items.get(at).map_or(entry.value.span(), |item| item.span());
                self.problems.add(span, "this value stands here twice");
            }
            return Some(Space::Choices(choices));
        };
        let (min, max, step) = (node.number("min")?, node.number("max")?, node.number("step"));
        let log = node.flag("log").is_some_and(|flag| flag.value);
        if min > max {
            self.problems.add(node.key_span("min"), "`min` is above `max`");
        }
        if log && min <= 0.0 {
            self.problems.add(node.key_span("log"), "a logarithmic range lies above 0");
        }
        if log && step.is_some() {
            self.problems.add(node.key_span("step"), "a logarithmic range has no `step`");
        }
        if step.is_some_and(|step| step <= 0.0) {
            self.problems.add(node.key_span("step"), "`step` must be above 0");
        }
        if method == SearchMethod::Grid && node.lacks("step") {
            self.problems.add_with_hint(
                entry.name_span.clone(),
                "a grid can't try every number of a range",
                "list the values, or add `step`; or use method = \"random\"",
            );
        }
        match (node.whole("min"), node.whole("max")) {
            (Some(min), Some(max)) if node.lacks("step") || node.whole("step").is_some() => {
                Some(Space::Int { min, max, log, step: node.whole("step") })
            }
            _ => Some(Space::Float { min, max, log, step }),
        }
    }
}
