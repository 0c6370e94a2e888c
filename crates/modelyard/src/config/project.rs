//! The file as a whole: syntax, the check against the table of keys, and the sections in turn.

use std::collections::BTreeMap;
use std::path::Path;

use modelyard_core::config::{Features, Package, Project, Python, RuntimeChoice, Task};
use toml::de::DeTable;

use super::keys::ROOT;
use super::node::{At, Node, plain};
use super::problem::{Problems, did_you_mean, place};
use super::references::{Command, Names};
use super::shape::Check;
use super::value;

/// What is known of a file while it is read.
pub(crate) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) root: &'a Path,
    pub(crate) problems: Problems,
    pub(crate) remarks: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str, root: &'a Path) -> Self {
        Self { text, root, problems: Problems::default(), remarks: Vec::new() }
    }

    /// The project and `[home] path`; `None`, or anything, where there are problems.
    pub(crate) fn read(&mut self) -> Option<(Project, Option<String>)> {
        let (table, mut errors) = DeTable::parse_recoverable(self.text);
        errors.sort_by_key(|error| error.span().map(|span| span.start));
        let whole = errors.is_empty();
        let mut broken_lines: Vec<usize> = Vec::new();
        let mut in_list = false;
        for error in errors {
            let span = error.span().unwrap_or(0..0);
            let span = span.start.min(self.text.len())..span.end.min(self.text.len());
            let line = place(self.text, span.start).0;
            // An unclosed list makes the lines after it look wrong too: its first error is enough.
            let adjacent = broken_lines.last().is_some_and(|last| line.abs_diff(*last) <= 1);
            let follows = adjacent && in_list;
            in_list = follows || ["array", "inline table"].iter().any(|word| error.message().contains(word));
            broken_lines.push(line);
            if !follows {
                self.problems.add(span.clone(), syntax_message(error.message(), span.is_empty()));
            }
        }
        if !whole {
            // What was recovered around the errors is too uncertain for more than names and types.
            let mut found = Problems::default();
            let mut check = Check { problems: &mut found, root: &ROOT };
            check.table(&ROOT, table.get_ref(), &(0..0), "");
            for problem in found.into_sorted() {
                let line = place(self.text, problem.span.start).0;
                if problem.span != (0..0) && !broken_lines.contains(&line) && problem.hint.is_none() {
                    self.problems.add(problem.span, problem.message);
                }
            }
            return None;
        }
        let mut check = Check { problems: &mut self.problems, root: &ROOT };
        check.table(&ROOT, table.get_ref(), &(0..0), "");
        self.sections(&Node::root(&ROOT, table.get_ref()))
    }

    fn sections(&mut self, root: &Node<'_>) -> Option<(Project, Option<String>)> {
        let head = root.node("project");
        let task = head.as_ref().and_then(|head| head.text("task"));
        let task = match task.as_ref().map(|task| task.value.as_str()) {
            Some("regression") => Some(Task::Regression),
            Some("classification") => Some(Task::Classification),
            _ => None,
        };
        let (classes, positive) = head.as_ref().map_or((None, None), |head| self.classes(head, task));
        let target = head.as_ref().and_then(|head| head.text("target")).map(|target| target.value);

        let mut commands: Vec<Command> = Vec::new();
        let data = self.data_sets(root, target.as_deref(), &mut commands);
        let steps = self.custom_steps(root, &data, &mut commands);
        let train = root.node("train").map(|node| self.train(&node, &mut commands));
        let sources: Vec<&str> =
            data.values().flat_map(|set| set.sources.values()).map(|source| source.path.as_str()).collect();
        self.code_reaches_no_source(&commands, &sources);
        self.references(&commands, &Names::new(&data, &steps));
        let test = self.test(root, task, classes.as_deref(), &data, target.as_deref());
        let package = self.package(root, target.as_deref());
        let python = self.python(root);
        let register = root.node("register").and_then(|node| node.text("name")).map(|name| name.value);
        let home = root.node("home").and_then(|node| node.text("path"));
        if let Some(path) = home.as_ref().filter(|path| path.value.is_empty()) {
            self.problems.add(path.span.clone(), "an empty path");
        }
        let environments = self.environments(root);
        let tested = test.data.as_ref().and_then(|name| data.get(name));
        let monitor = self.monitor(root, tested, target.as_deref());
        let triggers = self.triggers(root, train.as_ref(), monitor.as_ref());

        let name = head.and_then(|head| head.text("name"))?.value;
        let register = register.unwrap_or_else(|| name.clone());
        let (task, target) = (task?, target?);
        let home = home.map(|path| path.value);
        let project = Project {
            name,
            task,
            target,
            classes,
            positive,
            python,
            data,
            steps,
            train,
            test,
            package,
            register,
            environments,
            monitor,
            triggers,
        };
        Some((project, home))
    }

    fn classes(&mut self, head: &Node<'_>, task: Option<Task>) -> (Option<Vec<String>>, Option<String>) {
        if let Some(target) = head.text("target").filter(|target| target.value.is_empty()) {
            self.problems.add(target.span, "an empty column name");
        }
        if task == Some(Task::Regression) {
            for key in ["classes", "positive"].into_iter().filter(|key| head.has(key)) {
                self.problems.add(head.key_span(key), format!("a regression has no `{key}`"));
            }
        }
        let classes = head.scalars("classes");
        let mut seen = BTreeMap::new();
        for class in classes.iter().flatten() {
            if seen.insert(class.value.as_str(), ()).is_some() {
                self.problems.add(class.span.clone(), format!("class `{}` stands here twice", class.value));
            }
        }
        if classes.as_ref().is_some_and(|classes| classes.len() < 2) {
            self.problems.add(head.key_span("classes"), "a classification has two classes or more");
        }
        let classes = classes.map(plain);
        let positive = head.get("positive").and_then(|value| {
            let text = value::scalar_text(value.get_ref())?;
            if let Some(classes) = classes.as_ref().filter(|classes| !classes.contains(&text)) {
                let near = did_you_mean(&text, classes.iter().map(String::as_str));
                self.problems.add(value.span(), format!("`{text}` is not among `classes`{near}"));
            }
            Some(text)
        });
        (classes, positive)
    }

    fn python(&mut self, root: &Node<'_>) -> Python {
        let Some(node) = root.node("python") else {
            if root.lacks("python") && self.root.join("requirements.txt").is_file() {
                self.remarks.push(
                    "requirements.txt is not used: name it with `requirements = \"requirements.txt\"` in [python]"
                        .to_owned(),
                );
            }
            return Python { requirements: None, version: None };
        };
        let requirements = node.text("requirements");
        if let Some(file) = &requirements {
            self.project_file(file, "a file of requirements, one package a line");
        }
        let version = node.text("version");
        if let Some(version) = &version {
            self.interpreter(version);
        }
        Python { requirements: requirements.map(|at| at.value), version: version.map(|at| at.value) }
    }

    /// Refuses what is no interpreter's version.
    pub(super) fn interpreter(&mut self, version: &At<String>) {
        let numbers = version.value.split('.');
        let numeric = numbers.clone().all(|part| part.parse::<u16>().is_ok());
        if !numeric || !(2..=3).contains(&numbers.count()) {
            self.problems.add_with_hint(
                version.span.clone(),
                "expected an interpreter's version",
                "write \"3.11\" or \"3.11.7\"",
            );
        }
    }

    fn package(&mut self, root: &Node<'_>, target: Option<&str>) -> Package {
        let mut package = Package {
            runtime: RuntimeChoice::Auto,
            tolerance: Package::DEFAULT_TOLERANCE,
            features: None,
            entry: None,
            code: None,
            timeout_secs: None,
        };
        let Some(node) = root.node("package") else { return package };
        package.runtime = match node.text("runtime").map(|runtime| runtime.value).as_deref() {
            Some("onnx") => RuntimeChoice::Onnx,
            Some("python") => RuntimeChoice::Python,
            _ => RuntimeChoice::Auto,
        };
        package.tolerance = node.number("tolerance").unwrap_or(package.tolerance);
        let many = node.texts("features");
        let one = node.text("features");
        for feature in many.iter().flatten().chain(&one) {
            if Some(feature.value.as_str()) == target {
                self.problems.add(feature.span.clone(), "the target can't be a feature");
            } else if feature.value.is_empty() {
                self.problems.add(feature.span.clone(), "an empty column name");
            }
        }
        if many.as_ref().is_some_and(|many| many.is_empty()) {
            self.problems.add(node.key_span("features"), "a model takes at least one feature");
        }
        package.features =
            many.map(|many| Features::Many(plain(many))).or(one.map(|one| Features::One(one.value)));
        package.entry = node.text("entry").map(|entry| entry.value);
        package.code = node.texts("code").map(|code| {
            self.code_exists(&code);
            plain(code)
        });
        package.timeout_secs = node.text("timeout").and_then(|text| super::duration::parse(&text.value));
        package
    }
}

/// The parser's words where they help, plainer ones for the usual slips.
fn syntax_message(message: &str, nothing_there: bool) -> String {
    if message.starts_with("string values must be quoted") {
        return if nothing_there { "a value is missing" } else { "a text needs quotes" }.to_owned();
    }
    if message.starts_with("missing comma between array elements") {
        return "a comma is missing, or the list before is not closed".to_owned();
    }
    if message.starts_with("invalid basic string, expected `\"`") {
        return "this text is not closed".to_owned();
    }
    message.to_owned()
}
