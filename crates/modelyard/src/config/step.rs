//! A user's command: the words of `run` and what is declared about them.

use std::collections::{BTreeMap, BTreeSet};

use modelyard_core::action::OutputKind;
use modelyard_core::config::{DataSet, SandboxConfig, Step};
use modelyard_core::model::is_name;
use serde_json::Value;

use super::node::{At, Entry, Node, plain};
use super::project::Reader;
use super::references::{Command, Owner};
use super::value;

/// What `modelyard run` and the graph call the built-in steps.
const RESERVED: [&str; 5] = ["data", "train", "package", "test", "register"];
/// What `{output}`, `{model}` and `{artifacts}` are kept as.
const RESERVED_OUTPUTS: [&str; 3] = ["table", "model", "artifacts"];
/// Words that only a shell understands.
const SHELL: [&str; 9] = ["&&", "||", "|", ";", ">", ">>", "<", "2>&1", "&"];

impl Reader<'_> {
    pub(super) fn custom_steps(
        &mut self,
        root: &Node<'_>,
        data: &BTreeMap<String, DataSet>,
        commands: &mut Vec<Command>,
    ) -> BTreeMap<String, Step> {
        let mut steps = BTreeMap::new();
        for entry in root.node("steps").iter().flat_map(Node::entries) {
            let Some(node) = &entry.node else { continue };
            self.not_reserved(&entry);
            if data.contains_key(&entry.name) {
                self.problems.add(
                    entry.name_span.clone(),
                    format!("`{}` is also a data set; give the step another name", entry.name),
                );
            }
            let mut command = self.command(Owner::Step(entry.name.clone()), node, BTreeSet::new());
            command.span = entry.name_span;
            command.step.gate = node.flag("gate").is_some_and(|flag| flag.value);
            command.step.outputs = self.outputs(node);
            steps.insert(entry.name, command.step.clone());
            commands.push(command);
        }
        steps
    }

    /// `modelyard run NAME` must mean one thing.
    pub(super) fn not_reserved(&mut self, entry: &Entry<'_>) {
        if RESERVED.contains(&entry.name.as_str()) {
            self.problems.add(
                entry.name_span.clone(),
                format!("`{}` names a built-in step; choose another name", entry.name),
            );
        }
    }

    /// The keys that all commands share.
    pub(super) fn command(&mut self, owner: Owner, node: &Node<'_>, sources: BTreeSet<String>) -> Command {
        let words = self.words(node, "run");
        let mut step = Step::new(words.iter().map(|word| word.value.clone()).collect());
        let code = node.texts("code").unwrap_or_default();
        self.code_exists(&code);
        if node.has("run") {
            self.undeclared_scripts(&words, &code);
        }
        step.params = params(node);
        step.env = self.variables(node);
        step.secrets = self.secrets(node, &step.env);
        step.threads = node.count("threads").map_or(Step::DEFAULT_THREADS, |threads| threads as u32);
        step.seed = node.count("seed").unwrap_or(0);
        step.timeout_secs = node.text("timeout").and_then(|text| super::duration::parse(&text.value));
        step.sandbox = self.sandbox(node);
        step.code = code.iter().map(|entry| entry.value.clone()).collect();
        Command { owner, step, words, code, sources, space: BTreeMap::new(), span: node.span.clone() }
    }

    /// The words of the command under `key`.
    pub(super) fn words(&mut self, node: &Node<'_>, key: &str) -> Vec<At<String>> {
        if let Some(words) = node.texts(key) {
            if words.is_empty() {
                self.problems.add(node.key_span(key), format!("`{key}` is empty"));
            }
            return words;
        }
        let Some(run) = node.text(key) else { return Vec::new() };
        let Some(words) = shlex::split(&run.value) else {
            self.problems.add_with_hint(
                run.span,
                format!("a quote in `{key}` is not closed"),
                "or write a list of words, which is taken as it is",
            );
            return Vec::new();
        };
        if words.is_empty() {
            self.problems.add(run.span, format!("`{key}` is empty"));
            return Vec::new();
        }
        if let Some(word) = words.iter().find(|word| SHELL.contains(&word.as_str())) {
            self.problems.add_with_hint(
                self.within(&run.span, word, 0).0,
                format!("`{word}` needs a shell, and `{key}` has none"),
                format!("make it two steps, or say so: {key} = [\"bash\", \"-c\", \"…\"]"),
            );
        }
        words.into_iter().map(|value| At { value, span: run.span.clone() }).collect()
    }

    pub(super) fn outputs(&mut self, node: &Node<'_>) -> BTreeMap<String, OutputKind> {
        let mut outputs = BTreeMap::new();
        for output in node.texts("outputs").unwrap_or_default() {
            let (name, kind) = match output.value.strip_suffix('/') {
                Some(folder) => (folder, OutputKind::Folder),
                None => (output.value.as_str(), OutputKind::File),
            };
            if !is_name(name) {
                self.problems.add_with_hint(
                    output.span,
                    format!("`{}` can't name an output", output.value),
                    "an output is a name such as \"clean.parquet\" or, for a folder, \"plots/\"",
                );
            } else if RESERVED_OUTPUTS.contains(&name) {
                self.problems
                    .add(output.span, format!("`{name}` is kept for Modelyard; choose another name"));
            } else if outputs.insert(name.to_owned(), kind).is_some() {
                self.problems.add(output.span, format!("output `{name}` stands here twice"));
            }
        }
        outputs
    }

    pub(super) fn variables(&mut self, node: &Node<'_>) -> BTreeMap<String, String> {
        let mut variables = BTreeMap::new();
        for entry in node.node("env").iter().flat_map(Node::entries) {
            self.variable_name(&At { value: entry.name.clone(), span: entry.name_span });
            if let Some(text) = value::scalar_text(entry.value.get_ref()) {
                variables.insert(entry.name, text);
            }
        }
        variables
    }

    fn secrets(&mut self, node: &Node<'_>, variables: &BTreeMap<String, String>) -> Vec<String> {
        let secrets = node.texts("secrets").unwrap_or_default();
        for secret in &secrets {
            self.variable_name(secret);
            if variables.contains_key(&secret.value) {
                self.problems.add(
                    secret.span.clone(),
                    format!("`{}` is also in `env`, where its value is not secret", secret.value),
                );
            }
        }
        plain(secrets)
    }

    fn variable_name(&mut self, name: &At<String>) {
        let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let begins = name.value.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins || !name.value.chars().all(letters) {
            self.problems.add_with_hint(
                name.span.clone(),
                format!("`{}` can't name an environment variable", name.value),
                "only the name stands here; its value is taken from the environment or `env`",
            );
        } else if name.value.starts_with("MODELYARD_") {
            self.problems.add(name.span.clone(), "variables that begin with MODELYARD_ are set by Modelyard");
        }
    }

    fn sandbox(&mut self, node: &Node<'_>) -> SandboxConfig {
        let outer = node.flag("network");
        let mut sandbox =
            SandboxConfig { network: outer.as_ref().is_some_and(|flag| flag.value), ..Default::default() };
        if node.text("sandbox").is_some_and(|text| text.value == "off") {
            sandbox.on = false;
        }
        let Some(table) = node.node("sandbox") else { return sandbox };
        if let Some(inner) = table.flag("network") {
            if outer.is_some_and(|outer| outer.value != inner.value) {
                self.problems.add(inner.span, "`network` stands here twice, with two values");
            }
            sandbox.network = inner.value;
        }
        let read = table.texts("read").unwrap_or_default();
        for path in &read {
            if !self.root.join(&path.value).exists() {
                self.problems.add(path.span.clone(), format!("there is no `{}`", path.value));
            }
        }
        sandbox.read = plain(read);
        sandbox
    }
}

fn params(node: &Node<'_>) -> BTreeMap<String, Value> {
    let entries = node.node("params").map(|params| params.entries()).unwrap_or_default();
    let parameter = |entry: Entry<'_>| Some((entry.name, value::parameter(entry.value.get_ref())?));
    entries.into_iter().filter_map(parameter).collect()
}
