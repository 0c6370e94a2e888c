//! Placeholders: each refers to something that this command may have, and no step waits for
//! itself.

use std::collections::{BTreeMap, BTreeSet};

use modelyard_core::config::{DataSet, Step};
use modelyard_core::data::Part;
use modelyard_core::placeholder::{self, Malformed, Piece, Placeholder};

use super::node::At;
use super::problem::{Span, did_you_mean, nearest};
use super::project::Reader;

/// Whose command it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Data(String),
    Step(String),
    Train,
}

/// A command with what is needed to check its placeholders.
pub(super) struct Command {
    pub(super) owner: Owner,
    pub(super) step: Step,
    /// Of `run`; words of a text all have its span.
    pub(super) words: Vec<At<String>>,
    pub(super) code: Vec<At<String>>,
    pub(super) sources: BTreeSet<String>,
    /// Parameters that a search varies.
    pub(super) space: BTreeMap<String, Ranged>,
    /// The step's name.
    pub(super) span: Span,
}

/// A parameter of a search space.
pub(super) struct Ranged {
    /// Whether all its values may stand on a command line.
    pub(super) plain: bool,
    pub(super) span: Span,
}

/// What placeholders may refer to.
pub(super) struct Names {
    data: BTreeSet<String>,
    /// Outputs, by step.
    steps: BTreeMap<String, BTreeSet<String>>,
}

impl Names {
    pub(super) fn new(data: &BTreeMap<String, DataSet>, steps: &BTreeMap<String, Step>) -> Self {
        let outputs = |step: &Step| step.outputs.keys().cloned().collect();
        Self {
            data: data.keys().cloned().collect(),
            steps: steps.iter().map(|(name, step)| (name.clone(), outputs(step))).collect(),
        }
    }
}

impl Command {
    /// Its node in the graph of steps.
    fn node(&self) -> &str {
        match &self.owner {
            Owner::Data(name) | Owner::Step(name) => name,
            Owner::Train => "train",
        }
    }

    /// Every placeholder that this command may use, for suggestions.
    fn possible(&self, names: &Names) -> Vec<String> {
        let mut possible = vec!["{artifacts}".to_owned()];
        possible.extend(
            self.step.params.keys().chain(self.space.keys()).map(|name| format!("{{params.{name}}}")),
        );
        possible.extend(self.sources.iter().map(|name| format!("{{sources.{name}}}")));
        for name in names.data.iter().filter(|name| self.owner != Owner::Data((*name).clone())) {
            possible.extend(["train", "validation"].map(|part| format!("{{data.{name}.{part}}}")));
        }
        for (step, outputs) in names.steps.iter().filter(|(step, _)| step.as_str() != self.node()) {
            possible.extend(outputs.iter().map(|output| format!("{{steps.{step}.{output}}}")));
        }
        possible.extend(self.step.outputs.keys().map(|name| format!("{{outputs.{name}}}")));
        possible.push(
            match self.owner {
                Owner::Data(_) => "{output}",
                Owner::Step(_) => "{package}",
                Owner::Train => "{model}",
            }
            .to_owned(),
        );
        possible
    }
}

impl Reader<'_> {
    pub(super) fn references(&mut self, commands: &[Command], names: &Names) {
        let mut edges: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for command in commands {
            let mut used = BTreeSet::new();
            for (placeholder, span) in self.placeholders(command, names) {
                self.reference(command, names, &placeholder, span);
                match &placeholder {
                    Placeholder::Step { name, .. } | Placeholder::Data { name, .. } => {
                        edges.entry(command.node()).or_default().push(name.clone());
                    }
                    Placeholder::Package => {
                        edges.entry(command.node()).or_default().push("package".to_owned());
                    }
                    Placeholder::Param(name) => {
                        used.insert(name.clone());
                    }
                    _ => {}
                }
            }
            for (name, ranged) in &command.space {
                if !used.contains(name) && !command.step.params.contains_key(name) {
                    let params = command.step.params.keys().map(String::as_str);
                    let near = did_you_mean(name, params.chain(used.iter().map(String::as_str)));
                    self.problems.add_with_hint(
                        ranged.span.clone(),
                        format!("nothing uses the parameter `{name}`{near}"),
                        format!(
                            "put {{params.{name}}} into `run`, or `{name}` into `params` for the context file"
                        ),
                    );
                }
            }
            self.misses_its_result(command);
        }
        edges.insert("package", vec!["train".to_owned()]);
        self.cycle(commands, &edges);
    }

    /// The placeholders of `run` with their places; malformed ones are reported.
    fn placeholders(&mut self, command: &Command, names: &Names) -> Vec<(Placeholder, Span)> {
        let mut found = Vec::new();
        let (mut cursor, mut current) = (0, 0..0);
        for word in &command.words {
            if word.span != current {
                (cursor, current) = (0, word.span.clone());
            }
            match placeholder::parse(&word.value) {
                Ok(pieces) => {
                    for piece in pieces {
                        if let Piece::Placeholder(placeholder) = piece {
                            let (span, end) = self.within(&word.span, &placeholder.to_string(), cursor);
                            cursor = end;
                            found.push((placeholder, span));
                        }
                    }
                }
                Err(Malformed::Unclosed(text)) => {
                    let (span, _) = self.within(&word.span, &text, cursor);
                    self.problems.add_with_hint(span, "this brace is not closed", "`{{` is a brace");
                }
                Err(Malformed::Unknown(text)) => {
                    let (span, end) = self.within(&word.span, &text, cursor);
                    cursor = end;
                    let possible = command.possible(names);
                    let near = did_you_mean(&text, possible.iter().map(String::as_str));
                    let message = format!("`{text}` is no placeholder{near}");
                    match near.is_empty() {
                        true => self.problems.add_with_hint(
                            span,
                            message,
                            format!("`{{{{` is a brace; possible here: {}", possible.join(" ")),
                        ),
                        false => self.problems.add(span, message),
                    }
                }
            }
        }
        found
    }

    fn reference(&mut self, command: &Command, names: &Names, placeholder: &Placeholder, span: Span) {
        let of_data = matches!(command.owner, Owner::Data(_));
        let refusal: Option<(&str, &str)> = match placeholder {
            Placeholder::Data { part: Part::Test, .. } => Some((
                "the test rows are sealed: no step can have them",
                "testing alone reads them, after packaging; a step may have {data.NAME.train} and {data.NAME.validation}",
            )),
            Placeholder::Source(_) | Placeholder::Table if !of_data => Some((
                "only a `run` in [data.NAME] has this",
                "a step has {data.NAME.train} and {outputs.NAME}",
            )),
            Placeholder::Model if command.owner != Owner::Train => {
                Some(("only training fills the model's folder", "a later step takes {package}"))
            }
            Placeholder::Package if !matches!(command.owner, Owner::Step(_)) => {
                Some(("only a step in [steps.NAME] takes the package", "training fills {model}"))
            }
            _ => None,
        };
        if let Some((message, hint)) = refusal {
            self.problems.add_with_hint(span, message, hint);
            return;
        }
        let missing = match placeholder {
            Placeholder::Data { name, .. } => (!names.data.contains(name)).then(|| {
                let near = nearest(name, names.data.iter().map(String::as_str));
                (format!("there is no data set `{name}`"), near.map(|near| format!("{{data.{near}.…}}")))
            }),
            Placeholder::Step { name, output } => match names.steps.get(name) {
                None => {
                    let near = nearest(name, names.steps.keys().map(String::as_str));
                    Some((
                        format!("there is no step `{name}`"),
                        near.map(|near| format!("{{steps.{near}.…}}")),
                    ))
                }
                Some(outputs) => (!outputs.contains(output)).then(|| {
                    let near = nearest(output, outputs.iter().map(String::as_str));
                    (
                        format!("step `{name}` declares no output `{output}`"),
                        near.map(|near| format!("{{steps.{name}.{near}}}")),
                    )
                }),
            },
            Placeholder::Output(name) => (!command.step.outputs.contains_key(name)).then(|| {
                let near = nearest(name, command.step.outputs.keys().map(String::as_str));
                (
                    format!("`outputs` does not declare `{name}`"),
                    near.map(|near| format!("{{outputs.{near}}}")),
                )
            }),
            Placeholder::Source(name) => (!command.sources.contains(name)).then(|| {
                let near = nearest(name, command.sources.iter().map(String::as_str));
                (format!("there is no source `{name}`"), near.map(|near| format!("{{sources.{near}}}")))
            }),
            Placeholder::Param(name) => self.parameter(command, name, &span),
            _ => None,
        };
        if let Some((message, near)) = missing {
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            self.problems.add(span, format!("{message}{near}"));
        }
    }

    fn parameter(&mut self, command: &Command, name: &str, span: &Span) -> Option<(String, Option<String>)> {
        let fixed = command.step.params.get(name);
        let plain = match (command.space.get(name), fixed) {
            (Some(ranged), _) => ranged.plain,
            (None, Some(value)) => !value.is_array() && !value.is_null(),
            (None, None) => {
                let known = command.step.params.keys().chain(command.space.keys());
                let near = nearest(name, known.map(String::as_str));
                let near = near.map(|near| format!("{{params.{near}}}"));
                return Some((format!("there is no parameter `{name}`"), near));
            }
        };
        if !plain {
            self.problems.add_with_hint(
                span.clone(),
                format!("`{name}` may be a list or null, which no command line holds"),
                "read it from the context file that MODELYARD_CONTEXT names",
            );
        }
        None
    }

    /// A command without the placeholder of what it must make has nowhere to leave it.
    fn misses_its_result(&mut self, command: &Command) {
        let (result, what) = match command.owner {
            Owner::Data(_) => ("{output}", "the table is written there"),
            Owner::Train => ("{model}", "the folder that training fills"),
            Owner::Step(_) => return,
        };
        let Some(first) = command.words.first() else { return };
        let named = command.words.iter().any(|word| {
            let near = |at: usize| nearest(&word.value[at..], [result]).is_some();
            word.value.contains(result) || word.value.find('{').is_some_and(near)
        });
        if !named {
            self.problems.add_with_hint(
                first.span.clone(),
                format!("this command has nowhere to leave its result: it has no {result}"),
                format!("{result}: {what}"),
            );
        }
    }

    fn cycle(&mut self, commands: &[Command], edges: &BTreeMap<&str, Vec<String>>) {
        let mut done = BTreeSet::new();
        for command in commands {
            let mut path = vec![command.node()];
            if let Some(cycle) = walk(&mut path, edges, &mut done) {
                let first = commands.iter().find(|command| command.node() == cycle[0]).unwrap_or(command);
                let path = cycle.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>().join(" → ");
                self.problems.add(first.span.clone(), format!("steps wait for each other: {path}"));
                return;
            }
        }
    }
}

/// The first cycle on the ways on from the end of `path`, its beginning repeated at the end.
fn walk<'a>(
    path: &mut Vec<&'a str>,
    edges: &'a BTreeMap<&str, Vec<String>>,
    done: &mut BTreeSet<&'a str>,
) -> Option<Vec<&'a str>> {
    let here = path.last().copied()?;
    if done.contains(here) {
        return None;
    }
    for next in edges.get(here).into_iter().flatten() {
        if let Some(start) = path.iter().position(|name| name == next) {
            let mut cycle = path[start..].to_vec();
            cycle.push(next);
            return Some(cycle);
        }
        path.push(next);
        if let Some(cycle) = walk(path, edges, done) {
            return Some(cycle);
        }
        path.pop();
    }
    done.insert(here);
    None
}
